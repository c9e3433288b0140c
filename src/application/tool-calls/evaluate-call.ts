import * as limits from '../../config/limits.ts';
import { coveringGrant, type Grant } from '../../domain/approval.ts';
import type { Json } from '../../domain/events.ts';
import type { Policy, PolicyDecision } from '../../policy/policy.ts';
import type { Tool } from '../../tools/tool.ts';
import { selectTools } from '../../tools/toolbox.ts';
import type { ToolCaller } from './tool-caller.ts';

/** What happens to a tool call. */
export interface CallDecision<Known extends Grant> extends PolicyDecision {
  /** The grant that replaces an approval; null when the decision rests on policy alone. */
  grant: Known | null;
}

/** Evaluates policy. When policy asks for an approval, a grant can replace it; a grant never overrides a denial. */
export function evaluateCall<Known extends Grant>(
  policy: Policy,
  { tools, ...caller }: ToolCaller,
  { tool, input }: { tool: Tool; input: Json },
  { grants, now }: { grants: readonly Known[]; now: number },
): CallDecision<Known> {
  const { name, risk, source, idempotent } = tool;
  const isOwn = selectTools([tool], tools).length > 0;
  const decision = policy.evaluate({ ...caller, tool: { name, risk, source, idempotent, isOwn }, input });
  const grant = decision.effect === 'ASK' ? coveringGrant(grants, name, now) : null;
  if (grant === null) return { ...decision, grant };
  return {
    effect: 'ALLOW',
    rules: decision.rules,
    reason: 'An earlier approval covers this tool in this session.',
    grant,
  };
}

/** Why the tool does not take this input, as a sentence for its author; null when it takes it. */
export function inputProblem(tool: Tool, input: Json): string | null {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) return 'The input must be a JSON object.';
  const problem = inputSizeProblem(input);
  if (problem !== null) return problem;
  const prepared = tool.prepare(input);
  return prepared.ok ? null : prepared.error;
}

/** Why an input is too long for any tool; null when it is not. */
export function inputSizeProblem(input: Json): string | null {
  const bytes = Buffer.byteLength(JSON.stringify(input));
  if (bytes <= limits.TOOL_INPUT_BYTES) return null;
  return `The input has ${bytes} bytes as JSON, which is longer than ${limits.TOOL_INPUT_BYTES} bytes.`;
}
