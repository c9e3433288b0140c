import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';

export const benchFolder = dirname(import.meta.dirname);
export const rootFolder = dirname(benchFolder);

/** Of this process. What is interrupted leaves nothing behind either. */
const folders = new Set<string>();
process.once('exit', () => {
  for (const path of folders) rmSync(path, { recursive: true, force: true });
});

/**
 * A new folder for data, on the disk that holds this checkout: the system's own folder for such things may be in memory,
 * where nothing is ever written through.
 */
export function makeFolder(): { path: string; remove(): void } {
  const parent = join(benchFolder, '.data');
  mkdirSync(parent, { recursive: true });
  const path = mkdtempSync(join(parent, 'run-'));
  folders.add(path);
  return {
    path,
    remove() {
      rmSync(path, { recursive: true, force: true });
      folders.delete(path);
    },
  };
}
