import { describe, expect, test } from 'vitest';
import {
  ceilings,
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
} from './checks.ts';
import { lockProblems, versionProblems } from './packages.ts';
import { tableProblems } from './rooms.ts';

const one = (path: string, content: string): Files => new Map([[path, content]]);
const lines = (count: number) => 'a;\n'.repeat(count);

describe('rooms', () => {
  const problems = (path: string, from: string, how = 'import { a }') =>
    roomProblems(one(path, `${how} from '${from}';`));

  test('an import that the line names is fine', () => {
    expect(problems('src/domain/run.ts', '../ids.ts')).toEqual([]);
    expect(problems('src/domain/run.ts', './events.ts')).toEqual([]);
    expect(problems('src/domain/run.ts', 'zod')).toEqual([]);
    expect(problems('src/orchestrator/loop.ts', '../application/send.ts')).toEqual([]);
    expect(problems('src/server/compose.ts', '../graphql/schema.ts')).toEqual([]);
    expect(problems('src/main.ts', './config/environment.ts')).toEqual([]);
  });

  test('an import that it does not name is a problem', () => {
    expect(problems('src/domain/run.ts', '../clock.ts')).toEqual(['src/domain/run.ts:1 domain must not import clock']);
    expect(problems('src/graphql/run.ts', '../orchestrator/loop.ts')).toHaveLength(1);
    expect(problems('src/orchestrator/loop.ts', '../graphql/schema.ts')).toHaveLength(1);
    expect(problems('src/orchestrator/loop.ts', '../server/compose.ts')).toHaveLength(1);
    expect(problems('src/client/resume.ts', '../ids.ts')).toHaveLength(1);
    expect(problems('src/client/resume.ts', '../ids.ts', 'import type { A }')).toHaveLength(1);
    expect(problems('src/main.ts', './domain/run.ts')).toHaveLength(1);
    expect(problems('src/domain/run.ts', '../../test/unit/given.ts')).toHaveLength(1);
  });

  test('where only types are named, only types are fine', () => {
    expect(problems('src/projections/runs.ts', '../journal/journal.ts', 'import type { A }')).toEqual([]);
    expect(problems('src/projections/runs.ts', '../journal/journal.ts', 'import { type A }')).toEqual([]);
    expect(problems('src/projections/runs.ts', '../journal/journal.ts', 'import { type A, b }')).toEqual([
      'src/projections/runs.ts:1 projections may import only types from journal',
    ]);
  });

  test('a file in no room is a problem', () => {
    expect(roomProblems(one('src/extra/a.ts', ''))).toEqual(['src/extra/a.ts:1 is in no room of the table']);
  });

  test('a table that names what is not above is a problem', () => {
    const table = [
      { name: 'a', imports: ['b types', 'c'] },
      { name: 'b', imports: ['a'] },
    ];
    expect(tableProblems(table)).toEqual([
      'a names b, which does not stand above it',
      'a names c, which does not stand above it',
    ]);
  });
});

describe('imports and exports', () => {
  test('a relative import without extension is a problem', () => {
    expect(extensionProblems(one('src/a.ts', "import b from '../tidy/b';\nimport c from '../c.js';"))).toHaveLength(2);
    expect(extensionProblems(one('test/unit/a.test.ts', "import b from '.';"))).toHaveLength(1);
    expect(extensionProblems(one('src/a.ts', "import b from '../tidy/b.ts';\nimport z from 'zod';"))).toEqual([]);
  });

  test('passing on is a problem', () => {
    const passing =
      "export * from '../tidy/a.ts';\nexport { b } from '../tidy/b.ts';\nexport type { C } from '../tidy/c.ts';\nexport * as d from 'd';";
    expect(reExportProblems(one('src/graphql/index.ts', passing))).toHaveLength(4);
    expect(reExportProblems(one('src/a.ts', 'export { a };\nexport type { B };\nexport const c = 1;'))).toEqual([]);
  });

  test('a default export is a problem', () => {
    expect(defaultExportProblems(one('src/a.ts', 'export default 1;\n'))).toEqual(['src/a.ts:1 exports a default']);
    expect(defaultExportProblems(one('src/a.ts', 'export { a as default };'))).toHaveLength(1);
    expect(defaultExportProblems(one('src/a.ts', 'switch (a) { default: b(); }\nx.default;'))).toEqual([]);
  });
});

