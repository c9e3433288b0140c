import { describe, expect, test } from 'vitest';
import { behaviourProblems } from './behaviours.ts';
import { type Files, folderProblems, nameProblems, reExportProblems, spreadProblems, timeProblems } from './checks.ts';
import { consoleHtmlProblems, consoleImportProblems } from './console.ts';
import { tableProblems } from './folders.ts';
import { lockProblems, versionProblems } from './packages.ts';
import { importsOf, parseSource } from './source.ts';

const one = (path: string, content: string): Files => new Map([[path, content]]);

describe('the imports of a file', () => {
  const imports = (source: string) => importsOf(parseSource('a.ts', source));

  test('every form is found, with its line', () => {
    for (const statement of [
      "import a from './x.ts';",
      "import a, { type B, c } from './x.ts';",
      "import * as a from './x.ts';",
      "import './x.ts';",
      "await import('./x.ts');",
      "import type, { a } from './x.ts';",
    ]) {
      const expected = [{ from: './x.ts', line: 2, typesOnly: false, reExport: false }];
      expect(imports(`\n${statement}`), statement).toEqual(expected);
    }
  });

  test('an import that only has types is marked', () => {
    for (const statement of [
      "import type { A } from './x.ts';",
      "import type A from './x.ts';",
      "import { type A, type B, } from './x.ts';",
      "type A = typeof import('./x.ts');",
      "type A = import('./x.ts').B;",
    ]) {
      expect(imports(statement), statement).toMatchObject([{ typesOnly: true }]);
    }
  });

  test('other uses of the words are ignored', () => {
    for (const statement of ['import.meta.url;', "export { a }; from('./x.ts');", "'import a from b'"]) {
      expect(imports(statement), statement).toEqual([]);
    }
  });
});

