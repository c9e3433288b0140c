import { judgeCall } from '../../application/tool-calls/judge-call.ts';
import { callInWords, type Grant, summarise } from '../../domain/approval.ts';
import type { NewEvent, RiskLevel } from '../../domain/events.ts';
import { unexecuted } from '../../domain/run-decisions.ts';
import type { ToolCall } from '../../domain/step.ts';
import type { PolicyAnswer } from '../../policy/policy.ts';
import { sessionGrants } from '../../projections/grants.ts';
import type { Tool } from '../../tools/tool.ts';
import type { Environment } from '../environment.ts';
import type { Lease } from '../leases.ts';
import type { RunSetting } from '../run-setting.ts';
import { type Progress, recordEvents } from './record-step.ts';

/** Approvals of the session that are remembered. */
interface Remembered {
  grants: readonly Grant[];
  now: number;
}

/** Checks each call and asks policy; all verdicts of a step are one append. */
export async function judgeStep(
  environment: Environment,
  lease: Lease,
  setting: RunSetting,
  calls: readonly ToolCall[],
): Promise<Progress> {
  const now = environment.clock.now();
  const { store, settings } = environment;
  const grants = await sessionGrants(store.database.reader, setting.session, now, settings.separateApprover);
  const events = calls.flatMap((call) => verdict(environment, setting, { grants, now }, call));
  return recordEvents(environment, lease, events);
}

function verdict(environment: Environment, setting: RunSetting, remembered: Remembered, call: ToolCall): NewEvent[] {
  if (call.inputError !== null) return [unexecuted(call, call.inputError)];
  const tool = setting.tools.find(({ name }) => name === call.tool);
  if (!tool) return [unexecuted(call, unavailable(environment, setting, call.tool))];
  const prepared = tool.prepare(call.input);
  if (!prepared.ok) return [unexecuted(call, prepared.error)];
  const judgement = judgeCall(environment.world.policy, setting.caller, { tool, input: call.input }, remembered);
  const decided = decision(call, judgement);
  switch (judgement.effect) {
    case 'ALLOW':
      return [decided];
    case 'DENY':
      return [decided, unexecuted(call, `Not permitted: ${judgement.reason}`)];
    case 'ASK':
      return [decided, question(environment, call, tool, 'policy')];
    default:
      return judgement.effect satisfies never;
  }
}

/** A tool whose server is away is worth another try; a name that nobody knows is not. */
function unavailable({ world }: Environment, { tools }: RunSetting, name: string): string {
  const absence = world.toolbox.absence(name);
  if (absence !== null) return absence;
  const known = tools.map((tool) => tool.name).join(', ');
  return `There is no tool "${name}" now. ${known === '' ? 'There are no tools.' : `There are: ${known}.`}`;
}

function decision({ callId }: ToolCall, { effect, reason, rules }: PolicyAnswer): NewEvent {
  const rule = rules.length === 0 ? null : rules.join(', ');
  return { type: 'tool_decision', actor: 'SYSTEM', payload: { callId, effect, reason, rule } };
}

/** What a person is asked about a call. */
export function question(
  { newId, clock, settings }: Environment,
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
    return `Repeat ${callInWords(name, input)}? It was interrupted and may have run already.`;
  }
  return tool ? summarise(tool, input) : callInWords(name, input);
}
