import { copyFileSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { build } from 'esbuild';
import { filesBelow } from './files.mjs';

/** The program, and what the crash campaign and the benchmark take from the built program into processes of their own. */
const entries = [
  'main.ts',
  'clock.ts',
  'config/configuration.ts',
  'database/open-database.ts',
  'ids.ts',
  'journal/database-journal.ts',
  'logger.ts',
  'server/gateway.ts',
  'tools/tool.ts',
];

/** What finds files of its own beside its code, or is native. */
const external = ['@cedar-policy/cedar-wasm', 'better-sqlite3', 'pino'];

/** Packages that are not modules ask for Node's by `require`. */
const banner = `import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);`;

/**
 * A few files instead of two thousand: starting takes half the time and a fifth less memory. What is imported when it is
 * asked for stays a file of its own. All lie in one folder, with the texts that the program reads beside them.
 */
export async function bundle(sources, output) {
  mkdirSync(output, { recursive: true });
  const { metafile } = await build({
    entryPoints: entries.map((path) => join(sources, path)),
    outdir: output,
    entryNames: '[name]',
    bundle: true,
    splitting: true,
    sourcemap: 'linked',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    // One copy of a package, whether it is imported or required.
    mainFields: ['module', 'main'],
    external,
    banner: { js: banner },
    logLevel: 'warning',
    metafile: true,
  });
  const texts = filesBelow(sources).filter((path) => /\.cedar(schema)?$/.test(path));
  for (const path of texts) copyFileSync(path, join(output, basename(path)));
  const made = [...Object.keys(metafile.outputs), ...texts.map((path) => join(output, basename(path)))];
  removeAged(output, new Set(made.map((path) => resolve(path))));
}

const DAY_MILLISECONDS = 24 * 60 * 60 * 1000;

/** A server that runs from the build before loads some of its files late: they stay for a day. */
function removeAged(output, made) {
  const newest = Date.now() - DAY_MILLISECONDS;
  for (const path of filesBelow(output)) {
    if (!made.has(resolve(path)) && statSync(path).mtimeMs < newest) rmSync(path);
  }
}