describe('folders', () => {
  const problems = (path: string, from: string, how = 'import { a }') =>
    folderProblems(one(path, `${how} from '${from}';`));

  test('an import that the entry names is allowed', () => {
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

  test('an entry that names types of a folder allows types only', () => {
    expect(problems('src/projections/runs.ts', '../journal/journal.ts', 'import type { A }')).toEqual([]);
    expect(problems('src/projections/runs.ts', '../journal/journal.ts', 'import { type A }')).toEqual([]);
    expect(problems('src/projections/runs.ts', '../journal/journal.ts', 'import { type A, b }')).toEqual([
      'src/projections/runs.ts:1 projections may import only types from journal',
    ]);
  });

  test('a file outside the table is a problem', () => {
    expect(folderProblems(one('src/extra/a.ts', ''))).toEqual(['src/extra/a.ts:1 is not in the folder table']);
  });

  test('an entry that names a folder below it, or an unknown one, is a problem', () => {
    const table = [
      { name: 'a', imports: ['b types', 'c'] },
      { name: 'b', imports: ['a'] },
    ];
    expect(tableProblems(table)).toEqual([
      'a may import b, which is not listed above it',
      'a may import c, which is not listed above it',
    ]);
  });
});

describe('the console', () => {
  const manifest = ['console/package.json', '{"devDependencies":{"react":"1","@runtape/client":"1"}}'] as const;
  const problems = (from: string) =>
    consoleImportProblems(new Map([manifest, ['console/src/run/a.tsx', `import { a } from '${from}';`]]));

  test('its own files and packages, and the client, are allowed', () => {
    for (const from of ['./b.tsx', '../parts/c.ts', 'react', 'react/jsx-runtime', '@runtape/client']) {
      expect([from, problems(from)]).toEqual([from, []]);
    }
  });

  test('the server, the inside of the client and other packages are problems', () => {
    for (const from of ['../../../src/ids.ts', '../../../client/src/client.ts', 'graphql', 'node:fs']) {
      expect([from, problems(from).length]).toEqual([from, 1]);
    }
  });

  test('writing HTML is a problem', () => {
    const element = 'const a = <b dangerouslySetInnerHTML={{ __html: text }} />;';
    expect(consoleHtmlProblems(one('console/src/a.tsx', element))).toHaveLength(1);
    expect(consoleHtmlProblems(one('console/src/a.tsx', 'const a = <b>{text}</b>;'))).toEqual([]);
  });
});

test('a re-export is a problem', () => {
  const reExports =
    "export * from '../tidy/a.ts';\nexport { b } from '../tidy/b.ts';\nexport type { C } from '../tidy/c.ts';\nexport * as d from 'd';";
  expect(reExportProblems(one('src/graphql/index.ts', reExports))).toHaveLength(4);
  expect(reExportProblems(one('src/a.ts', 'export { a };\nexport type { B };\nexport const c = 1;'))).toEqual([]);
});

test('a name that says nothing or is not kebab-case is a problem', () => {
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

  test('reading the time and setting a timer is a problem', () => {
    for (const use of [
      'Date.now();',
      'new Date();',
      'new Date;',
      'Date();',
      'globalThis.Date.now();',
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

  test('converting a time, and other things with these names, are allowed', () => {
    for (const use of [
      'new Date(event.at);',
      'Date.parse(a);',
      'socket.setTimeout(1);',
      'clock.now();',
      'const a: Date = b;',
      '"Date.now()";',
    ]) {
      expect(problems(use), use).toEqual([]);
    }
  });

  test('the clock is exempt', () => expect(problems('Date.now();', 'src/clock.ts')).toEqual([]));
});

describe('literals that are spread into literals', () => {
  const problems = (content: string, path = 'src/a.ts') => spreadProblems(one(path, content));

  test('an object into an object and an array into an array are problems', () => {
    for (const use of [
      'f({ ...{ a, b }, c });',
      'f({ c, ...{ a } });',
      'f({ ...({ a } as A), c });',
      'f({ ...({ a } satisfies A), c });',
      'f([...[a, b], c]);',
    ]) {
      expect(problems(use), use).toHaveLength(1);
    }
    expect(problems('\n\nf({ ...{ a }, c });')).toEqual(['src/a.ts:3 spreads an object literal']);
  });

  test('every folder with code is checked', () => {
    for (const path of ['test/unit/a.test.ts', 'test/e2e/a.mjs', 'bench/main.ts', '.ci/test.mjs']) {
      expect(problems('f([...[a]]);', path), path).toHaveLength(1);
    }
  });

  test('other spreads are allowed', () => {
    for (const use of ['f({ ...a, b });', 'f({ ...(a && { b }) });', 'f([...a, b]);', 'f([...(a ? [b] : [])]);']) {
      expect(problems(use), use).toEqual([]);
    }
  });
});

describe('behaviours', () => {
  const page = ['docs/behaviours.md', '- **B1** One.\n- **B2** Two, as B1.\n'] as const;
  const problems = (content: string) => behaviourProblems(new Map([page, ['test/unit/a.test.ts', content]]));

  test('the numbers of tests and of the page are the same', () => {
    expect(problems("test('B1, B2: holds', f);")).toEqual([]);
  });

  test('a number that only a test or only the page has is a problem', () => {
    expect(problems("test('B1: holds', f);\ntest('B3: holds', f);")).toEqual([
      'test/unit/a.test.ts names B3, which docs/behaviours.md does not describe',
      'docs/behaviours.md describes B2, which no test names',
    ]);
  });
});

describe('packages', () => {
  const lock = (packages: object) => lockProblems(JSON.stringify({ packages }));
  const optionalDependencies = { b: '1.0.0' };

  test('an optional package that the lock file lacks is a problem', () => {
    expect(lock({ 'node_modules/a': { version: '1.0.0', optionalDependencies } })).toEqual([
      'node_modules/a@1.0.0 lacks b',
    ]);
    expect(lock({ '': { optionalDependencies } })).toHaveLength(1);
    expect(lock({ 'node_modules/a': { optionalDependencies }, 'node_modules/c/node_modules/b': {} })).toHaveLength(1);
  });

  test('the optional package is found beside, within, and further up', () => {
    expect(lock({ 'node_modules/a': { optionalDependencies }, 'node_modules/b': {} })).toEqual([]);
    expect(lock({ 'node_modules/a': { optionalDependencies }, 'node_modules/a/node_modules/b': {} })).toEqual([]);
    const deep = 'node_modules/c/node_modules/@s/a';
    expect(lock({ [deep]: { optionalDependencies }, 'node_modules/c/node_modules/b': {} })).toEqual([]);
    expect(lock({ [deep]: { optionalDependencies }, 'node_modules/b': {} })).toEqual([]);
  });

  test('a download address is a problem', () => {
    expect(lock({ 'node_modules/a': { resolved: 'a.tgz' } })).toEqual(['node_modules/a has a download address']);
    expect(lock({ 'node_modules/a': { resolved: 'a', link: true }, a: { version: '1.0.0' } })).toEqual([]);
  });

  test('a version that is not exact is a problem', () => {
    const problems = (manifest: object) => versionProblems(JSON.stringify(manifest));
    expect(problems({ dependencies: { a: '^1.0.0' } })).toEqual(['dependencies a: ^1.0.0 is not an exact version']);
    expect(problems({ devDependencies: { a: 'latest' }, overrides: { b: { c: '1.x' } } })).toHaveLength(2);
    expect(problems({ dependencies: { a: '1.2.3', b: '7.10.0-4.0edf323' }, overrides: { c: '1.0.0' } })).toEqual([]);
  });
});
