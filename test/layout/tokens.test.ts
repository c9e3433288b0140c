import { describe, expect, test } from 'vitest';
import { functionsOf } from './functions.ts';
import { importsOf } from './imports.ts';
import { tokensOf } from './tokens.ts';

const textsOf = (source: string) => tokensOf(source).map((token) => token.text);
const measured = (source: string) => functionsOf(tokensOf(source)).map(({ name, lines }) => [name, lines]);

describe('tokens', () => {
  test('comments vanish and lines are counted through them', () => {
    const tokens = tokensOf('#!/usr/bin/env node\n// if {\n/* (\n */ a');
    expect(tokens).toEqual([{ kind: 'word', text: 'a', line: 4 }]);
  });

  test('code in a template is code, the text around it is not', () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the template is what is cut
    expect(textsOf('`{ ${a(`( ${b}`)} \\` $ }` + c')).toEqual([
      '{ ',
      '{',
      'a',
      '(',
      '( ',
      '{',
      'b',
      '}',
      '',
      ')',
      '}',
      ' \\` $ }',
      '+',
      'c',
    ]);
  });

  test('a slash divides after a value and begins a pattern elsewhere', () => {
    const kinds = (source: string) => tokensOf(source).filter(({ kind }) => kind === 'regex').length;
    expect(kinds('a / b / c; (a) / 2 / d; a[0] / 1 / e')).toBe(0);
    expect(kinds('const p = /[/\'"`{]\\//g; if (x) /}/.test(x); return /a/')).toBe(3);
  });

  test('quotes hide what they hold', () => {
    expect(textsOf(`a('it\\'s {', "// b")`)).toEqual(['a', '(', "it\\'s {", ',', '// b', ')']);
  });
});

describe('functions', () => {
  test('declarations, methods and arrow functions are measured from their name or parameters', () => {
    expect(
      measured('export async function* f<T extends { a: 1 }>(\n  a: T,\n): Promise<{ b: T }> {\n  run();\n}'),
    ).toEqual([['f', 5]]);
    expect(measured('class A {\n  return(): void {\n  }\n  [Symbol.asyncIterator]() {\n  }\n}')).toEqual([
      ['return', 2],
      [']', 2],
    ]);
    expect(measured('const f = (\n  a: A,\n): a is B => {\n};')).toEqual([['arrow function', 4]]);
    expect(measured('const f = (a) =>\n  g({\n    a,\n  });\nh();')).toEqual([['arrow function', 4]]);
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the template is what is cut
    expect(measured('const f = (a) =>\n  `${a\n    .b}`;')).toEqual([['arrow function', 3]]);
  });

  test('a function type as return type hides no body', () => {
    expect(measured('function f(): () => void {\n  return g;\n}').map(([name]) => name)).toContain('f');
    expect(
      measured('interface A {\n  after(a: number, then: () => void): () => void;\n}').every(([, lines]) => lines === 1),
    ).toBe(true);
  });

  test('an outer function is measured with the inner ones', () => {
    expect(measured('function a() {\n  const b = () => {\n    c();\n  };\n}')).toEqual([
      ['a', 5],
      ['arrow function', 3],
    ]);
  });

  test('blocks, conditions and objects are no functions', () => {
    const source =
      'if (a) {\n} else if (f(b)) {\n} for (;;) {\n} switch (c) { case f(d): {\n} } const o = a ? f(b) : {\n};';
    expect(measured(source)).toEqual([]);
  });
});

describe('imports', () => {
  const one = (source: string) => importsOf(tokensOf(source))[0];

  test('every form of an import is seen', () => {
    for (const source of [
      "import a from './x.ts';",
      "import a, { type B, c } from './x.ts';",
      "import * as a from './x.ts';",
      "import './x.ts';",
      "await import('./x.ts');",
      "import type, { a } from './x.ts';",
    ]) {
      expect(one(source), source).toEqual({ from: './x.ts', line: 1, typesOnly: false, passedOn: false });
    }
  });

  test('imports that vanish are types', () => {
    for (const source of [
      "import type { A } from './x.ts';",
      "import type A from './x.ts';",
      "import { type A, type B, } from './x.ts';",
      "type A = typeof import('./x.ts');",
    ]) {
      expect(one(source)?.typesOnly, source).toBe(true);
    }
  });

  test('what only looks like one is none', () => {
    for (const source of [
      'import.meta.url;',
      "export { a }; from('./x.ts');",
      "a.import('./x.ts');",
      "'import a from b'",
    ]) {
      expect(one(source), source).toBeUndefined();
    }
  });
});
