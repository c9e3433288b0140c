import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** The paths of all files below a folder, sorted. Links to folders are not followed. */
export function filesBelow(folder) {
  const entries = readdirSync(folder, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** SHA-256 over the names and contents of files and folders. A missing path counts as empty. */
export function hashOf(paths, salt = '') {
  const hash = createHash('sha256').update(salt);
  for (const path of paths) {
    const files = !existsSync(path) ? [] : statSync(path).isDirectory() ? filesBelow(path) : [path];
    for (const file of files) {
      const content = readFileSync(file);
      hash.update(`\0${file.slice(path.length)}\0${content.length}\0`).update(content);
    }
  }
  return hash.digest('hex');
}
