import { expect, test } from 'vitest';
import { permitAll, policyOf, problemsOf } from './given-policy.ts';
import { policyRequest } from './policy-request.ts';

const unattended = (condition: string) =>
  `${permitAll}@id("m") permit (principal, action == Action::"callUnattended", resource) when { ${condition} };`;

const tagged = (of: 'session' | 'message', key: string, value: string) => {
  const metadata = `context.${of}.metadata`;
  return `${metadata}.hasTag(${JSON.stringify(key)}) && ${metadata}.getTag(${JSON.stringify(key)}) == ${JSON.stringify(value)}`;
};

test.each(['session', 'message'] as const)('rules see the metadata of the %s', (of) => {
  const policy = policyOf(unattended(tagged(of, 'env', 'test')));
  const effectOf = (metadata: Record<string, string>) =>
    policy.evaluate(policyRequest({ [`${of}Metadata`]: metadata })).effect;
  expect(effectOf({ env: 'test' })).toBe('ALLOW');
  expect(effectOf({ env: 'production' })).toBe('ASK');
  expect(effectOf({})).toBe('ASK');
});

test('metadata of the session is not that of the message', () => {
  const policy = policyOf(unattended(tagged('message', 'env', 'test')));
  expect(policy.evaluate(policyRequest({ sessionMetadata: { env: 'test' } })).effect).toBe('ASK');
});

test.each(['__entity', '__extn', '__expr', 'constructor', 'a "quoted" key', '😀'])('a key can be %s', (key) => {
  const policy = policyOf(unattended(tagged('message', key, '{"__entity":1}')));
  const decision = policy.evaluate(policyRequest({ messageMetadata: { [key]: '{"__entity":1}' } }));
  expect(decision).toMatchObject({ effect: 'ALLOW', rules: ['m'] });
});

test('a rule that reads a key without testing it is refused', () => {
  const [[, , message] = []] = problemsOf(unattended('context.message.metadata.getTag("env") == "test"'));
  expect(message).toContain('tag');
});
