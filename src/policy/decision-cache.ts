import { POLICY_ANSWERS, POLICY_QUESTION_CHARACTERS } from '../config/limits.ts';
import type { Policy, PolicyDecision } from './policy.ts';

/** Remembers what was answered of late: a call is judged again when a person has decided on it. */
export function cacheDecisions(policy: Policy): Policy {
  const known = new Map<string, PolicyDecision>();
  return {
    evaluate(question) {
      const key = JSON.stringify(question);
      const before = known.get(key);
      if (before) return before;
      const answer = policy.evaluate(question);
      if (key.length > POLICY_QUESTION_CHARACTERS) return answer;
      known.set(key, answer);
      const [oldest] = known.keys();
      if (known.size > POLICY_ANSWERS && oldest !== undefined) known.delete(oldest);
      return answer;
    },
  };
}
