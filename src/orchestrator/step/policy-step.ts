import { evaluateCall } from '../../application/tool-calls/evaluate-call.ts';
import { describeCall, type Grant, summarise } from '../../domain/approval.ts';
import { failedResult } from '../../domain/decide.ts';
import type { NewEvent, RiskLevel } from '../../domain/events.ts';
import type { ToolCall } from '../../domain/step.ts';
import type { PolicyDecision } from '../../policy/policy.ts';
import { sessionGrants } from '../../repositories/grants.ts';
import type { Tool } from '../../tools/tool.ts';
import type { OrchestratorDependencies } from '../dependencies.ts';
import type { Lease } from '../leases.ts';
import type { RunConfiguration } from '../run-configuration.ts';
import { type Progress, recordEvents } from './record-step.ts';

/** Approvals of the session that are remembered. */
interface Remembered {
  grants: readonly Grant[];
  now: number;
}

/** Checks each call and asks policy; all verdicts of a step are one append. */
export async function policyStep(
  environment: OrchestratorDependencies,
  lease: Lease,
  setting: RunConfiguration,
  calls: readonly ToolCall[],
): Promise<Progress> {
  const now = environment.clock.now();
  const { store, settings } = environment;
  const grants = await sessionGrants(store.database.reader, setting.session, now, settings.separateApprover);
  const events = calls.flatMap((call) => verdict(environment, setting, { grants, now }, call));
  return recordEvents(environment, lease, events);
}

function verdict(
  environment: OrchestratorDependencies,
  setting: RunConfiguration,
  remembered: Remembered,
  call: ToolCall,
): NewEvent[] {
  if (call.inputError !== null) return [failedResult(call, call.inputError)];
  const tool = setting.tools.find(({ name }) => name === call.tool);
  if (!tool) return [failedResult(call, unavailable(environment, setting, call.tool))];
  const prepared = tool.prepare(call.input);
  if (!prepared.ok) return [failedResult(call, prepared.error)];
  const judgement = evaluateCall(environment.services.policy, setting.caller, { tool, input: call.input }, remembered);
  const decided = decision(call, judgement);
  switch (judgement.effect) {
    case 'ALLOW':
      return [decided];
    case 'DENY':
      return [decided, failedResult(call, `Not permitted: ${judgement.reason}`)];
    case 'ASK':
      return [decided, approvalRequest(environment, call, tool, 'policy')];
    default:
      return judgement.effect satisfies never;
  }
}

/** A tool whose server is away is worth another try; a name that nobody knows is not. */
function unavailable({ services: world }: OrchestratorDependencies, { tools }: RunConfiguration, name: string): string {
  const absence = world.toolbox.absence(name);
  if (absence !== null) return absence;
  const known = tools.map((tool) => tool.name).join(', ');
  return `There is no tool "${name}" now. ${known === '' ? 'There are no tools.' : `There are: ${known}.`}`;
}

function decision({ callId }: ToolCall, { effect, reason, rules }: PolicyDecision): NewEvent {
  const rule = rules.length === 0 ? null : rules.join(', ');
  return { type: 'tool_decision', actor: 'SYSTEM', payload: { callId, effect, reason, rule } };
}

/** What a person is asked about a call. */
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
