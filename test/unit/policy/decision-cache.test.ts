import { expect, test } from 'vitest';
import { POLICY_ANSWERS, POLICY_QUESTION_CHARACTERS } from '../../../src/config/limits.ts';
import { cacheDecisions } from '../../../src/policy/decision-cache.ts';
import type { PolicyRequest } from '../../../src/policy/policy.ts';
import { question } from './policy-request.ts';

function counted() {
  const asked: PolicyRequest[] = [];
  const policy = cacheDecisions({
    evaluate(it) {
      asked.push(it);
      return { effect: 'ASK', reason: String(asked.length), rules: [] };
    },
  });
  return { asked, policy };
}

const about = (path: string) => question({ input: { path } });

test('the same question is put once', () => {
  const { asked, policy } = counted();
  const first = policy.evaluate(about('a'));
  expect(policy.evaluate(about('a'))).toBe(first);
  expect(asked).toHaveLength(1);
});

test('whatever differs in a question is another question', () => {
  const { asked, policy } = counted();
  policy.evaluate(about('a'));
  policy.evaluate(about('b'));
  policy.evaluate({ ...about('a'), principal: { id: 'somebody', scopes: [] } });
  policy.evaluate({ ...about('a'), session: { id: 'ses_other', key: 'other' } });
  policy.evaluate({ ...about('a'), tool: { ...about('a').tool, isOwn: !about('a').tool.isOwn } });
  expect(asked).toHaveLength(5);
});

test('the oldest answer is forgotten, and that to a long question is not kept', () => {
  const { asked, policy } = counted();
  for (let count = 0; count <= POLICY_ANSWERS; count += 1) policy.evaluate(about(String(count)));
  policy.evaluate(about('1'));
  expect(asked).toHaveLength(POLICY_ANSWERS + 1);
  policy.evaluate(about('0'));
  expect(asked).toHaveLength(POLICY_ANSWERS + 2);
  const long = about('x'.repeat(POLICY_QUESTION_CHARACTERS));
  policy.evaluate(long);
  policy.evaluate(long);
  expect(asked).toHaveLength(POLICY_ANSWERS + 4);
});
