import { mkdirSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { buildSync } from 'esbuild';

const folder = join(import.meta.dirname, '../node_modules/.cache/test-programs');
const bundled = new Set<string>();

/** CommonJS packages in an ES module call `require` for the modules of Node. */
const banner = `import { createRequire as createNodeRequire } from 'node:module'; const require = createNodeRequire(import.meta.url);`;

/**
 * A program of tests in one file, which loads in a fraction of the CPU time. Each process bundles it once.
 * @param name of the bundle: an ES module if it ends in `.mjs`, else CommonJS
 */
export function bundleOf(source: string, name: string): string {
  const path = join(folder, name);
  if (bundled.has(path)) return path;
  const isModule = name.endsWith('.mjs');
  // Another process may be loading the file.
  const written = `${path}.${process.pid}`;
  mkdirSync(dirname(path), { recursive: true });
  buildSync({
    entryPoints: [source],
    outfile: written,
    bundle: true,
    platform: 'node',
    format: isModule ? 'esm' : 'cjs',
    banner: isModule ? { js: banner } : {},
    // Native.
    external: ['better-sqlite3'],
  });
  renameSync(written, path);
  bundled.add(path);
  return path;
}
