import { copyFileSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { build } from 'esbuild';
import { filesBelow } from './files.mjs';

/** The program, and the modules that the crash campaign and the benchmark import from the build. */
const entries = [
  'main.ts',
  'clock.ts',
  'config/configuration.ts',
  'database/open-database.ts',
  'ids.ts',
  'journal/database-journal.ts',
  'logger.ts',
  'server/gateway.ts',
  'tools/json-schema/schema-worker.ts',
  'tools/tool.ts',
];

/** Packages that load files from their own folder, or are native. */
const external = ['@cedar-policy/cedar-wasm', 'better-sqlite3', 'pino'];

/** CommonJS packages in the bundle call `require` for the modules of Node. */
const banner = `import { createRequire as createNodeRequire } from 'node:module'; const require = createNodeRequire(import.meta.url);`;

/**
 * Bundles the program into a few files, which load much faster than two thousand modules. Dynamic imports stay separate files.
 * The policy files that the program reads at run time are copied beside the code.
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
    // A package that is both imported and required is bundled once.
    mainFields: ['module', 'main'],
    external,
    banner: { js: banner },
    logLevel: 'warning',
    metafile: true,
  });
  const texts = filesBelow(sources).filter((path) => /\.cedar(schema)?$/.test(path));
  for (const path of texts) copyFileSync(path, join(output, basename(path)));
  const written = [...Object.keys(metafile.outputs), ...texts.map((path) => join(output, basename(path)))];
  removeOldFiles(output, new Set(written.map((path) => resolve(path))));
}

const DAY_MILLISECONDS = 24 * 60 * 60 * 1000;

/** Removes files of earlier builds after a day: a server that still runs from such a build may load them late. */
function removeOldFiles(output, written) {
  const oldestKept = Date.now() - DAY_MILLISECONDS;
  for (const path of filesBelow(output)) {
    if (!written.has(resolve(path)) && statSync(path).mtimeMs < oldestKept) rmSync(path);
  }
}
