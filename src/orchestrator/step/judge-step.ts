import { covers, type Grant, summarise } from '../../domain/approval.ts';
import type { NewEvent, RiskLevel } from '../../domain/events.ts';
import { unexecuted } from '../../domain/run-decisions.ts';
import type { ToolCall } from '../../domain/step.ts';
import { grantsOf } from '../../projections/grants.ts';
import type { Tool } from '../../tools/tool.ts';
import type { Environment } from '../environment.ts';
import type { Lease } from '../leases.ts';
import type { RunSetting } from '../run-setting.ts';
import { type Progress, recordEvents } from './record-step.ts';

/** Checks each call and asks policy; all verdicts of a step are one append. */
export async function judgeStep(
  environment: Environment,
  lease: Lease,
  setting: RunSetting,
  calls: readonly ToolCall[],
): Promise<Progress> {
  const now = environment.clock.now();
  const rows = await grantsOf(environment.store.database.reader, [setting.session.id], new Date(now));
  const grants = rows.map(({ tool, expiresAt }): Grant => ({ tool, expiresAt: expiresAt?.getTime() ?? null }));
  const events = calls.flatMap((call) => verdict(environment, setting, grants, call));
  return recordEvents(environment, lease, events);
}

function verdict(environment: Environment, setting: RunSetting, grants: Grant[], call: ToolCall): NewEvent[] {
  if (call.inputError !== null) return [unexecuted(call, call.inputError)];
  const tool = setting.tools.find(({ name }) => name === call.tool);
  if (!tool) return [unexecuted(call, unavailable(environment, setting, call.tool))];
  const prepared = tool.prepare(call.input);
  if (!prepared.ok) return [unexecuted(call, prepared.error)];
  const { name, risk, source, idempotent } = tool;
  const { session } = setting;
  const answer = environment.world.policy.judge({
    tool: { name, risk, source, idempotent },
    input: call.input,
    session,
  });
  switch (answer.effect) {
    case 'ALLOW':
      return [decision(call, 'ALLOW', answer)];
    case 'DENY':
      return [decision(call, 'DENY', answer), unexecuted(call, `Not permitted: ${answer.reason}`)];
    case 'ASK':
      return covers(grants, name, environment.clock.now())
        ? [decision(call, 'ALLOW', { reason: 'A person allowed this tool in this session before.', rule: answer.rule })]
        : [decision(call, 'ASK', answer), question(environment, call, tool, 'policy')];
    default:
      return answer.effect satisfies never;
  }
}

/** A tool whose server is away is worth another try; a name that nobody knows is not. */
function unavailable({ world }: Environment, { tools }: RunSetting, name: string): string {
  const absence = world.toolbox.absence(name);
  if (absence !== null) return absence;
  const known = tools.map((tool) => tool.name).join(', ');
  return `There is no tool "${name}" now. ${known === '' ? 'There are no tools.' : `There are: ${known}.`}`;
}

function decision(
  { callId }: ToolCall,
  effect: 'ALLOW' | 'ASK' | 'DENY',
  { reason, rule }: { reason: string; rule: string | null },
): NewEvent {
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
  const summary = summarise(call.tool, call.input);
  return {
    type: 'approval_request',
    actor: 'SYSTEM',
    payload: {
      callId: call.callId,
      approvalId: newId('approval'),
      risk,
      summary: why === 'policy' ? summary : `Repeat ${summary}? It was interrupted and may have run already.`,
      expiresAt: clock.now() + settings.approvalExpirySeconds * 1000,
      why,
    },
  };
}
