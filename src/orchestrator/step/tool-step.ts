import { recordableOutput } from '../../application/tool-calls/recordable-output.ts';
import { approvalRequest, isDefinitionChanged } from '../../application/tool-calls/review-call.ts';
import { shownDefinitions } from '../../application/tool-calls/shown-definitions.ts';
import { definitionOf } from '../../application/tool-calls/tool-definition.ts';
import * as limits from '../../config/limits.ts';
import type { RowWrite } from '../../database/batch-statement.ts';
import { summarise, summariseQuestion } from '../../domain/call-summary.ts';
import type { DelegatedKind, NewEvent, PayloadOf } from '../../domain/events.ts';
import { unexecutedResult } from '../../domain/failed-result.ts';
import { nextStep } from '../../domain/next-step.ts';
import { foldOn } from '../../domain/run.ts';
import type { ToolCall } from '../../domain/step.ts';
import type { IdKind } from '../../ids.ts';
import { runTool, type ToolOutcome, withoutCutWord } from '../../tools/bounded-call.ts';
import type { Delegation, Tool, ToolQuestion } from '../../tools/tool.ts';
import type { OrchestratorDependencies } from '../dependencies.ts';
import type { RunExecution, StepOutcome } from '../run-execution.ts';
import { askPerson } from './ask-person.ts';
import { revealInput } from './encrypted-input.ts';
import { createProgressRecorder, type ProgressRecorder } from './progress-recorder.ts';
import { denialRows, type ReviewedCall, reviewCalls, reviewContext } from './review-calls.ts';

/** The events that close the model's answer, with their rows. */
export interface ClosedAnswer {
  events: NewEvent[];
  rows: RowWrite[];
  /** Settles what the answer cost. Called when it is recorded. */
  settle(): Promise<void>;
}

/**
 * Records the answer of the model. If it requests calls, they are reviewed first, so that the answer, the decisions about its calls
 * and the start of the first ones share a commit.
 */
export async function answerStep(
  execution: RunExecution,
  answer: ClosedAnswer,
  signal: AbortSignal,
): Promise<StepOutcome> {
  const calls = await requestedCalls(execution, answer.events);
  return executeFirst(execution, await reviewCalls(execution, calls), signal, answer);
}

/**
 * The calls that policy is evaluated for once these events are recorded. None if the run loop has something to do before: to stop,
 * to end the run at a limit, or to wait for an MCP server.
 */
async function requestedCalls(
  { dependencies, configuration, lease, isStopping, workMilliseconds }: RunExecution,
  events: readonly NewEvent[],
): Promise<readonly ToolCall[]> {
  if (isStopping() || !events.some(({ type }) => type === 'tool_call')) return [];
  const { runId, epoch } = lease;
  const run = await dependencies.runStore.load(runId);
  const answered = foldOn(run, { runId, now: dependencies.clock.now(), epoch }, events);
  const next = answered && nextStep(answered, configuration.limits, workMilliseconds());
  if (next?.kind !== 'evaluate-policy') return [];
  const isAvailable = ({ tool }: ToolCall) => configuration.tools.some(({ name }) => name === tool);
  return next.calls.every(isAvailable) ? next.calls : [];
}

/** Reviews the calls that the model has requested, and executes the first of those that are allowed. */
export async function requestedStep(
  execution: RunExecution,
  calls: readonly ToolCall[],
  signal: AbortSignal,
): Promise<StepOutcome> {
  return executeFirst(execution, await reviewCalls(execution, calls), signal);
}

/**
 * Executes the first of the calls that were allowed. They are reviewed again before they are started, because they may have been
 * allowed weeks ago.
 */
export async function toolStep(
  execution: RunExecution,
  calls: readonly ToolCall[],
  signal: AbortSignal,
): Promise<StepOutcome> {
  const { tools } = execution.configuration;
  const isParallelSafe = ({ tool }: ToolCall) => tools.find(({ name }) => name === tool)?.parallelSafe ?? false;
  const batch = firstBatch(calls, isParallelSafe);
  return executeFirst(execution, await reviewCalls(execution, batch), signal);
}