describe('ceilings', () => {
  test('one line too many is a problem', () => {
    expect(lengthProblems(one('src/a.ts', lines(ceilings.sourceLines)))).toEqual([]);
    expect(lengthProblems(one('src/a.ts', lines(ceilings.sourceLines + 1)))).toHaveLength(1);
    expect(lengthProblems(one('.ci/a.mjs', lines(ceilings.sourceLines + 1)))).toHaveLength(1);
    expect(lengthProblems(one('test/unit/a.test.ts', lines(ceilings.testLines)))).toEqual([]);
    expect(lengthProblems(one('test/unit/a.test.ts', lines(ceilings.testLines + 1)))).toHaveLength(1);
  });

  test('a function that is too long is a problem', () => {
    const long = (inside: number) => `const before = 1;\nexport function f() {\n${lines(inside)}}\n`;
    expect(functionLengthProblems(one('src/a.ts', long(68)))).toEqual([]);
    expect(functionLengthProblems(one('src/a.ts', long(69)))).toEqual(['src/a.ts:2 f has 71 lines, more than 70']);
  });

  test('a folder that is too full is a problem', () => {
    const files = (count: number) => new Map(Array.from({ length: count }, (_, i) => [`src/tools/a${i}.ts`, '']));
    expect(folderProblems(files(12))).toEqual([]);
    expect(folderProblems(files(13))).toEqual(['src/tools has 13 files, more than 12']);
  });

  test('a median that is too high is a problem', () => {
    const files = (...lengths: number[]) => new Map(lengths.map((length, i) => [`src/a${i}.ts`, lines(length)]));
    expect(medianProblems(files(10, 99, 250))).toEqual([]);
    expect(medianProblems(files(10, 100, 250))).toEqual(['the median source file has 100 lines']);
  });
});

test('names that say nothing or are not kebab-case are problems', () => {
  const bad = [
    'src/utils/a.ts',
    'src/helpers.ts',
    'src/domain/types.ts',
    'src/lib/b.ts',
    'src/runLoop.ts',
    'src/run_loop.ts',
  ];
  for (const path of bad) expect(nameProblems(one(path, '')), path).toHaveLength(1);
  expect(nameProblems(one('src/domain/next-step.ts', ''))).toEqual([]);
});

describe('time', () => {
  const problems = (content: string, path = 'src/journal/a.ts') => timeProblems(one(path, content));

  test('reading it or waiting for it is a problem', () => {
    for (const use of [
      'Date.now();',
      'new Date();',
      'new Date;',
      'Date();',
      'globalThis.setTimeout(f, 1);',
      'setTimeout(f, 1);',
      'setInterval(f, 1);',
      'performance.now();',
      'process.hrtime.bigint();',
      'AbortSignal.timeout(1);',
      "import { setTimeout as sleep } from 'node:timers/promises';",
      "import { performance } from 'node:perf_hooks';",
    ]) {
      expect(problems(use), use).toHaveLength(1);
    }
  });

  test('converting it, and things of the same name, are fine', () => {
    for (const use of [
      'new Date(event.at);',
      'Date.parse(a);',
      'socket.setTimeout(1);',
      'clock.now();',
      'const a: Date = b;',
    ]) {
      expect(problems(use), use).toEqual([]);
    }
  });

  test('the clock itself may', () => expect(problems('Date.now();', 'src/clock.ts')).toEqual([]));
});

describe('packages', () => {
  const lock = (packages: object) => lockProblems(JSON.stringify({ packages }));
  const optionalDependencies = { b: '1.0.0' };

  test('an optional package that the lock lacks is a problem', () => {
    expect(lock({ 'node_modules/a': { version: '1.0.0', optionalDependencies } })).toEqual([
      'node_modules/a@1.0.0 lacks b',
    ]);
    expect(lock({ '': { optionalDependencies } })).toHaveLength(1);
    expect(lock({ 'node_modules/a': { optionalDependencies }, 'node_modules/c/node_modules/b': {} })).toHaveLength(1);
  });

  test('it may lie beside, within, or further out', () => {
    expect(lock({ 'node_modules/a': { optionalDependencies }, 'node_modules/b': {} })).toEqual([]);
    expect(lock({ 'node_modules/a': { optionalDependencies }, 'node_modules/a/node_modules/b': {} })).toEqual([]);
    const deep = 'node_modules/c/node_modules/@s/a';
    expect(lock({ [deep]: { optionalDependencies }, 'node_modules/c/node_modules/b': {} })).toEqual([]);
    expect(lock({ [deep]: { optionalDependencies }, 'node_modules/b': {} })).toEqual([]);
  });

  test('a download address is a problem', () => {
    expect(lock({ 'node_modules/a': { resolved: 'a.tgz' } })).toEqual(['node_modules/a has a download address']);
  });

  test('a version that is not exact is a problem', () => {
    const problems = (manifest: object) => versionProblems(JSON.stringify(manifest));
    expect(problems({ dependencies: { a: '^1.0.0' } })).toEqual(['dependencies a: ^1.0.0 is not an exact version']);
    expect(problems({ devDependencies: { a: 'latest' }, overrides: { b: { c: '1.x' } } })).toHaveLength(2);
    expect(problems({ dependencies: { a: '1.2.3', b: '7.10.0-4.0edf323' }, overrides: { c: '1.0.0' } })).toEqual([]);
  });
});
