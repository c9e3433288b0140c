import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cedar } from '../../../src/policy/cedar.ts';
import { usedParts, withoutUnused } from '../../../src/policy/used-parts.ts';
import { permitAll, policyOf } from './given-policy.ts';
import { policyRequest } from './policy-request.ts';

function partsOf(condition: string): string[] {
  const rule = cedar().policyToJson(`permit (principal, action, resource) when { ${condition} };`);
  if (rule.type === 'failure') throw new Error(JSON.stringify(rule.errors));
  return [...usedParts(rule.json)].sort();
}

describe('a rule uses', () => {
  test.each<[condition: string, parts: string[]]>([
    ['true', []],
    ['resource.risk == "LOW" && principal.scopes.contains("write")', []],
    ['resource in context.agent && context.agent.name == "clerk"', []],
    ['context has agent', []],
    ['resource == Tool::"clock" || principal == Principal::"ada"', []],
    ['context.session.key == "desk"', ['session']],
    ['context["session"] == context.session', ['session']],
    ['context has session.metadata', ['session']],
    ['context.session.metadata.hasTag("env") && context.session.metadata.getTag("env") == "test"', ['session']],
    ['context.message.metadata.hasTag("env")', ['message']],
    ['context.input.count < 3', ['input']],
    ['context.input has path && context.input.path like "*.txt"', ['input']],
    ['context has url && context.url.host == "example.com"', ['input']],
    ['if context has path then context.path like "notes/*" else false', ['input']],
    ['["desk"].contains(context.session.key) && {a: context.input.b}.a', ['input', 'session']],
    ['{".": context.session.key, "Var": "context"} has "."', ['session']],
  ])('%s: %j', (condition, parts) => {
    expect(partsOf(condition)).toEqual(parts);
  });

  test.each([
    'context == {}',
    'context has other',
    'Session::"ses_1".key == "desk"',
    'Metadata::"session".hasTag("env")',
    '(if true then context else context).session.key == "desk"',
  ])('every part if it is not known which: %s', (condition) => {
    expect(partsOf(condition)).toEqual(['input', 'message', 'session']);
  });

  test('what its `unless` conditions use, too', () => {
    const rule = cedar().policyToJson(
      'permit (principal, action, resource) when { context.input.a } unless { context.session.key == "x" };',
    );
    expect(rule.type === 'success' && [...usedParts(rule.json)]).toEqual(['input', 'session']);
  });
});

test('a request keeps the used parts', () => {
  const request = policyRequest({
    input: { a: 1 },
    sessionMetadata: { env: 'test' },
    messageMetadata: { env: 'test' },
  });
  expect(withoutUnused(request, new Set(['session', 'message', 'input']))).toEqual(request);
  expect(withoutUnused(request, new Set())).toEqual({
    ...request,
    session: { id: '', key: '', metadata: {} },
    message: { metadata: {} },
    input: {},
  });
});

/** Uses every part, and never matches. */
const usesAll = `
  @id("uses all") forbid (principal, action, resource)
  when { context.session.key == "never" && context.message.metadata.hasTag("never") && context has path };`;

const rules = [
  'permit (principal, action == Action::"callUnattended", resource) when { resource.risk == "LOW" };',
  'permit (principal, action == Action::"callUnattended", resource) when { context.session.key == "desk" };',
  'permit (principal, action == Action::"callUnattended", resource in Agent::"agt_1");',
  'permit (principal, action == Action::"callUnattended", resource) when { context has path && context.path like "notes/*" };',
  'permit (principal, action, resource) when { context.agent.name == "clerk" && resource in context.agent };',
  'forbid (principal, action, resource) when { context.input.count > 3 };',
  'forbid (principal, action, resource) when { Session::"ses_1".key == "ops" };',
  'forbid (principal, action, resource) unless { principal.scopes.contains("write") };',
  'forbid (principal, action == Action::"callUnattended", resource) when { context.message.metadata.hasTag("env") };',
  'forbid (principal, action, resource) when { context has url && context.url.host != "example.com" };',
  'forbid (principal, action, resource) when { context.session.metadata.hasTag("env") && context.session.metadata.getTag("env") == "test" };',
];

const metadata = fc.constantFrom<Record<string, string>>({}, { env: 'test' }, { env: 'live', team: 'a' });
const requests = fc.record({
  tool: fc.constantFrom('clock', 'http_fetch'),
  risk: fc.constantFrom('LOW' as const, 'HIGH' as const),
  scopes: fc.constantFrom(['read'], ['read', 'write']),
  agent: fc.constantFrom('clerk', 'other'),
  tools: fc.constantFrom(['clock'], ['clock', 'http_fetch']),
  sessionKey: fc.constantFrom('desk', 'ops', ''),
  sessionMetadata: metadata,
  messageMetadata: metadata,
  input: fc.constantFrom(
    {},
    { count: 2 },
    { count: 4 },
    { count: 'x' },
    { path: 'notes/a' },
    { url: 'http://example.com' },
    7,
  ),
});

test('decisions are those of a policy that uses every part', () => {
  const policies = rules.flatMap((rule, index) => {
    const text = `${permitAll}${rule}\n${rules[(index + 3) % rules.length]}`;
    return [text, `${permitAll}${rule}`].map((each) => ({ policy: policyOf(each), plain: policyOf(each + usesAll) }));
  });
  fc.assert(
    fc.property(fc.constantFrom(...policies), requests, ({ policy, plain }, options) => {
      const request = policyRequest(options);
      expect(policy.evaluate(request)).toEqual(plain.evaluate(request));
    }),
    { numRuns: 300 },
  );
});

test('calls of other sessions with other inputs are answered from memory if no rule looks at them', () => {
  const policy = policyOf(`${permitAll}${rules[0]}`);
  const first = policy.evaluate(policyRequest({ risk: 'LOW', sessionKey: 'a', input: { a: 1 } }));
  expect(policy.evaluate(policyRequest({ risk: 'LOW', sessionKey: 'b', input: { b: 2 } }))).toBe(first);
  expect(policy.evaluate(policyRequest({ risk: 'HIGH' }))).not.toBe(first);
});
