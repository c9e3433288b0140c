import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  defaultExportProblems,
  extensionProblems,
  type Files,
  folderProblems,
  functionLengthProblems,
  lengthProblems,
  medianProblems,
  nameProblems,
  reExportProblems,
  roomProblems,
  timeProblems,
} from './layout/checks.ts';
import { lockProblems, versionProblems } from './layout/packages.ts';
import { tableProblems } from './layout/rooms.ts';

const root = dirname(import.meta.dirname);

/** Without what is installed and measured there. */
function benchFolders(): string[] {
  const folders = readdirSync(join(root, 'bench'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return folders.map(({ name }) => `bench/${name}`).filter((path) => !/\/(node_modules|results|\..*)$/.test(path));
}

/** The files that people write; generated code is held to nothing. */
function readFiles(): Files {
  const folders = ['src', 'test', 'prisma', '.ci', ...benchFolders()].flatMap((folder) =>
    readdirSync(join(root, folder), { withFileTypes: true, recursive: true }),
  );
  const alone = ['.', 'bench'].flatMap((folder) => readdirSync(join(root, folder), { withFileTypes: true }));
  const entries = [...alone, ...folders].filter((entry) => entry.isFile());
  const paths = entries.map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'));
  const written = paths.filter((path) => !path.includes('/generated/') && !path.startsWith('test/data/'));
  return new Map(written.map((path) => [path, readFileSync(join(root, path), 'utf8')]));
}

const files = readFiles();
const contentOf = (path: string) => files.get(path) ?? '';

describe('the rooms of src', () => {
  test('the table names only rooms that stand above', () => expect(tableProblems()).toEqual([]));
  test('a room imports only what its line names', () => expect(roomProblems(files)).toEqual([]));
  test('only the clock touches time', () => expect(timeProblems(files)).toEqual([]));
});

describe('imports and exports', () => {
  test('relative imports have the .ts extension', () => expect(extensionProblems(files)).toEqual([]));
  test('nothing is passed on', () => expect(reExportProblems(files)).toEqual([]));
  test('there are no default exports', () => expect(defaultExportProblems(files)).toEqual([]));
});

describe('ceilings', () => {
  test('lines of a file', () => expect(lengthProblems(files)).toEqual([]));
  test('lines of a function', () => expect(functionLengthProblems(files)).toEqual([]));
  test('files of a folder', () => expect(folderProblems(files)).toEqual([]));
  test('the median source file', () => expect(medianProblems(files)).toEqual([]));
});

test('files and folders are named for a concept, in kebab-case', () => expect(nameProblems(files)).toEqual([]));

describe.each(['', 'bench/'])('packages of %s.', (folder) => {
  test('the lock file is complete and holds no addresses', () => {
    expect(lockProblems(contentOf(`${folder}package-lock.json`))).toEqual([]);
  });
  test('versions are exact', () => expect(versionProblems(contentOf(`${folder}package.json`))).toEqual([]));
});
