import { describe, expect, test } from 'vitest';
import { permitAll, policyOf, problemsOf } from './given-policy.ts';
import { policyRequest } from './policy-request.ts';

const rule = (condition: string) => `permit (principal, action, resource) when { ${condition} };`;

describe('an attribute of the input has the type of its first use', () => {
  const isLong = 'context.input.a < 1';
  const isString = 'context.input.a like "x"';
  const isBoolean = '!context.input.a';
  const isStrings = 'context.input.a.contains("x")';
  const isLongs = 'context.input.a.contains(1)';

  test.each([
    ['<', 'context.input.a < context.input.b', isLong, isString],
    ['<=', 'context.input.a <= context.input.b', isLong, isString],
    ['>', 'context.input.a > context.input.b', isLong, isString],
    ['>=', 'context.input.a >= context.input.b', isLong, isString],
    ['+', 'context.input.a + context.input.b == 1', isLong, isString],
    ['-', 'context.input.a - context.input.b == 1', isLong, isString],
    ['*', 'context.input.b * context.input.a == 1', isLong, isString],
    ['unary minus', '-context.input.a == 1', isLong, isString],
    ['&&', 'true && context.input.a', isBoolean, isString],
    ['||', 'context.input.a || false', isBoolean, isString],
    ['!', '!context.input.a', isBoolean, isString],
    ['like', 'context.input.a like "y"', isString, isLong],
    ['if', 'if context.input.a then true else false', isBoolean, isString],
    ['then', 'if true then context.input.a else false', isBoolean, isString],
    ['else', '1 < (if true then 2 else context.input.a)', isLong, isString],
    ['== text', 'context.input.a == "y"', isString, isLong],
    ['== on the right', '7 == context.input.a', isLong, isString],
    ['!= a Boolean', 'context.input.a != true', isBoolean, isString],
    ['contains text', 'context.input.a.contains("y")', isStrings, isLongs],
    ['contains a number', 'context.input.a.contains(3)', isLongs, isStrings],
    ['contains an unknown value', 'context.input.a.contains(context.input.b)', isStrings, isLongs],
    ['an element of texts', '["y"].contains(context.input.a)', isString, isLong],
    ['an element of numbers', '[3].contains(context.input.a)', isLong, isString],
    ['containsAll of numbers', 'context.input.a.containsAll([3])', isLongs, isStrings],
    ['containsAny on the right', '[3].containsAny(context.input.a)', isLongs, isStrings],
    ['containsAny of unknown values', 'context.input.a.containsAny(context.input.b)', isStrings, isLongs],
    ['isEmpty', 'context.input.a.isEmpty()', isStrings, isLongs],
  ])('%s', (_operator, first, sameType, otherType) => {
    expect(problemsOf(rule(`(${first}) && ${sameType}`))).toEqual([]);
    const start = rule(`(${first}) && `).length - ' };'.length;
    expect(problemsOf(rule(`(${first}) && ${otherType}`))).toEqual([[1, expect.any(Number), expect.any(String)]]);
    expect(problemsOf(rule(`(${first}) && ${otherType}`))[0]?.[1]).toBeGreaterThan(start);
  });

  test('or that of text, if it is compared with an unknown value', () => {
    expect(problemsOf(rule(`context.input.a == context.input.b && ${isString}`))).toEqual([]);
    expect(problemsOf(rule(`context.input.a == context.input.b && ${isLong}`))).toHaveLength(1);
  });

  test('which a test of its presence does not set', () => {
    expect(problemsOf(rule(`context.input has a && ${isLong}`))).toEqual([]);
    expect(problemsOf(rule(`context.input has a && ${isString}`))).toEqual([]);
  });

  test('within any other expression', () => {
    expect(problemsOf(rule('principal.scopes.contains(context.input.a)'))).toEqual([]);
    expect(problemsOf(rule('(if context.input.a then context else context) has url'))).toEqual([]);
    expect(problemsOf(rule('{ key: context.input.a }.key == "x"'))).toEqual([]);
    expect(problemsOf(rule('ip("10.0.0.1").isLoopback() || context.input.a'))).toEqual([]);
    expect(problemsOf(rule('context.input.a like "" && context.input.b like "*x"'))).toEqual([]);
  });

  test('in any condition of the rule', () => {
    expect(problemsOf(`permit (principal, action, resource) when { ${isLong} } unless { ${isLong} };`)).toEqual([]);
    expect(problemsOf(`permit (principal, action, resource) when { ${isLong} } unless { ${isString} };`)).toHaveLength(
      1,
    );
  });
});

test('an attribute with attributes is a record', () => {
  expect(problemsOf(rule('context.input.a.b == 1 && context.input.a.c like "x"'))).toEqual([]);
  expect(problemsOf(rule('context.input.a.b == 1 && context.input.a.b like "x"'))).toHaveLength(1);
  expect(problemsOf(rule('context.input.a.b == 1 && context.input.a like "x"'))).toHaveLength(1);
  expect(problemsOf(rule('context.input.a has b.c && context.input.a.b.c < 3'))).toEqual([]);
});

test('only the input has types that follow from their use', () => {
  expect(problemsOf(rule('context.agent.name == "x" && context.input.name < 3'))).toEqual([]);
  expect(problemsOf(rule('principal.scopes.contains("x") && context.input.scopes < 3'))).toEqual([]);
  expect(problemsOf(rule('{ input: { a: 1 } }.input.a == 1 && context.input.a like "x"'))).toEqual([]);
  expect(problemsOf(rule('context.sesion.key == "x"'))).toHaveLength(1);
  expect(problemsOf(rule('principal.input.a == "x"'))).toHaveLength(1);
  expect(problemsOf(rule('context.agent.input == "x"'))).toHaveLength(1);
  expect(problemsOf(rule('resource.input == "x"'))).toHaveLength(1);
});

test('a call whose input has another type than the rule expects is denied', () => {
  const policy = policyOf(
    `${permitAll}@id("small") forbid (principal, action, resource) when { context.input.n > 3 };`,
  );
  expect(policy.evaluate(policyRequest({ input: { n: 4 } })).reason).toBe('Forbidden by small.');
  expect(policy.evaluate(policyRequest({ input: { n: 3 } })).effect).toBe('ASK');
  expect(policy.evaluate(policyRequest({ input: { n: '3' } })).reason).toMatch(
    /^The rule small could not be evaluated: /,
  );
});