/**
 * Records what became of the reviewed calls and, in the same append, starts the first of those that may run, in the model's order:
 * adjacent parallel-safe calls together, every other call alone. Calls that somebody else answers begin to wait, all of them.
 *
 * @param answer recorded in the same append, before what follows from its calls
 */
async function executeFirst(
  execution: RunExecution,
  reviewed: readonly ReviewedCall[],
  signal: AbortSignal,
  answer?: ClosedAnswer,
): Promise<StepOutcome> {
  const { dependencies } = execution;
  const permitted = reviewed.flatMap(({ call, tool, review }) =>
    tool && review.kind === 'allowed' ? [{ call, tool }] : [],
  );
  const allowed = firstBatch(
    permitted.filter(({ tool }) => tool.delegation === undefined),
    ({ tool }) => tool.parallelSafe,
  );
  // Durable before any tool is called, so that a crash never hides an execution.
  const events = [
    ...(answer?.events ?? []),
    ...reviewed.flatMap(({ review }) => review.events),
    ...permitted.flatMap(({ call, tool }) =>
      tool.delegation ? [waitRequest(dependencies, call, tool, tool.delegation)] : [],
    ),
    ...allowed.map(({ call, tool }) => startEvent(dependencies, call, tool)),
  ];
  const rows = [...(answer?.rows ?? []), ...denialRows(execution, reviewed)];
  const [started] = await Promise.all([execution.record(events, rows), answer?.settle()]);
  if (started.kind === 'stop') return started;
  const { step } = started.run;
  const startedCalls = new Map(step.at === 'answered' ? step.calls.map((call) => [call.callId, call]) : []);
  const outcomes = await Promise.all(
    allowed.map(({ call, tool }) => executeCall(execution, startedCalls.get(call.callId) ?? call, tool, signal)),
  );
  return outcomes.reduce(laterOutcome, started);
}

/** Parallel calls finish in any order: the loop continues with the fold that has the results of all of them. */
function laterOutcome(one: StepOutcome, other: StepOutcome): StepOutcome {
  if (one.kind === 'stop') return one;
  if (other.kind === 'stop') return other;
  return one.run.head > other.run.head ? one : other;
}

/**
 * Calls that an earlier executor started and did not finish. They are repeated when all of their tools are idempotent, and were so
 * when the calls were started; otherwise a person is asked about the others.
 */
export async function recoverStep(
  execution: RunExecution,
  calls: readonly ToolCall[],
  signal: AbortSignal,
): Promise<StepOutcome> {
  const { dependencies } = execution;
  const { acceptedDefinitions, journal, toolbox } = dependencies;
  const found = calls.map((call) => ({ call, tool: toolbox.find(call.tool) }));
  const unsafe = found.filter(({ call, tool }) => !tool?.idempotent || isDefinitionChanged(call, tool));
  if (unsafe.length === 0) return toolStep(execution, calls, signal);
  await acceptedDefinitions.compare(unsafe.flatMap(({ tool }) => tool ?? []));
  const shown = await shownDefinitions(journal, execution.lease.runId, unsafe);
  return execution.record(
    unsafe.map(({ call, tool }) => {
      const shownDefinition = shown.get(call.callId) ?? null;
      return approvalRequest(reviewContext(dependencies), call, { tool, rules: [], shownDefinition });
    }),
  );
}

function firstBatch<Call>(calls: readonly Call[], isParallelSafe: (call: Call) => boolean): readonly Call[] {
  const end = calls.findIndex((call) => !isParallelSafe(call));
  const parallel = end === -1 ? calls : calls.slice(0, end);
  return parallel.length === 0 ? calls.slice(0, 1) : parallel.slice(0, limits.PARALLEL_CALLS);
}

const waitIds = { CLIENT_TOOL: 'clientToolCall', QUESTION: 'question' } as const satisfies Record<
  DelegatedKind,
  IdKind
>;

