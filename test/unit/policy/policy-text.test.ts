import { describe, expect, test } from 'vitest';
import { permitAll, problemsOf } from './given-policy.ts';

const rule = (condition: string) => `permit (principal, action, resource) when { ${condition} };`;

describe('an invalid policy is refused with the line and the problem', () => {
  test.each<[string, string, [number, number, RegExp]]>([
    ['no policy', '// nothing\n', [1, 1, /no policy here/]],
    [
      'a syntax error',
      `${permitAll}permit (principal, action, resource) when { 1 + };`,
      [2, 49, /unexpected token `}`/],
    ],
    ['a misspelt variable', `${permitAll}\npermit (principal, action,\n  resourc);`, [4, 3, /resourc/]],
    [
      'a misspelt attribute',
      `${permitAll}${rule('resource.rsk == "LOW"')}`,
      [2, 45, /^attribute `rsk` .*did you mean `risk`/],
    ],
    ['an unknown action', 'permit (principal, action == Action::"cal", resource);', [1, 30, /Action::"cal".*"call"/]],
    ['an unknown entity type', 'permit (principal, action, resource == Tol::"x");', [1, 40, /Tol/]],
    ['a value of another type', rule('resource.risk == 3'), [1, 45, /not compatible/]],
    [
      'an attribute that can be absent',
      rule('context.url.host == "x"'),
      [1, 45, /^unable to .* `url` in context \(.*context has url/],
    ],
    ['a misspelling after a test of the input', rule('context.input has a && resource.rsk == "x"'), [1, 68, /rsk/]],
    ['an input used as two types', rule('context.input.a < 3 && context.input.a like "x"'), [1, 68, /Long|String/]],
    ['a template', `${permitAll}\npermit (principal == ?principal, action, resource);`, [3, 1, /template/]],
    [
      'a duplicate id',
      '@id("any") forbid (principal, action, resource);\n'.repeat(2),
      [2, 1, /"any" is used by a policy above/],
    ],
    ['an id without a value', '@id forbid (principal, action, resource);', [1, 1, /@id has no value/]],
    [
      'the generated id of another policy',
      `forbid (principal, action, resource);\n@id("policy0") ${permitAll.slice(11)}`,
      [2, 1, /"policy0"/],
    ],
  ])('%s', (_what, text, [line, column, message]) => {
    expect(problemsOf(text)).toEqual([[line, column, expect.stringMatching(message)]]);
  });

  test('columns count characters, also after characters that are not ASCII', () => {
    expect(problemsOf(`// größer\n${rule('"größer" == resource.rsk')}`)).toEqual([
      [2, 57, expect.stringContaining('rsk')],
    ]);
  });

  test('every problem is reported once', () => {
    const problems = problemsOf(`${rule('resource.rsk == "x"')}\n${permitAll}${rule('principal.scope == "x"')}`);
    expect(problems.map(([line]) => line)).toEqual([1, 3]);
  });
});

describe('the type of an input follows from its use in a rule', () => {
  test.each([
    'context.input.a like "x*"',
    'context.input.a == "x" && context.input.b == 1 && context.input.c == true',
    '1 != context.input.b || context.input.c',
    'if context.input.c then context.input.d else !context.input.e',
    'context.input.a + 1 < context.input.b * 2 && -context.input.d > 0',
    'context.input.list.contains("x") && context.input.numbers.contains(1)',
    '["x"].contains(context.input.a) && [1, 2].contains(context.input.b)',
    'context.input.list.containsAny(["x"]) && [1].containsAll(context.input.numbers) && context.input.rest.isEmpty()',
    'context.input has a.b.c && context.input.a.b.c == 3 && context.input["odd name"] == "x"',
    'context has url && context.input has url && context.input.url == context.url.host',
    'context.input has never_read',
  ])('%s', (condition) => {
    expect(problemsOf(rule(condition))).toEqual([]);
  });

  test('two rules can use an attribute with different types', () => {
    expect(problemsOf(`${rule('context.input.id == 1')}${rule('context.input.id == "x"')}`)).toEqual([]);
  });
});
