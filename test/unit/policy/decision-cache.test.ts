import { expect, test } from 'vitest';
import { CACHED_DECISIONS, CACHED_REQUEST_CHARACTERS } from '../../../src/config/limits.ts';
import { cacheDecisions } from '../../../src/policy/cedar-policy.ts';
import type { PolicyRequest } from '../../../src/policy/policy.ts';
import { policyRequest } from './policy-request.ts';

function createCountingPolicy() {
  const evaluated: PolicyRequest[] = [];
  const policy = cacheDecisions({
    evaluate(request) {
      evaluated.push(request);
      return { effect: 'ASK', reason: String(evaluated.length), rules: [] };
    },
  });
  return { evaluated, policy };
}

const withPath = (path: string) => policyRequest({ input: { path } });

test('equal requests are evaluated once', () => {
  const { evaluated, policy } = createCountingPolicy();
  const first = policy.evaluate(withPath('a'));
  expect(policy.evaluate(withPath('a'))).toBe(first);
  expect(evaluated).toHaveLength(1);
});

test('requests that differ anywhere are evaluated separately', () => {
  const { evaluated, policy } = createCountingPolicy();
  policy.evaluate(withPath('a'));
  policy.evaluate(withPath('b'));
  policy.evaluate({ ...withPath('a'), principal: { id: 'somebody', scopes: [] } });
  policy.evaluate({ ...withPath('a'), session: { ...withPath('a').session, id: 'ses_other', key: 'other' } });
  policy.evaluate({ ...withPath('a'), session: { ...withPath('a').session, metadata: { env: 'test' } } });
  policy.evaluate({ ...withPath('a'), message: { metadata: { env: 'test' } } });
  policy.evaluate({ ...withPath('a'), tool: { ...withPath('a').tool, isOwn: !withPath('a').tool.isOwn } });
  expect(evaluated).toHaveLength(7);
});

test('the least recently used decision is dropped, and decisions on long requests are not cached', () => {
  const { evaluated, policy } = createCountingPolicy();
  for (let count = 0; count <= CACHED_DECISIONS; count += 1) policy.evaluate(withPath(String(count)));
  policy.evaluate(withPath('1'));
  expect(evaluated).toHaveLength(CACHED_DECISIONS + 1);
  policy.evaluate(withPath('0'));
  expect(evaluated).toHaveLength(CACHED_DECISIONS + 2);
  policy.evaluate(withPath('1'));
  expect(evaluated).toHaveLength(CACHED_DECISIONS + 2);
  const long = withPath('x'.repeat(CACHED_REQUEST_CHARACTERS));
  policy.evaluate(long);
  policy.evaluate(long);
  expect(evaluated).toHaveLength(CACHED_DECISIONS + 4);
});
