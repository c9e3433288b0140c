import * as limits from '../../config/limits.ts';
import { CLIENT_SOURCE } from '../../config/tools-config.ts';
import { coveringGrant, type Grant } from '../../domain/approval.ts';
import type { Json } from '../../domain/events.ts';
import type { Policy, PolicyDecision } from '../../policy/policy.ts';
import type { Tool } from '../../tools/tool.ts';
import { selectTools } from '../../tools/toolbox.ts';
import type { AcceptedDefinitions } from './accepted-definitions.ts';
import type { ToolCaller } from './tool-caller.ts';
import { definitionOf } from './tool-definition.ts';

/** What happens to a tool call. */
export interface CallDecision<Known extends Grant> extends PolicyDecision {
  /** The grant that replaces an approval; null when the decision rests on policy alone. */
  grant: Known | null;
}

/** What decides about tool calls. */
export interface CallRules {
  policy: Policy;
  acceptedDefinitions: Pick<AcceptedDefinitions, 'quarantineOf'>;
}

/**
 * Evaluates policy. When policy asks for an approval, a grant can replace it; a grant never overrides a denial. A tool in quarantine
 * never runs without an approval.
 */
export function evaluateCall<Known extends Grant>(
  { policy, acceptedDefinitions }: CallRules,
  { tools, ...caller }: ToolCaller,
  { tool, input }: { tool: Tool; input: Json },
  { grants, now }: { grants: readonly Known[]; now: number },
): CallDecision<Known> {
  const { name, risk, source, idempotent } = tool;
  // The list of the agent selects among the tools of the gateway.
  const isOwn = source === CLIENT_SOURCE || selectTools([tool], tools).length > 0;
  const decision = policy.evaluate({ ...caller, tool: { name, risk, source, idempotent, isOwn }, input });
  if (decision.effect === 'DENY') return { ...decision, grant: null };
  const quarantine = acceptedDefinitions.quarantineOf(tool);
  if (quarantine !== null) {
    const reason =
      quarantine.previous === null
        ? `${name} is a new tool that nobody has accepted: its server has had too many.`
        : `The definition of ${name} changed, and nobody has accepted it yet.`;
    return { effect: 'ASK', rules: decision.effect === 'ASK' ? decision.rules : [], reason, grant: null };
  }
  if (decision.effect === 'ALLOW') return { ...decision, grant: null };
  const grant = grants.length === 0 ? null : coveringGrant(grants, grantedCall(tool, input), now);
  if (grant === null) return { ...decision, grant };
  return {
    effect: 'ALLOW',
    rules: decision.rules,
    reason: 'An earlier approval covers this tool in this session.',
    grant,
  };
}

function grantedCall(tool: Tool, input: Json) {
  return {
    tool: tool.name,
    definitionHash: definitionOf(tool).hash,
    target: tool.target?.(input)?.grantable ?? null,
  };
}

/** Why the tool does not take this input, as a sentence for its author; null when it takes it. */
export async function inputProblem(tool: Tool, input: Json, owner: string): Promise<string | null> {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) return 'The input must be a JSON object.';
  const problem = inputSizeProblem(input);
  if (problem !== null) return problem;
  const prepared = await tool.prepare(input, owner);
  return prepared.ok ? null : prepared.error;
}

/** Why a masked input is too long to be recorded; null when it is not. */
export function maskedInputProblem(masked: Json): string | null {
  if (Buffer.byteLength(JSON.stringify(masked)) <= limits.MASKED_INPUT_BYTES) return null;
  return `With placeholders for its credentials, the input is longer than ${limits.MASKED_INPUT_BYTES} bytes as JSON.`;
}

/** Why an input is too long for any tool; null when it is not. */
export function inputSizeProblem(input: Json): string | null {
  const bytes = Buffer.byteLength(JSON.stringify(input));
  if (bytes <= limits.TOOL_INPUT_BYTES) return null;
  return `The input has ${bytes} bytes as JSON, which is longer than ${limits.TOOL_INPUT_BYTES} bytes.`;
}
