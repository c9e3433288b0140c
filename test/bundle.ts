import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { buildSync, version } from 'esbuild';

const folder = join(import.meta.dirname, '../node_modules/.cache/test-programs');
const bundled = new Set<string>();

/** CommonJS packages in an ES module call `require` for the modules of Node. */
const banner = `import { createRequire as createNodeRequire } from 'node:module'; const require = createNodeRequire(import.meta.url);`;

/**
 * A program of tests in one file, which loads in a fraction of the CPU time. It is bundled again when one of its files has changed.
 * @param name of the bundle: an ES module if it ends in `.mjs`, else CommonJS
 */
export function bundleOf(source: string, name: string): string {
  const path = join(folder, name);
  if (bundled.has(path) || isCurrent(path)) return path;
  const isModule = name.endsWith('.mjs');
  // Another process may be loading the file.
  const written = `${path}.${process.pid}`;
  mkdirSync(dirname(path), { recursive: true });
  const { metafile } = buildSync({
    entryPoints: [source],
    outfile: written,
    bundle: true,
    platform: 'node',
    format: isModule ? 'esm' : 'cjs',
    banner: isModule ? { js: banner } : {},
    // Native.
    external: ['better-sqlite3'],
    metafile: true,
  });
  const files = [import.meta.filename, ...Object.keys(metafile?.inputs ?? {}).map((file) => resolve(file))];
  const made: Made = { files, hash: hashOf(files) };
  writeFileSync(`${written}.json`, JSON.stringify(made));
  renameSync(written, path);
  renameSync(`${written}.json`, `${path}.json`);
  bundled.add(path);
  return path;
}

/** What a bundle was made of. */
interface Made {
  files: string[];
  hash: string;
}

function hashOf(files: readonly string[]): string {
  const hash = createHash('sha256').update(version);
  for (const file of files) hash.update(readFileSync(file));
  return hash.digest('hex');
}

function isCurrent(path: string): boolean {
  try {
    const { files, hash }: Made = JSON.parse(readFileSync(`${path}.json`, 'utf8'));
    if (hashOf(files) !== hash) return false;
    readFileSync(path);
  } catch {
    return false;
  }
  bundled.add(path);
  return true;
}
