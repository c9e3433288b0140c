import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openPolicy } from '../../../src/policy/policy-file.ts';
import { permitAll, policyOf, problemsOf, question } from './policy-request.ts';

const unattended = 'permit (principal, action == Action::"callUnattended", resource)';

describe('the built-in policy', () => {
  const opened = openPolicy(null);
  if (!opened.ok) throw new Error(opened.problems.join('\n'));
  const { policy } = opened.source;

  test('B34: lets low risk run unattended, and leaves the rest to a person', () => {
    expect(policy.evaluate(question({ tool: 'clock', risk: 'LOW' }))).toEqual({
      effect: 'ALLOW',
      rules: ['low-risk'],
      reason: 'Tools of low risk run unattended.',
    });
    for (const risk of ['MEDIUM', 'HIGH', 'CRITICAL'] as const) {
      expect(policy.evaluate(question({ risk }))).toEqual({
        effect: 'ASK',
        rules: [],
        reason: `http_fetch is of ${risk.toLowerCase()} risk, and no rule lets it run without asking.`,
      });
    }
  });

  test('B35: permits an agent its own tools only', () => {
    expect(policy.evaluate(question({ agent: 'clerk', tools: ['http_fetch'] })).effect).toBe('ASK');
    expect(policy.evaluate(question({ agent: 'clerk', tools: ['clock'], risk: 'LOW' }))).toEqual({
      effect: 'DENY',
      rules: [],
      reason: 'No rule permits the call of http_fetch.',
    });
  });

  test('fits the schema', () => {
    const text = readFileSync(join(import.meta.dirname, '../../../src/policy/builtin.cedar'), 'utf8');
    expect(problemsOf(text)).toEqual([]);
  });

  test('is built in: reading it again changes nothing', () => {
    expect(opened.source.reload()).toEqual({ ok: true });
  });
});

describe('rules', () => {
  test('a forbidden call is denied, with the ids and reasons of what forbids it, in the order of the file', () => {
    const policy = policyOf(`${permitAll}
      @id("b") @reason("Not here.") forbid (principal, action, resource) when { resource.risk == "HIGH" };
      @id("a") @reason("Not now.") forbid (principal, action, resource == Tool::"http_fetch");
      forbid (principal, action, resource) when { resource.idempotent };`);
    expect(policy.evaluate(question())).toEqual({ effect: 'DENY', rules: ['b', 'a'], reason: 'Not here. Not now.' });
    expect(policy.evaluate(question({ tool: 'x', risk: 'LOW', idempotent: true }))).toEqual({
      effect: 'DENY',
      rules: ['policy3'],
      reason: 'Forbidden by policy3.',
    });
  });

  test('what is forbidden to run unattended is put to a person', () => {
    const policy = policyOf(`${permitAll}${unattended};
      @id("night") @reason("At night a person looks.") forbid (principal, action == Action::"callUnattended", resource);`);
    expect(policy.evaluate(question())).toEqual({
      effect: 'ASK',
      rules: ['night'],
      reason: 'At night a person looks.',
    });
  });

  test('ids by place hold beyond ten policies', () => {
    const many = Array.from({ length: 12 }, (_, place) => `forbid (principal, action, resource == Tool::"t${place}");`);
    const policy = policyOf(many.join('\n'));
    for (const place of [0, 1, 2, 9, 10, 11]) {
      expect(policy.evaluate(question({ tool: `t${place}` })).rules).toEqual([`policy${place}`]);
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
  ])('can speak of %s', (condition, yes, no) => {
    const policy = policyOf(`${permitAll}${unattended} when { ${condition} };`);
    expect(policy.evaluate(question(yes)).effect).toBe('ALLOW');
    expect(policy.evaluate(question(no))).toMatchObject({ effect: 'ASK', rules: [] });
  });
});

describe('a rule that can not be evaluated', () => {
  const reads = 'when { context.input.path like "notes/*" }';

  test.each([
    ['an attribute that is not there', {}],
    ['null', { path: null }],
    ['another type', { path: 7 }],
    ['a number that is no Long', { path: 1.5 }],
    ['what looks like an entity', { path: { __entity: { type: 'Tool', id: 'x' } } }],
  ])('never allows: %s', (_what, input) => {
    const forbids = policyOf(
      `${permitAll}@id("notes") forbid (principal, action == Action::"call", resource) ${reads};`,
    );
    expect(forbids.evaluate(question({ input }))).toMatchObject({ effect: 'DENY', rules: ['notes'] });
    const permits = policyOf(
      `${permitAll}@id("notes") permit (principal, action == Action::"call", resource) ${reads};`,
    );
    expect(permits.evaluate(question({ input }))).toMatchObject({ effect: 'DENY', rules: ['notes'] });
    const runs = policyOf(`${permitAll}${unattended}; @id("notes") ${unattended} ${reads};`);
    expect(runs.evaluate(question({ input }))).toMatchObject({ effect: 'ASK', rules: ['notes'] });
  });

  test('says which one it is, and why', () => {
    const policy = policyOf(`${permitAll}@id("notes") forbid (principal, action, resource) ${reads};`);
    expect(policy.evaluate(question()).reason).toMatch(/^The rule notes could not be evaluated: .*attribute `path`/);
  });
});

describe('an input', () => {
  const policy = policyOf(`${permitAll}${unattended} when { context.input has ok && context.input.ok };`);

  test.each([
    ['is large', { ok: true, text: 'x'.repeat(90_000), list: Array.from({ length: 5000 }, (_, index) => index) }],
    ['has odd names', { ok: true, '': 1, 'a b': 2, constructor: 3, toString: 4 }],
    ['has half a surrogate pair', { ok: true, 'a\ud800': '\udc00b' }],
    ['has numbers of every kind', { ok: true, list: [0, -0, 1e300, -1.5, 2 ** 53, Number.MAX_SAFE_INTEGER, null] }],
    ['has an entity of its own', { ok: true, principal: { __entity: { type: 'Principal', id: 'root' } } }],
    ['has an extension value', { ok: true, at: { __extn: { fn: 'ip', arg: 'nonsense' } } }],
  ])('that %s is judged', (_what, input) => {
    expect(policy.evaluate(question({ input })).effect).toBe('ALLOW');
  });

  test('that lies a thousand levels deep is judged', () => {
    let deep: unknown = 1;
    for (let level = 0; level < 1000; level += 1) deep = level % 2 === 0 ? [deep] : { deep };
    expect(policy.evaluate(question({ input: { ok: true, deep: JSON.parse(JSON.stringify(deep)) } })).effect).toBe(
      'ALLOW',
    );
  });
});
