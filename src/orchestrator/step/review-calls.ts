import { type CallReview, type ReviewContext, reviewCall } from '../../application/tool-calls/review-call.ts';
import { shownDefinitions } from '../../application/tool-calls/shown-definitions.ts';
import type { RowWrite } from '../../database/batch-statement.ts';
import type { Grant } from '../../domain/approval.ts';
import type { Json } from '../../domain/events.ts';
import { unexecutedResult } from '../../domain/failed-result.ts';
import type { ToolCall } from '../../domain/step.ts';
import { sessionGrants } from '../../repositories/grants.ts';
import type { Tool } from '../../tools/tool.ts';
import type { OrchestratorDependencies } from '../dependencies.ts';
import type { RunExecution } from '../run-execution.ts';

export interface ReviewedCall {
  call: ToolCall;
  /** Null when the run has no such tool now. */
  tool: Tool | null;
  review: CallReview;
}

/**
 * Decides what happens to these calls now: before a person is asked, and again before they are started. Reads grants only when
 * policy asks for an approval that one could replace.
 */
export async function reviewCalls(execution: RunExecution, calls: readonly ToolCall[]): Promise<ReviewedCall[]> {
  const { configuration, dependencies, lease } = execution;
  const { acceptedDefinitions, clock, database, journal, settings } = dependencies;
  const available = configuration.tools;
  const pairs = calls.map((call) => ({ call, tool: available.find(({ name }) => name === call.tool) ?? null }));
  await acceptedDefinitions.compare(pairs.flatMap(({ tool }) => tool ?? []));
  const shown = await shownDefinitions(journal, lease.runId, pairs);
  const reviewAll = (grants: readonly Grant[]) =>
    Promise.all(
      pairs.map(async ({ call, tool }) => ({
        call,
        tool,
        review: await reviewOne(execution, { call, tool, shownDefinition: shown.get(call.callId) ?? null }, grants),
      })),
    );
  let reviewed = await reviewAll([]);
  if (reviewed.some(({ review }) => review.kind === 'asked')) {
    const grants = await sessionGrants(database.reader, configuration.session, clock.now(), settings.separateApprover);
    if (grants.length > 0) reviewed = await reviewAll(grants);
  }
  return reviewed;
}

export function reviewContext({
  policy,
  acceptedDefinitions,
  secretStore,
  newId,
  clock,
  settings,
}: OrchestratorDependencies): ReviewContext {
  return { policy, acceptedDefinitions, secretStore, newId, now: clock.now, settings };
}

async function reviewOne(
  execution: RunExecution,
  { call, tool, shownDefinition }: { call: ToolCall; tool: Tool | null; shownDefinition: Json },
  grants: readonly Grant[],
): Promise<CallReview> {
  const failed = (message: string): CallReview => ({
    kind: 'settled',
    events: [unexecutedResult(call, message)],
    decision: null,
  });
  if (call.inputError !== null) return failed(call.inputError);
  if (!tool) return failed(unavailable(execution, call.tool));
  const { caller } = execution.configuration;
  return reviewCall(reviewContext(execution.dependencies), { call, tool, caller, shownDefinition }, grants);
}

/** Tells the model whether another try can help: an MCP server may come back, an unknown name will not. */
function unavailable({ dependencies, configuration }: RunExecution, name: string): string {
  const absence = dependencies.toolbox.unavailableReason(name);
  if (absence !== null) return absence;
  const names = configuration.tools.map((tool) => tool.name).join(', ');
  return `There is no tool "${name}". ${names === '' ? 'No tools are available.' : `Available tools: ${names}.`}`;
}

/** The entries of the audit log about calls that policy denied. */
export function denialRows(
  { configuration, dependencies, lease }: RunExecution,
  reviewed: readonly ReviewedCall[],
): RowWrite[] {
  const { runId, sessionId } = lease;
  return reviewed.flatMap(({ call: { callId }, tool, review }) => {
    if (!tool || review.kind !== 'settled' || review.decision === null) return [];
    const { id: principal } = configuration.caller.principal;
    const event = 'call-denied';
    const { rules } = review.decision;
    dependencies.logger.info({ event, principal, runId, callId, tool: tool.name, rules }, 'policy denied a tool call');
    const details = { runId, sessionId, callId, tool: tool.name };
    const rule = rules.length === 0 ? null : rules.join(', ');
    return [dependencies.audit.rowOf({ event, principal, address: null, rule, details })];
  });
}
