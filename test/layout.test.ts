import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { buildSchema, parse, validate } from 'graphql';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { behaviourProblems } from './layout/behaviours.ts';
import {
  clientProblems,
  type Files,
  folderProblems,
  nameProblems,
  reExportProblems,
  spreadProblems,
  timeProblems,
} from './layout/checks.ts';
import { consoleHtmlProblems, consoleImportProblems } from './layout/console.ts';
import { tableProblems } from './layout/folders.ts';
import { lockProblems, versionProblems } from './layout/packages.ts';

const root = dirname(import.meta.dirname);

/** The folders of bench/ that are committed and written by hand. */
function benchFolders(): string[] {
  const folders = readdirSync(join(root, 'bench'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return folders.map(({ name }) => `bench/${name}`).filter((path) => !/\/(node_modules|results|\..*)$/.test(path));
}

/** All files that are written by hand: generated code follows no rule. */
function readFiles(): Files {
  const folders = [
    'src',
    'client',
    'console',
    'test',
    'prisma',
    'schema',
    'docs',
    'examples',
    '.ci',
    ...benchFolders(),
  ];
  const nested = folders.flatMap((folder) => readdirSync(join(root, folder), { withFileTypes: true, recursive: true }));
  const topLevel = ['.', 'bench'].flatMap((folder) => readdirSync(join(root, folder), { withFileTypes: true }));
  const entries = [...topLevel, ...nested].filter((entry) => entry.isFile());
  const paths = entries.map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'));
  const written = paths.filter(
    (path) => !/\/(generated|node_modules|dist)\//.test(path) && !path.startsWith('test/data/'),
  );
  return new Map(written.map((path) => [path, readFileSync(join(root, path), 'utf8')]));
}

const files = readFiles();
const contentOf = (path: string) => files.get(path) ?? '';

describe('the folders of src', () => {
  test('an entry of the table names only entries above it', () => expect(tableProblems()).toEqual([]));
  test('a folder imports only what its entry names', () => expect(folderProblems(files)).toEqual([]));
  test('files and folders are named for a concept, in kebab-case', () => expect(nameProblems(files)).toEqual([]));
});

test('the client imports nothing of the server', () => expect(clientProblems(files)).toEqual([]));
describe('the console', () => {
  test('imports only the client and its own packages', () => expect(consoleImportProblems(files)).toEqual([]));
  test('never renders text as HTML', () => expect(consoleHtmlProblems(files)).toEqual([]));
});

test('only the clock reads the time and sets timers', () => expect(timeProblems(files)).toEqual([]));
test('no file re-exports what another one defines', () => expect(reExportProblems(files)).toEqual([]));
test('no literal is spread into a literal', () => expect(spreadProblems(files)).toEqual([]));
test('tests and docs/behaviours.md name the same behaviours', () => expect(behaviourProblems(files)).toEqual([]));

describe.each(['', 'bench/'])('packages of %s.', (folder) => {
  test('the lock file is complete and holds no addresses', () => {
    expect(lockProblems(contentOf(`${folder}package-lock.json`))).toEqual([]);
  });
  test('versions are exact', () => expect(versionProblems(contentOf(`${folder}package.json`))).toEqual([]));
});

test('versions of the packages that the client is built and tested with are exact', () => {
  expect(versionProblems(contentOf('client/package.json'))).toEqual([]);
});

/** Files that a page links to, or names in backticks: relative to the page, to the root, or to `src/`. */
function missingFiles(page: string, text: string): string[] {
  const links = [...text.matchAll(/\]\(([^)#\s]+)(#[^)]*)?\)/g)].map(([, target = '']) => target);
  const relative = links.filter((target) => !/^[a-z]+:/.test(target)).map((target) => join(dirname(page), target));
  const names = [...text.matchAll(/`((?!\.{1,2}\/)(?:[\w.-]+\/)+[\w.-]*\.(?:ts|mjs|md|prisma|graphql|json))`/g)];
  const isMissing = (path: string) => !['', 'src'].some((folder) => existsSync(join(root, folder, path)));
  return [...relative, ...names.map(([, name = '']) => name)].filter(isMissing);
}

test('pages link to and name only files that exist', () => {
  const pages = [...files].filter(([path]) => path.endsWith('.md'));
  const missing = pages.flatMap(([path, text]) => missingFiles(path, text).map((target) => `${path}: ${target}`));
  expect(missing).toEqual([]);
});

test('the tests that SECURITY.md names exist', () => {
  const names = [...contentOf('SECURITY.md').matchAll(/`((?:browser|contract|e2e|integration|unit)\/[\w/-]*)`/g)];
  const paths = [...files.keys()];
  const missing = names.filter(([, name]) => !paths.some((path) => path.startsWith(`test/${name}`)));
  expect(missing.map(([, name]) => name)).toEqual([]);
});

test('docs/performance.md shows the result that it names', () => {
  const page = contentOf('docs/performance.md');
  const [, file = ''] = /From `(bench\/results\/[\w-]+\.json)`/.exec(page) ?? [];
  const report = z.object({ rows: z.array(z.object({ goals: z.array(z.object({ measured: z.string() })) })) });
  const { rows } = report.parse(JSON.parse(readFileSync(join(root, file), 'utf8')));
  const shown = rows.flatMap(({ goals }) => goals.map(({ measured }) => measured));
  expect(shown.filter((measured) => !page.includes(`| ${measured} |`))).toEqual([]);
});

test('the GraphQL documents in pages are valid', () => {
  const schema = buildSchema(contentOf('schema/schema.graphql'));
  const pages = [...files].filter(([path]) => path.endsWith('.md'));
  const documents = pages.flatMap(([path, text]) =>
    [...text.matchAll(/^```graphql\n(.*?)^```$/gms)].map(([, document = '']) => ({ path, document })),
  );
  expect(documents.length).toBeGreaterThan(0);
  const problems = documents.flatMap(({ path, document }) =>
    validate(schema, parse(document)).map(({ message }) => `${path}: ${message}`),
  );
  expect(problems).toEqual([]);
});
