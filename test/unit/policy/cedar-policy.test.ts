import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Json } from '../../../src/domain/events.ts';
import { openPolicy } from '../../../src/policy/policy-file.ts';
import { permitAll, policyOf, problemsOf } from './given-policy.ts';
import { policyRequest } from './policy-request.ts';

const unattended = 'permit (principal, action == Action::"callUnattended", resource)';

describe('the built-in policy', () => {
  function openBuiltin() {
    const opened = openPolicy(null);
    if (!opened.ok) throw new Error(opened.problems.join('\n'));
    return opened.policy;
  }

  test('B34: lets tools of low risk run unattended, and requires an approval for others', () => {
    const policy = openBuiltin();
    expect(policy.evaluate(policyRequest({ tool: 'clock', risk: 'LOW' }))).toEqual({
      effect: 'ALLOW',
      rules: ['low-risk'],
      reason: 'Tools of low risk run unattended.',
    });
    for (const risk of ['MEDIUM', 'HIGH', 'CRITICAL'] as const) {
      expect(policy.evaluate(policyRequest({ risk }))).toEqual({
        effect: 'ASK',
        rules: [],
        reason: `http_fetch is of ${risk.toLowerCase()} risk, and no rule lets it run without asking.`,
      });
    }
  });

  test('B35: permits only the tools of the agent', () => {
    const policy = openBuiltin();
    expect(policy.evaluate(policyRequest({ agent: 'clerk', tools: ['http_fetch'] })).effect).toBe('ASK');
    expect(policy.evaluate(policyRequest({ agent: 'clerk', tools: ['clock'], risk: 'LOW' }))).toEqual({
      effect: 'DENY',
      rules: [],
      reason: 'No rule permits the call of http_fetch.',
    });
  });

  test('matches the schema', () => {
    const text = readFileSync(join(import.meta.dirname, '../../../src/policy/builtin.cedar'), 'utf8');
    expect(problemsOf(text)).toEqual([]);
  });
});

describe('rules', () => {
  test('a forbidden call is denied, with the ids and reasons of the forbidding rules in the order of the file', () => {
    const policy = policyOf(`${permitAll}
      @id("b") @reason("Not here.") forbid (principal, action, resource) when { resource.risk == "HIGH" };
      @id("a") @reason("Not now.") forbid (principal, action, resource == Tool::"http_fetch");
      forbid (principal, action, resource) when { resource.idempotent };`);
    expect(policy.evaluate(policyRequest())).toEqual({
      effect: 'DENY',
      rules: ['b', 'a'],
      reason: 'Not here. Not now.',
    });
    expect(policy.evaluate(policyRequest({ tool: 'x', risk: 'LOW', idempotent: true }))).toEqual({
      effect: 'DENY',
      rules: ['policy3'],
      reason: 'Forbidden by policy3.',
    });
  });

  test('a call that is forbidden to run unattended needs an approval', () => {
    const policy = policyOf(`${permitAll}${unattended};
      @id("night") @reason("At night a person looks.") forbid (principal, action == Action::"callUnattended", resource);`);
    expect(policy.evaluate(policyRequest())).toEqual({
      effect: 'ASK',
      rules: ['night'],
      reason: 'At night a person looks.',
    });
  });

  test('ids by index are right for more than ten policies', () => {
    const many = Array.from({ length: 12 }, (_, index) => `forbid (principal, action, resource == Tool::"t${index}");`);
    const policy = policyOf(many.join('\n'));
    for (const index of [0, 1, 2, 9, 10, 11]) {
      expect(policy.evaluate(policyRequest({ tool: `t${index}` })).rules).toEqual([`policy${index}`]);
    }
  });

  test.each([
    ['principal.scopes.contains("admin")', { scopes: ['admin'] }, { scopes: ['read'] }],
    ['principal == Principal::"ada" && context.agent.name == "clerk"', { agent: 'clerk' }, {}],
    ['context.session.key like "ci-*"', { sessionKey: 'ci-7' }, { sessionKey: 'desk' }],
    ['resource.source == "tickets"', { source: 'tickets' }, {}],
    ['resource.name == "clock"', { tool: 'clock' }, {}],
    ['context has url && context.url.port == 8443', { input: { url: 'https://a.example:8443/x' } }, { input: {} }],
    ['context.input has n && context.input.n < 3', { input: { n: 2 } }, { input: { n: 3 } }],
    [
      'context.input has deep.er && context.input.deep.er',
      { input: { deep: { er: true } } },
      { input: { deep: null } },
    ],
    ['["a", "b"].containsAll(context.input.tags)', { input: { tags: ['a'] } }, { input: { tags: ['a', null] } }],
    ['context.input.tags.contains("a")', { input: { tags: ['b', 'a'] } }, { input: { tags: [] } }],
  ])('can use %s', (condition, matching, other) => {
    const policy = policyOf(`${permitAll}${unattended} when { ${condition} };`);
    expect(policy.evaluate(policyRequest(matching)).effect).toBe('ALLOW');
    expect(policy.evaluate(policyRequest(other))).toMatchObject({ effect: 'ASK', rules: [] });
  });
});

