import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { CACHED_REQUEST_CHARACTERS } from '../../../src/config/limits.ts';
import { cacheDecisions } from '../../../src/policy/cedar-policy.ts';
import { createCurrentPolicy, openPolicy } from '../../../src/policy/policy-file.ts';
import { readCheckedPolicy, readPolicy } from '../../../src/policy/policy-text.ts';
import { permitAll, policyOf, problemsOf } from './given-policy.ts';
import { policyRequest } from './policy-request.ts';

const folder = join(import.meta.dirname, '../../../src/policy');

describe('a policy file', () => {
  test('decides by its own rules', () => {
    const path = join(folder, 'builtin.cedar');
    const opened = openPolicy(path);
    if (!opened.ok) throw new Error(opened.problems.join('\n'));
    const { policy } = opened;
    expect(policy.evaluate(policyRequest({ risk: 'LOW' }))).toMatchObject({ effect: 'ALLOW', rules: ['low-risk'] });
    expect(policy.evaluate(policyRequest({ risk: 'HIGH' })).effect).toBe('ASK');
  });

  test('decides by the rules that replaced others', () => {
    const policy = createCurrentPolicy(policyOf(permitAll));
    expect(policy.evaluate(policyRequest()).effect).toBe('ASK');
    policy.replace(policyOf('forbid (principal, action, resource);'));
    expect(policy.evaluate(policyRequest()).effect).toBe('DENY');
  });

  test('with a problem is refused with path, line and column', () => {
    const path = join(folder, 'schema.cedarschema');
    expect(openPolicy(path)).toEqual({ ok: false, problems: [`${path}:55:6: invalid token`] });
  });

  test('that cannot be read is refused with the reason', () => {
    expect(openPolicy('missing.cedar')).toEqual({
      ok: false,
      problems: [
        expect.stringMatching(
          /^policyFile: missing\.cedar cannot be read: ENOENT.*\. Check the path and its permissions$/,
        ),
      ],
    });
  });
});

describe('the rules of a text', () => {
  const text = `${permitAll}\n@reason("Why.") forbid (principal, action, resource);`;

  test('have their ids, reasons and texts, in order', () => {
    const rules = [
      { id: 'any', reason: null, text: permitAll.trim(), start: 0 },
      {
        id: 'policy1',
        reason: 'Why.',
        text: '@reason("Why.") forbid (principal, action, resource);',
        start: permitAll.length + 1,
      },
    ];
    expect(readPolicy(text)).toMatchObject({ ok: true, rules });
    expect(readCheckedPolicy(text)).toMatchObject({ ok: true, rules });
  });

  test('of a checked text are not compared with the schema, but are still parsed', () => {
    const unknown = 'permit (principal, action, resource) when { resource.rsk == "LOW" };';
    expect(readPolicy(unknown).ok).toBe(false);
    expect(readCheckedPolicy(unknown).ok).toBe(true);
    expect(readCheckedPolicy('permit (').ok).toBe(false);
  });

  test('keep their order, also if they are more than ten', () => {
    const ids = Array.from({ length: 12 }, (_, index) => `rule-${index}`);
    const many = ids.map((id) => `@id("${id}") forbid (principal, action, resource);`).join('\n');
    expect(readCheckedPolicy(many)).toMatchObject({ ok: true, rules: ids.map((id) => ({ id })) });
  });

  test('that are equal have their own positions', () => {
    const rule = 'forbid (principal, action, resource);';
    expect(readPolicy(`${rule}\n${rule}`)).toMatchObject({ rules: [{ start: 0 }, { start: rule.length + 1 }] });
  });

  test('may share a reason without a value', () => {
    expect(readPolicy(`@reason ${permitAll.slice('@id("any") '.length)}`).ok).toBe(true);
  });
});

const rule = (condition: string) => `permit (principal, action, resource) when { ${condition} };`;

