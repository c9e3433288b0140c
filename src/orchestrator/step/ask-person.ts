import { FOLLOW_POLL_SECONDS } from '../../config/limits.ts';
import { StoreError } from '../../database/store-error.ts';
import { summariseToolQuestion } from '../../domain/call-summary.ts';
import type { EventOf, NewEvent } from '../../domain/events.ts';
import { maskText } from '../../domain/secrets/mask.ts';
import { expiryMessages } from '../../domain/settled-wait.ts';
import type { ToolCall } from '../../domain/step.ts';
import type { ToolAnswer, ToolQuestion } from '../../tools/tool.ts';
import type { OrchestratorDependencies } from '../dependencies.ts';
import type { RunExecution } from '../run-execution.ts';

interface AskingTool {
  call: ToolCall;
  source: string;
  /** Of the call. */
  signal: AbortSignal;
}

/**
 * Asks a person for a tool that runs, see `ToolContext.ask`. The question is durable before anybody is asked, and any server can
 * settle it. This server keeps the lease, because it has the call. If it is lost, the next executor withdraws the question.
 */
export async function askPerson(
  execution: RunExecution,
  { call, source, signal }: AskingTool,
  question: ToolQuestion,
  unneeded: AbortSignal,
): Promise<ToolAnswer> {
  const { dependencies } = execution;
  const request = requestOf(dependencies, call, source, question);
  unneeded.throwIfAborted();
  const asked = await execution.recordCommand({ kind: 'ask', request });
  if (asked.kind === 'stop') throw new Error('The run does not continue.');
  const stopCounting = execution.countAsking();
  const { waitId } = request.payload;
  try {
    const settled = await untilSettled(execution, call.seq, waitId, [signal, unneeded]);
    execution.continueWork();
    return answerOf(settled);
  } catch (error) {
    if (unneeded.aborted && !signal.aborted) {
      const reason = 'The tool does not wait for the answer any more.';
      await execution.recordCommand({ kind: 'withdrawQuestions', waitId, reason });
    }
    throw error;
  } finally {
    stopCounting();
  }
}

function requestOf(
  { clock, newId, settings }: OrchestratorDependencies,
  { callId }: ToolCall,
  source: string,
  { prompt: text, answerSchema, url }: ToolQuestion,
): Extract<NewEvent, { type: 'wait_request' }> {
  const prompt = maskText(text);
  return {
    type: 'wait_request',
    actor: 'SYSTEM',
    payload: {
      waitId: newId('question'),
      kind: 'QUESTION',
      callId,
      summary: summariseToolQuestion(source, prompt, url),
      expiresAt: clock.now() + settings.approvalExpirySeconds * 1000,
      question: { prompt, answerSchema, source, url },
      budget: null,
    },
  };
}

/** Reads the tape after each notification, and regularly, because notifications may be lost. Rejects when one of the signals aborts. */
async function untilSettled(
  { dependencies: { clock, journal, notifications }, lease: { runId } }: RunExecution,
  after: number,
  waitId: string,
  signals: readonly AbortSignal[],
): Promise<EventOf<'wait_settled'>['payload']> {
  let wake = new AbortController();
  const wakeUp = () => wake.abort();
  const unsubscribe = notifications.onRun(runId, wakeUp);
  for (const signal of signals) signal.addEventListener('abort', wakeUp);
  try {
    for (;;) {
      for (const signal of signals) signal.throwIfAborted();
      wake = new AbortController();
      const tapes = await journal
        .readMany([{ runId, after, upTo: Number.MAX_SAFE_INTEGER }], ['wait_settled'])
        .catch(noTapes);
      for (const { type, payload } of tapes.get(runId) ?? []) {
        if (type === 'wait_settled' && payload.waitId === waitId) return payload;
      }
      await clock.sleep(FOLLOW_POLL_SECONDS * 1000, wake.signal).catch(() => {});
    }
  } finally {
    unsubscribe();
    for (const signal of signals) signal.removeEventListener('abort', wakeUp);
  }
}

/** While the store is away, the question waits. */
function noTapes(error: unknown): Awaited<ReturnType<OrchestratorDependencies['journal']['readMany']>> {
  if (error instanceof StoreError) return new Map();
  throw error;
}

function answerOf({ outcome, answer, reason }: EventOf<'wait_settled'>['payload']): ToolAnswer {
  switch (outcome) {
    case 'ANSWERED':
      return { action: 'ANSWER', answer };
    case 'DECLINED':
      return { action: 'DECLINE', reason };
    case 'CANCELLED':
      return { action: 'CANCEL', reason };
    case 'EXPIRED':
      throw new Error(expiryMessages.QUESTION);
    default:
      throw new Error('The question was withdrawn.');
  }
}
