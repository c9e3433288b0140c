import { createHash } from 'node:crypto';
import * as limits from '../config/limits.ts';
import type { Database } from '../database/database.ts';
import type { EventType, Json, PayloadOf } from '../domain/events.ts';
import type { Run } from '../domain/run.ts';
import { transcript } from '../domain/transcript.ts';
import { canonicalJson } from '../journal/canonical-json.ts';
import type { Journal } from '../journal/journal.ts';
import type { CatalogueEntry, ModelRequest, ToolDescription } from '../model/model.ts';
import { earlierRuns } from '../projections/runs.ts';
import { type HistoryMessage, newestThatFit } from './history.ts';
import { estimateMessage, estimateTokens } from './token-estimate.ts';

/** What the model is told where no agent says otherwise. */
const DEFAULT_INSTRUCTIONS = 'You are a helpful assistant. Use the tools you have where they help.';

export interface ContextQuestion {
  run: Run;
  step: number;
  /** Turns up to this one are not shown. */
  resetTurn: number;
  instructions: string | null;
  tools: readonly ToolDescription[];
  model: CatalogueEntry;
}

/** What is sent to the model, and what the tape keeps of it. */
export interface AssembledContext {
  request: ModelRequest;
  record: PayloadOf<'context'>;
}

/** The part of the window that is left for the answer. */
const ANSWER_SHARE = 0.25;
/** Events that messages are made of; deltas, which are most of a tape, are not read. */
const spoken: EventType[] = ['input', 'context', 'output', 'tool_call', 'tool_result'];
/** Earlier runs read at a time, newest first. */
const RUNS_AT_A_TIME = 8;
const TAPE_EVENTS = 10_000;

/** Newest history first within the model's window; the run under way is always shown whole. */
export async function assembleContext(
  { database, journal }: { database: Database; journal: Journal },
  question: ContextQuestion,
): Promise<AssembledContext> {
  const { run, model, tools } = question;
  const instructions = question.instructions ?? DEFAULT_INSTRUCTIONS;
  const own = await messagesOf(journal, run.runId);
  const fixed =
    own.reduce((sum, message) => sum + estimateMessage(message), 0) +
    estimateTokens(instructions) +
    estimateTokens(JSON.stringify(tools));
  const room = Math.floor(model.contextTokens * (1 - ANSWER_SHARE)) - fixed;
  const earlier = room > 0 ? await earlierMessages({ database, journal }, question, room) : [];
  const shown = [...earlier, ...own];
  const request: ModelRequest = {
    instructions,
    messages: shown.map(({ seq: _seq, runId: _runId, ...message }) => message),
    tools,
  };
  const tokens = fixed + earlier.reduce((sum, message) => sum + estimateMessage(message), 0);
  return { request, record: recordOf(question, request, shown, tokens) };
}

async function messagesOf(journal: Journal, runId: string): Promise<HistoryMessage[]> {
  const events = await journal.read(runId, { after: 0, limit: TAPE_EVENTS, types: spoken });
  return transcript(events).map((message) => ({ ...message, runId }));
}

/** Reads back run by run until the window is full: what a long session costs is bounded by the window. */
async function earlierMessages(
  { database, journal }: { database: Database; journal: Journal },
  { run, resetTurn }: ContextQuestion,
  room: number,
): Promise<HistoryMessage[]> {
  let found: HistoryMessage[] = [];
  let beforeTurn = run.turn ?? 1;
  for (let read = 0; read < limits.HISTORY_RUNS; read += RUNS_AT_A_TIME) {
    const range = { afterTurn: resetTurn, beforeTurn, limit: RUNS_AT_A_TIME };
    const runs = await earlierRuns(database.reader, run.origin.sessionId, range);
    const messages = await Promise.all(runs.map(({ id }) => messagesOf(journal, id)));
    found = [...messages.flat(), ...found];
    beforeTurn = runs[0]?.turn ?? 1;
    const fitting = newestThatFit(found, room);
    if (runs.length < RUNS_AT_A_TIME || fitting.length < found.length) return fitting;
  }
  return newestThatFit(found, room);
}

function recordOf(
  { run, step, model, tools }: ContextQuestion,
  request: ModelRequest,
  shown: readonly HistoryMessage[],
  estimatedTokens: number,
): PayloadOf<'context'> {
  const position = (message: HistoryMessage | undefined) => ({
    runId: message?.runId ?? run.runId,
    seq: message?.seq ?? 1,
  });
  return {
    step,
    model: model.name,
    shown: { from: position(shown[0]), to: position(shown.at(-1)), messages: shown.length },
    memories: [],
    artifactId: null,
    instructionsHash: sha256(request.instructions),
    tools: tools.map(({ name }) => name),
    estimatedTokens,
    requestHash: sha256(canonicalJson({ ...request, model: model.name } as unknown as Json).text),
  };
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
