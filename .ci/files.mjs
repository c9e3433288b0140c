import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Paths of the files below a folder, sorted. Links to folders are not followed. */
export function filesBelow(folder) {
  const entries = readdirSync(folder, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** SHA-256 over names and contents of files and folders; what does not exist counts as empty. */
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

/** Removes compiled files whose source is gone: the compiler leaves them, and they would still be found and loaded. */
export function pruneOutput(sources, output) {
  for (const file of filesBelow(output)) {
    const match = /^(.*)\.js(\.map)?$/.exec(file.slice(output.length));
    if (match && !existsSync(`${sources}${match[1]}.ts`)) rmSync(file);
  }
}

/** Copies what the program reads as text beside the compiled file that reads it: the compiler takes code only. */
export function copyTexts(sources, output) {
  for (const file of filesBelow(sources).filter((path) => /\.cedar(schema)?$/.test(path))) {
    const copy = join(output, file.slice(sources.length));
    mkdirSync(dirname(copy), { recursive: true });
    copyFileSync(file, copy);
  }
}
