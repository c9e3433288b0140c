import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { command } from './child.mjs';
import { filesBelow } from './files.mjs';

/** Compiles the client package into its `dist`. TypeScript rewrites the extensions of imports in the code only. */
export async function compileClient(root) {
  const output = join(root, 'client/dist');
  rmSync(output, { recursive: true, force: true });
  await command(root, [process.execPath, 'node_modules/typescript/bin/tsc', '-p', 'client', '--noEmit', 'false']);
  for (const path of filesBelow(output).filter((each) => each.endsWith('.d.ts'))) {
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, text.replace(/((?:from |import\()['"]\.[^'"]*)\.ts(?=['"])/g, '$1.js'));
  }
}
