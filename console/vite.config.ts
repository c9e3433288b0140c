import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { build } from 'esbuild';
import { defineConfig, type Plugin } from 'vite';

const pathOf = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const client = pathOf('../client/src/');

/** The documents that the console and its client send, so that a gateway which is restricted to a list executes them. */
const documentModules = [
  `${client}generated/documents.ts`,
  `${client}waits/later-documents.ts`,
  pathOf('src/generated/documents.ts'),
];

async function textsOf(path: string): Promise<string[]> {
  const { outputFiles } = await build({ entryPoints: [path], bundle: true, format: 'esm', write: false });
  const source = Buffer.from(outputFiles[0]?.contents ?? []).toString('base64');
  const exported = (await import(`data:text/javascript;base64,${source}`)) as Record<string, unknown>;
  return Object.values(exported).filter((value) => typeof value === 'string');
}

function documentList(): Plugin {
  return {
    name: 'document-list',
    async generateBundle() {
      const texts = (await Promise.all(documentModules.filter((path) => existsSync(path)).map(textsOf))).flat();
      const idOf = (text: string) => createHash('sha256').update(text).digest('hex');
      const source = JSON.stringify(Object.fromEntries(texts.map((text) => [idOf(text), text])));
      this.emitFile({ type: 'asset', fileName: 'documents.json', source });
    },
  };
}

/** The forms import a validator for their own tests, which needs `eval`. It is not installed. */
function withoutValidator(): Plugin {
  const name = '@rjsf/validator-ajv8';
  return {
    name: 'without-validator',
    resolveId: (id) => (id === name ? `\0${name}` : null),
    load: (id) => (id === `\0${name}` ? 'export default {};' : null),
  };
}

export default defineConfig({
  root: pathOf('.'),
  plugins: [react(), documentList(), withoutValidator()],
  resolve: { alias: { '@runtape/client': `${client}index.ts` } },
  build: {
    target: 'es2023',
    // A data address would need an exception in the content security policy.
    assetsInlineLimit: 0,
    manifest: 'manifest.json',
    license: { fileName: 'third-party-licenses.md' },
    reportCompressedSize: false,
  },
  // For work on the console: `npm start` beside `npx vite console`.
  server: { proxy: { '/graphql': { target: 'http://127.0.0.1:4000', ws: true } } },
});
