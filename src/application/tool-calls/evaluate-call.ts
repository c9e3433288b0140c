import { coveringGrant, type Grant } from '../../domain/approval.ts';
import type { Json } from '../../domain/events.ts';
import type { Policy, PolicyDecision } from '../../policy/policy.ts';
import type { Tool } from '../../tools/tool.ts';
import { selectTools } from '../../tools/tool-selection.ts';
import type { Caller } from './caller.ts';

/** What is to happen to a call. */
export interface CallDecision<Known extends Grant> extends PolicyDecision {
  /** The remembered approval in place of which a person would have been asked. */
  grant: Known | null;
}

/** Asks policy, and where it would ask a person, whether one has answered before. A grant never outweighs a denial. */
export function evaluateCall<Known extends Grant>(
  policy: Policy,
  caller: Caller,
  call: { tool: Tool; input: Json },
  remembered: { grants: readonly Known[]; now: number },
): CallDecision<Known> {
  const { name, risk, source, idempotent } = call.tool;
  const { tools, ...asked } = caller;
  const isOwn = selectTools([call.tool], tools).length > 0;
  const answer = policy.evaluate({ ...asked, tool: { name, risk, source, idempotent, isOwn }, input: call.input });
  const grant = answer.effect === 'ASK' ? coveringGrant(remembered.grants, name, remembered.now) : null;
  if (grant === null) return { ...answer, grant };
  const { rules } = answer;
  return { effect: 'ALLOW', rules, reason: 'A person allowed this tool in this session before.', grant };
}
