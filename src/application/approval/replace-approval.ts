import { StoreError } from '../../database/store-error.ts';
import { decide } from '../../domain/decide.ts';
import type { Run } from '../../domain/run.ts';
import { type WaitingCall, waitingCalls } from '../../domain/step.ts';
import { type ApprovalRow, pendingApprovalsAbout, pendingDefinitions } from '../../projections/approvals.ts';
import { dropLapsedGrants } from '../../repositories/grants.ts';
import { type SessionRow, sessionForExecution } from '../../repositories/sessions.ts';
import type { CommandContext } from '../command-context.ts';
import { isDefinitionChanged, reviewCall } from '../tool-calls/review-call.ts';
import { shownDefinitions } from '../tool-calls/shown-definitions.ts';
import { agentOfRun, messageOf, toolCaller } from '../tool-calls/tool-caller.ts';
import { definitionOf, type ToolDefinition } from '../tool-calls/tool-definition.ts';
import { toolOfRun } from '../tool-calls/tools-of-run.ts';

/** Approvals that one sweep replaces. The next sweep takes the rest. */
const BATCH_SIZE = 100;

/** The call that waits for this approval; null if the approval is settled. */
export function callWaitingFor(run: Run, approvalId: string): WaitingCall | null {
  return waitingCalls(run.step).find(({ phase }) => phase.approvalId === approvalId) ?? null;
}

/** An approval that waits, with the newest fold of its run. */
export interface OpenApproval {
  session: SessionRow;
  run: Run;
  call: WaitingCall;
}

/**
 * Withdraws an approval if its tool is not the one that the approver was shown, and requests another; if the changed tool does not
 * take the input, or policy denies the call, the call gets that result. Returns whether it was withdrawn.
 */
export async function replaceOutdatedApproval(
  context: CommandContext,
  { session, run, call }: OpenApproval,
): Promise<boolean> {
  const agent = await agentOfRun(context.database, session, run);
  const tool = toolOfRun(context, { owner: session.owner, run, agent }, call.tool);
  if (!tool || !isDefinitionChanged(call, tool)) return false;
  await context.acceptedDefinitions.compare([tool]);
  const caller = toolCaller(session, agent, messageOf(run));
  const shown = await shownDefinitions(context.journal, run.runId, [{ call, tool }]);
  const review = await reviewCall(context, { call, tool, caller, shownDefinition: shown.get(call.callId) ?? null }, []);
  const { approvalId } = call.phase;
  const reason = `The definition of ${tool.name} changed.`;
  const { events } = review;
  const outcome = await context.runStore.record({
    runId: run.runId,
    sessionId: session.id,
    epoch: null,
    decide: (newest, { now }) => decide(newest, { kind: 'replaceApproval', approvalId, reason, events }, now),
  });
  if (outcome.kind !== 'recorded') return false;
  const { runId } = run;
  context.logger.info({ event: 'approval-withdrawn', approvalId, runId, tool: tool.name }, reason);
  return true;
}

/**
 * Returns a function that looks for tools that have changed since its last call, also since the last server ran. It deletes their
 * grants, and replaces the open approvals of their calls. Call it every few seconds.
 */
export function createDefinitionSweep(context: CommandContext): () => Promise<void> {
  const { acceptedDefinitions, database, toolbox } = context;
  let swept: ReadonlyMap<string, ToolDefinition> = new Map();
  return async () => {
    const tools = toolbox.list();
    await acceptedDefinitions.compare(tools);
    const definitions = new Map(tools.map((tool) => [tool.name, definitionOf(tool)]));
    if (tools.every(({ name }) => swept.get(name)?.hash === definitions.get(name)?.hash)) return;
    await dropLapsedGrants(database, definitions);
    if (await replaceOutdatedApprovals(context, definitions)) swept = definitions;
  };
}

/** Returns whether all of them are replaced. */
async function replaceOutdatedApprovals(
  context: CommandContext,
  definitions: ReadonlyMap<string, ToolDefinition>,
): Promise<boolean> {
  const { reader } = context.database;
  let room = BATCH_SIZE;
  for (const about of await pendingDefinitions(reader)) {
    const current = definitions.get(about.tool);
    if (!current || current.hash === about.definitionHash) continue;
    const outdated = await pendingApprovalsAbout(reader, about, room);
    for (const { id, runId, sessionId } of outdated) await replaceById(context, { id, runId, sessionId });
    room -= outdated.length;
    if (room === 0) return false;
  }
  return true;
}

/** An approval that cannot be replaced does not keep the others waiting: its decision finds the change as well. */
async function replaceById(
  context: CommandContext,
  { id, runId, sessionId }: Pick<ApprovalRow, 'id' | 'runId' | 'sessionId'>,
): Promise<void> {
  try {
    const session = await sessionForExecution(context.database, sessionId);
    const run = await context.runStore.load(runId);
    const call = run && callWaitingFor(run, id);
    if (session && run && call) await replaceOutdatedApproval(context, { session, run, call });
  } catch (error) {
    if (error instanceof StoreError) throw error;
    context.logger.error({ err: error, approvalId: id, runId }, 'an approval of a changed tool was not replaced');
  }
}