describe('a rule that cannot be evaluated', () => {
  const reads = 'when { context.input.path like "notes/*" }';

  test.each([
    ['a missing attribute', {}],
    ['null', { path: null }],
    ['another type', { path: 7 }],
    ['a number that is not a Long', { path: 1.5 }],
    ['an object that looks like an entity', { path: { __entity: { type: 'Tool', id: 'x' } } }],
  ])('never allows a call: %s', (_what, input) => {
    const forbids = policyOf(
      `${permitAll}@id("notes") forbid (principal, action == Action::"call", resource) ${reads};`,
    );
    expect(forbids.evaluate(policyRequest({ input }))).toMatchObject({ effect: 'DENY', rules: ['notes'] });
    const permits = policyOf(
      `${permitAll}@id("notes") permit (principal, action == Action::"call", resource) ${reads};`,
    );
    expect(permits.evaluate(policyRequest({ input }))).toMatchObject({ effect: 'DENY', rules: ['notes'] });
    const runs = policyOf(`${permitAll}${unattended}; @id("notes") ${unattended} ${reads};`);
    expect(runs.evaluate(policyRequest({ input }))).toMatchObject({ effect: 'ASK', rules: ['notes'] });
  });

  test('is named in the reason, with the error', () => {
    const policy = policyOf(`${permitAll}@id("notes") forbid (principal, action, resource) ${reads};`);
    expect(policy.evaluate(policyRequest()).reason).toMatch(
      /^The rule notes could not be evaluated: .*attribute `path`/,
    );
  });
});

describe('an input', () => {
  const evaluate = (input: Json) =>
    policyOf(`${permitAll}${unattended} when { context.input has ok && context.input.ok };`).evaluate(
      policyRequest({ input }),
    );

  test.each([
    ['large', { ok: true, text: 'x'.repeat(90_000), list: Array.from({ length: 5000 }, (_, index) => index) }],
    ['with unusual names', { ok: true, '': 1, 'a b': 2, constructor: 3, toString: 4 }],
    ['with unpaired surrogates', { ok: true, 'a\ud800': '\udc00b' }],
    ['with all kinds of numbers', { ok: true, list: [0, -0, 1e300, -1.5, 2 ** 53, Number.MAX_SAFE_INTEGER, null] }],
    ['with an entity', { ok: true, principal: { __entity: { type: 'Principal', id: 'root' } } }],
    ['with an extension value', { ok: true, at: { __extn: { fn: 'ip', arg: 'nonsense' } } }],
  ])('%s is evaluated', (_what, input) => {
    expect(evaluate(input).effect).toBe('ALLOW');
  });

  test('a thousand levels deep is evaluated', () => {
    let deep: unknown = 1;
    for (let level = 0; level < 1000; level += 1) deep = level % 2 === 0 ? [deep] : { deep };
    expect(evaluate({ ok: true, deep: JSON.parse(JSON.stringify(deep)) }).effect).toBe('ALLOW');
  });
});
