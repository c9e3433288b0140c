import { expect, test } from 'vitest';
import { POLICY_ANSWERS, POLICY_QUESTION_CHARACTERS } from '../../../src/config/limits.ts';
import type { PolicyQuestion } from '../../../src/policy/policy.ts';
import { rememberAnswers } from '../../../src/policy/remembered-answers.ts';
import { question } from './question.ts';

function counted() {
  const asked: PolicyQuestion[] = [];
  const policy = rememberAnswers({
    judge(it) {
      asked.push(it);
      return { effect: 'ASK', reason: String(asked.length), rules: [] };
    },
  });
  return { asked, policy };
}

const about = (path: string) => question({ input: { path } });

test('the same question is put once', () => {
  const { asked, policy } = counted();
  const first = policy.judge(about('a'));
  expect(policy.judge(about('a'))).toBe(first);
  expect(asked).toHaveLength(1);
});

test('whatever differs in a question is another question', () => {
  const { asked, policy } = counted();
  policy.judge(about('a'));
  policy.judge(about('b'));
  policy.judge({ ...about('a'), principal: { id: 'somebody', scopes: [] } });
  policy.judge({ ...about('a'), session: { id: 'ses_other', key: 'other' } });
  policy.judge({ ...about('a'), tool: { ...about('a').tool, isOwn: !about('a').tool.isOwn } });
  expect(asked).toHaveLength(5);
});

test('the oldest answer is forgotten, and that to a long question is not kept', () => {
  const { asked, policy } = counted();
  for (let count = 0; count <= POLICY_ANSWERS; count += 1) policy.judge(about(String(count)));
  policy.judge(about('1'));
  expect(asked).toHaveLength(POLICY_ANSWERS + 1);
  policy.judge(about('0'));
  expect(asked).toHaveLength(POLICY_ANSWERS + 2);
  const long = about('x'.repeat(POLICY_QUESTION_CHARACTERS));
  policy.judge(long);
  policy.judge(long);
  expect(asked).toHaveLength(POLICY_ANSWERS + 4);
});