describe('the problems of a text', () => {
  test('are in the order of the lines and columns', () => {
    const later = `${rule('resource.rsk == "x"')} ${rule('context.input.a < 1 && resource.rsc == "x"')}`;
    const problems = problemsOf(`${later}\n${rule('principal.scope == "x"')}`);
    expect(problems.map(([line, column]) => [line, column])).toEqual([
      [1, 45],
      [1, 135],
      [2, 45],
    ]);
  });

  test('are in this order also if rules with other types stand between', () => {
    const wrong = rule('context.input.a < 1 && resource.rsc == "x"');
    const problems = problemsOf(`${wrong} ${rule('resource.rsk == "x"')} ${wrong}`);
    const columns = problems.map(([, column]) => column);
    expect(columns).toHaveLength(3);
    expect(columns).toEqual([...columns].sort((left, right) => left - right));
  });

  test('do not name the number that a rule has for Cedar', () => {
    const rules = `${rule('resource.risk == "LOW"')}\n`.repeat(12);
    expect(problemsOf(`${rules}${rule('resource.rsk == "LOW"')}`)).toEqual([
      [13, 45, expect.stringMatching(/^attribute `rsk`/)],
    ]);
  });

  test('do not name the place where Cedar found the text, nor its actions', () => {
    const messages = problemsOf('permit (principal, action, resource) when { resource.rsk == "LOW" };').map(
      ([, , message]) => message,
    );
    expect(messages).toHaveLength(1);
    expect(messages[0]).not.toMatch(/for policy|Action::/);
    expect(problemsOf('permit (')[0]?.[2]).not.toMatch(/failed to parse/);
  });

  test('say what to do', () => {
    expect(problemsOf('')).toEqual([
      [1, 1, 'there is no policy here, so every call would be denied. Add a permit rule'],
    ]);
    expect(problemsOf('permit (principal == ?principal, action, resource);')).toEqual([
      [1, 1, 'this is a template, which nothing links. Replace ?principal or ?resource by an entity'],
    ]);
    expect(problemsOf('@id forbid (principal, action, resource);')).toEqual([
      [1, 1, 'the annotation @id has no value. Write @id("name")'],
    ]);
    expect(problemsOf(`${permitAll}${permitAll}`)).toEqual([
      [2, 1, 'the id "any" is used by a policy above. Use another @id'],
    ]);
  });
});

test('the reason of a call that several rules forbid names them all', () => {
  const policy = policyOf(`${permitAll}
    @id("one") forbid (principal, action, resource);
    @id("two") forbid (principal, action, resource);`);
  expect(policy.evaluate(policyRequest())).toEqual({
    effect: 'DENY',
    rules: ['one', 'two'],
    reason: 'Forbidden by one, two.',
  });
});

test('a call that a rule without a reason lets run unattended has a reason', () => {
  const policy = policyOf(`${permitAll}permit (principal, action == Action::"callUnattended", resource);`);
  expect(policy.evaluate(policyRequest({ tool: 'clock' }))).toEqual({
    effect: 'ALLOW',
    rules: ['policy1'],
    reason: 'clock may run without asking.',
  });
});

test('a request that Cedar cannot read is denied, with the reason', () => {
  const request = policyRequest();
  const decision = policyOf(permitAll).evaluate({
    ...request,
    tool: { ...request.tool, name: undefined as unknown as string },
  });
  expect(decision).toMatchObject({ effect: 'DENY', rules: [] });
  expect(decision.reason).toMatch(/^The policy could not be evaluated: .+\.$/);
  expect(decision.reason).not.toContain('undefined');
});

test('a decision on a request of the longest cached length is cached', () => {
  const evaluate = vi.fn(() => ({ effect: 'ASK' as const, reason: '', rules: [] }));
  const policy = cacheDecisions({ evaluate });
  const empty = JSON.stringify(policyRequest({ input: '' })).length;
  const longest = policyRequest({ input: 'x'.repeat(CACHED_REQUEST_CHARACTERS - empty) });
  policy.evaluate(longest);
  policy.evaluate(longest);
  expect(evaluate).toHaveBeenCalledTimes(1);
});

test('the built-in policy is valid', () => {
  expect(readPolicy(readFileSync(join(folder, 'builtin.cedar'), 'utf8')).ok).toBe(true);
});
