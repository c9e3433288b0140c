import { coveringGrant, type Grant } from '../../domain/approval.ts';
import type { Json } from '../../domain/events.ts';
import type { Policy, PolicyAnswer } from '../../policy/policy.ts';
import type { Tool } from '../../tools/tool.ts';
import { selectTools } from '../../tools/tool-selection.ts';
import type { Caller } from './caller.ts';

/** What is to happen to a call. */
export interface Judgement<Known extends Grant> extends PolicyAnswer {
  /** The remembered approval in place of which a person would have been asked. */
  grant: Known | null;
}

/** Asks policy, and where it would ask a person, whether one has answered before. A grant never outweighs a denial. */
export function judgeCall<Known extends Grant>(
  policy: Policy,
  caller: Caller,
  call: { tool: Tool; input: Json },
  remembered: { grants: readonly Known[]; now: number },
): Judgement<Known> {
  const { name, risk, source, idempotent } = call.tool;
  const { tools, ...asked } = caller;
  const isOwn = selectTools([call.tool], tools).length > 0;
  const answer = policy.judge({ ...asked, tool: { name, risk, source, idempotent, isOwn }, input: call.input });
  const grant = answer.effect === 'ASK' ? coveringGrant(remembered.grants, name, remembered.now) : null;
  if (grant === null) return { ...answer, grant };
  const { rules } = answer;
  return { effect: 'ALLOW', rules, reason: 'A person allowed this tool in this session before.', grant };
}
