import { evaluateCall } from '../../application/tool-calls/evaluate-call.ts';
import { describeCall, type Grant, summarise } from '../../domain/approval.ts';
import { failedResult } from '../../domain/decide.ts';
import type { NewEvent, RiskLevel } from '../../domain/events.ts';
import type { ToolCall } from '../../domain/step.ts';
import type { PolicyDecision } from '../../policy/policy.ts';
import { sessionGrants } from '../../repositories/grants.ts';
import type { Tool } from '../../tools/tool.ts';
import type { OrchestratorDependencies } from '../dependencies.ts';
import type { RunExecution, StepOutcome } from '../run-execution.ts';

/** Checks each requested call and evaluates policy for it. All decisions of the step are one append. */
export async function policyStep(execution: RunExecution, calls: readonly ToolCall[]): Promise<StepOutcome> {
  const { database, clock, settings } = execution.dependencies;
  const now = clock.now();
  const { session } = execution.configuration;
  const grants = await sessionGrants(database.reader, session, now, settings.separateApprover);
  return execution.record(calls.flatMap((call) => decisionEvents(execution, call, { grants, now })));
}

function decisionEvents(
  execution: RunExecution,
  call: ToolCall,
  granted: { grants: readonly Grant[]; now: number },
): NewEvent[] {
  const { dependencies, configuration } = execution;
  if (call.inputError !== null) return [failedResult(call, call.inputError)];
  const tool = configuration.tools.find(({ name }) => name === call.tool);
  if (!tool) return [failedResult(call, unavailable(execution, call.tool))];
  const prepared = tool.prepare(call.input);
  if (!prepared.ok) return [failedResult(call, prepared.error)];
  const evaluated = evaluateCall(dependencies.policy, configuration.caller, { tool, input: call.input }, granted);
  const decision = withReusedSecrets(execution, call, tool, evaluated);
  const event = decisionEvent(call, decision);
  switch (decision.effect) {
    case 'ALLOW':
      return [event];
    case 'DENY':
      return [event, failedResult(call, `Not permitted: ${decision.reason}`)];
    case 'ASK':
      return [event, approvalRequest(dependencies, call, tool, 'policy')];
    default:
      return decision.effect satisfies never;
  }
}

/** A person decides whether a call may have the credential of another one, whatever policy and grants say. */
function withReusedSecrets(
  { dependencies, lease }: RunExecution,
  { callId, input }: ToolCall,
  tool: Tool,
  decision: PolicyDecision,
): PolicyDecision {
  if (decision.effect === 'DENY' || tool.keepsPlaceholders) return decision;
  const reused = dependencies.secretStore.foreignPlaceholders({ sessionId: lease.sessionId, callId }, input);
  if (reused.length === 0) return decision;
  const reason = `The input reuses ${reused.join(', ')}, which was given to another call. A person decides whether ${tool.name} may have it.`;
  return { effect: 'ASK', rules: decision.rules, reason };
}

/** Tells the model whether another try can help: an MCP server may come back, an unknown name will not. */
function unavailable({ dependencies, configuration }: RunExecution, name: string): string {
  const absence = dependencies.toolbox.unavailableReason(name);
  if (absence !== null) return absence;
  const names = configuration.tools.map((tool) => tool.name).join(', ');
  return `There is no tool "${name}". ${names === '' ? 'No tools are available.' : `Available tools: ${names}.`}`;
}

function decisionEvent({ callId }: ToolCall, { effect, reason, rules }: PolicyDecision): NewEvent {
  const rule = rules.length === 0 ? null : rules.join(', ');
  return { type: 'tool_decision', actor: 'SYSTEM', payload: { callId, effect, reason, rule } };
}

/**
 * The request for an approval of a call.
 *
 * @param tool null when the tool is not available now
 * @param why `unknown_outcome` when the call was interrupted and may have run
 */
export function approvalRequest(
  { newId, clock, settings }: OrchestratorDependencies,
  call: ToolCall,
  tool: Tool | null,
  why: 'policy' | 'unknown_outcome',
): NewEvent {
  const risk: RiskLevel = tool?.risk ?? 'HIGH';
  return {
    type: 'approval_request',
    actor: 'SYSTEM',
    payload: {
      callId: call.callId,
      approvalId: newId('approval'),
      risk,
      summary: summaryOf(call, tool, why),
      expiresAt: clock.now() + settings.approvalExpirySeconds * 1000,
      why,
    },
  };
}

function summaryOf({ tool: name, input }: ToolCall, tool: Tool | null, why: 'policy' | 'unknown_outcome'): string {
  if (why === 'unknown_outcome') {
    return `Repeat ${describeCall(name, input)}? It was interrupted and may have run already.`;
  }
  return tool ? summarise(tool, input) : describeCall(name, input);
}
