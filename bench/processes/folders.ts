import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';

export const benchFolder = dirname(import.meta.dirname);
export const rootFolder = dirname(benchFolder);

/** Removed when this process ends, also if the benchmark is interrupted. */
const folders = new Set<string>();
process.once('exit', () => {
  for (const path of folders) rmSync(path, { recursive: true, force: true });
});

/** Creates a data folder on the disk of this checkout: the temporary folder of the system may be in memory. */
export function createFolder(): { path: string; remove(): void } {
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