function waitRequest(
  { clock, newId, settings }: OrchestratorDependencies,
  { callId, input }: ToolCall,
  tool: Tool,
  { kind, timeoutSeconds, question }: Delegation,
): NewEvent {
  const asked = question?.(input);
  const seconds = timeoutSeconds ?? settings.approvalExpirySeconds;
  return {
    type: 'wait_request',
    actor: 'SYSTEM',
    payload: {
      waitId: newId(waitIds[kind]),
      kind,
      callId,
      summary: asked ? summariseQuestion(asked.prompt) : summarise(tool, input),
      expiresAt: clock.now() + seconds * 1000,
      question: asked ? { ...asked, source: tool.source, url: null } : null,
      budget: null,
    },
  };
}

function startEvent(
  { newId }: OrchestratorDependencies,
  { callId, tool: name, attempts, idempotencyKey }: ToolCall,
  tool: Tool,
): NewEvent {
  return {
    type: 'tool_start',
    actor: 'SYSTEM',
    payload: {
      callId,
      tool: name,
      attempt: attempts + 1,
      idempotencyKey: idempotencyKey ?? newId('key'),
      definitionHash: definitionOf(tool).hash,
    },
  };
}

/** @param reviewed the tool as it was reviewed */
async function executeCall(
  execution: RunExecution,
  call: ToolCall,
  reviewed: Tool,
  signal: AbortSignal,
): Promise<StepOutcome> {
  const { dependencies, configuration } = execution;
  const { toolbox, clock } = dependencies;
  const tool = toolbox.find(call.tool);
  const earlier = { ...call, attempts: call.attempts - 1 };
  const notExecuted = (message: string) => execution.record([unexecutedResult(earlier, message)]);
  if (!tool) {
    return notExecuted(toolbox.unavailableReason(call.tool) ?? `The tool ${call.tool} is not available now.`);
  }
  if (definitionOf(tool).hash !== definitionOf(reviewed).hash) {
    return notExecuted(`The definition of ${call.tool} changed before the call was sent. The call was not executed.`);
  }
  const revealed = tool.keepsPlaceholders
    ? { ok: true as const, input: call.input }
    : await revealInput(execution, call);
  if (!revealed.ok) return notExecuted(revealed.error);
  const progress = progressOf(execution, call);
  const context = {
    signal,
    idempotencyKey: call.idempotencyKey ?? call.callId,
    session: configuration.session,
    progress: progress.take,
    ask: (question: ToolQuestion, unneeded: AbortSignal) =>
      askPerson(execution, { call, source: tool.source, signal }, question, unneeded),
    traceParent: execution.traceParent({ kind: 'tool-call', callId: call.callId, attempt: call.attempts }),
  };
  const bounds = { clock, outputBytes: limits.TOOL_OUTPUT_BYTES };
  const outcome = await runTool(tool, revealed.input, context, bounds).finally(progress.end);
  const { payload, rows } = await resultOf(execution, call, tool, outcome);
  return execution.recordCommand({ kind: 'endCall', result: payload }, rows);
}

function progressOf(
  { dependencies, lease, recordProgress }: RunExecution,
  { callId, tool }: ToolCall,
): ProgressRecorder {
  const { clock, logger } = dependencies;
  return createProgressRecorder({
    clock,
    record: (report) => recordProgress({ callId, tool, ...report }),
    onLost: (error) => logger.debug({ err: error, runId: lease.runId }, 'a progress report was not recorded'),
  });
}

async function resultOf(execution: RunExecution, call: ToolCall, tool: Tool, outcome: ToolOutcome) {
  const result: PayloadOf<'tool_result'> = {
    callId: call.callId,
    tool: tool.name,
    ok: outcome.ok,
    output: null,
    error: null,
    durationMilliseconds: Math.round(outcome.durationMilliseconds),
    truncated: false,
    storedText: null,
    mayHaveRun: false,
  };
  if (!outcome.ok) return { payload: { ...result, error: outcome.error }, rows: [] };
  const { output: whole, truncated } = outcome;
  const known = truncated && typeof whole === 'string' ? withoutCutWord(whole) : whole;
  const { newId } = execution.dependencies;
  const { output, storedText, rows } = await recordableOutput(newId, execution.lease.runId, known);
  return { payload: { ...result, output, truncated, storedText }, rows };
}
