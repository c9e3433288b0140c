import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { build } from 'esbuild';
import { filesBelow } from './files.mjs';

const manifest = JSON.parse(readFileSync(join(dirname(import.meta.dirname), 'package.json'), 'utf8'));

/** The program, and the modules that the crash campaign and the benchmark import from the build. */
const entries = [
  'main.ts',
  'clock.ts',
  'config/configuration.ts',
  'database/open-database.ts',
  'database/sqlite/connection-worker.ts',
  'ids.ts',
  'journal/database-journal.ts',
  'logger.ts',
  'server/gateway.ts',
  'tools/json-schema/schema-worker.ts',
  'policy/policy-worker.ts',
  'tools/tool.ts',
];

/** Packages that load files from their own folder, or are native. They are installed with Runtape; all others are in the bundle. */
const external = Object.keys(manifest.dependencies);

/** CommonJS packages in the bundle call `require` for the modules of Node. */
const banner = `import { createRequire as createNodeRequire } from 'node:module'; const require = createNodeRequire(import.meta.url);`;

/**
 * Writes the query compiler of Prisma, which its package has as a text in base64, to a file of its own. The text would stay in
 * memory twice.
 */
const wasmFiles = {
  name: 'wasm-files',
  setup({ onResolve, onLoad }) {
    onLoad({ filter: /\.wasm-base64\.mjs$/ }, ({ path }) => {
      const file = `./${basename(path).replace('.wasm-base64.mjs', '.wasm')}`;
      return {
        contents: `import { readFileSync } from 'node:fs';
          import path from ${JSON.stringify(file)};
          // The caller passes this to Buffer.from, which takes the value of an object.
          export const wasm = { valueOf: () => readFileSync(new URL(path, import.meta.url)) };`,
        resolveDir: dirname(path),
      };
    });
    onResolve({ filter: /^\.\/query_compiler_\w+\.\w+\.wasm$/ }, ({ path, resolveDir }) => ({
      path: join(resolveDir, path),
      namespace: 'wasm-file',
    }));
    onLoad({ filter: /.*/, namespace: 'wasm-file' }, async ({ path }) => {
      const { wasm } = await import(path.replace(/\.wasm$/, '.wasm-base64.mjs'));
      return { contents: Buffer.from(wasm, 'base64'), loader: 'file' };
    });
  },
};

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
    // V8 keeps the text of every module in memory. Lines stay short, so that a position in a stack trace says something.
    minifyWhitespace: true,
    lineLimit: 160,
    plugins: [wasmFiles],
    logLevel: 'warning',
    metafile: true,
  });
  const texts = filesBelow(sources).filter((path) => /\.cedar(schema)?$/.test(path));
  for (const path of texts) copyFileSync(path, join(output, basename(path)));
  const licenses = join(output, 'third-party-licenses.txt');
  writeFileSync(licenses, licensesOf(Object.keys(metafile.inputs)));
  const written = [...Object.keys(metafile.outputs), ...texts.map((path) => join(output, basename(path))), licenses];
  writeFileSync(join(output, FILE_LIST), JSON.stringify(written.map((path) => basename(path))));
  removeOldFiles(output, new Set(written.map((path) => resolve(path))));
}

/** Names the files of the newest build. */
const FILE_LIST = '.files.json';

/** Removes what earlier builds left in the output folder, however recent, so that it is not published. */
export function removeEarlierBuilds(output) {
  const newest = new Set(JSON.parse(readFileSync(join(output, FILE_LIST), 'utf8')));
  for (const entry of readdirSync(output, { withFileTypes: true })) {
    if (entry.isFile() && !entry.name.startsWith('.') && !newest.has(entry.name)) rmSync(join(output, entry.name));
  }
}

/** The licenses of the packages in the bundle, which most of them require beside every copy. */
function licensesOf(inputs) {
  const paths = inputs.map((path) => path.replace(/^wasm-file:/, ''));
  const folders = paths.flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(path)?.[0] ?? []);
  const sections = [...new Set(folders)].map((folder) => {
    const { name, version, license = 'see below' } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const files = readdirSync(folder).filter((file) => /^(licen[cs]e|notice|copying)/i.test(file));
    const texts = files.map((file) => readFileSync(join(folder, file), 'utf8').trim());
    return [`${name} ${version}`, `License: ${license}`, ...texts].join('\n\n');
  });
  return `${[...new Set(sections)].sort().join(`\n\n${'-'.repeat(80)}\n\n`)}\n`;
}

const DAY_MILLISECONDS = 24 * 60 * 60 * 1000;

/** Removes files of earlier builds after a day: a server that still runs from such a build may load them late. */
function removeOldFiles(output, written) {
  const oldestKept = Date.now() - DAY_MILLISECONDS;
  for (const path of filesBelow(output)) {
    if (basename(path) !== FILE_LIST && !written.has(resolve(path)) && statSync(path).mtimeMs < oldestKept)
      rmSync(path);
  }
}
