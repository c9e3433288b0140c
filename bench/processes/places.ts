import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';

export const benchFolder = dirname(import.meta.dirname);
export const rootFolder = dirname(benchFolder);

/**
 * A new folder for data, on the disk that holds this checkout: the system's own folder for such things may be in memory,
 * where nothing is ever written through.
 */
export function makeFolder(): { path: string; remove(): void } {
  const parent = join(benchFolder, '.data');
  mkdirSync(parent, { recursive: true });
  const path = mkdtempSync(join(parent, 'run-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
