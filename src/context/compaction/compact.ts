import type { OutputUsage } from '../../domain/events.ts';
import { clipSegments, type Segment, visibleUpTo } from '../../domain/session/lineage.ts';
import type { NewId } from '../../ids.ts';
import type { CatalogueEntry } from '../../models/model.ts';
import { headsOf } from '../../projections/runs.ts';
import type { CompactionRow } from '../../repositories/compactions.ts';
import { tokensOf } from '../message-window.ts';
import { type HistoryMessage, type HistoryStore, messagesOf, walk } from '../history.ts';
import { isSummarised } from '../summarised.ts';
import { tokenBudget } from '../token-budget.ts';
import { estimateTokens } from '../token-estimate.ts';
import { coverable, type Kept } from './message-selection.ts';
import { summarise } from './summarise.ts';
import { transcriptText } from './transcript-text.ts';

export interface CompactionRequest {
  sessionId: string;
  /** What is seen, the run under way included. */
  segments: readonly Segment[];
  /** The summary in force, which the new one builds on. */
  previous: CompactionRow | null;
  /** The run under way that is to be made room for; null where somebody asked for it. */
  run: { runId: string; turn: number } | null;
  trigger: CompactionRow['trigger'];
  model: CatalogueEntry;
  ratio: number;
  share: number;
  now: number;
  signal: AbortSignal;
}

export type Compacted =
  | { kind: 'compacted'; artifact: CompactionRow; usage: OutputUsage }
  /** Everything there is stays verbatim. */
  | { kind: 'nothing'; reason: string }
  /** The model gave no summary that can be used. `usage`: null where nobody counted what that took. */
  | { kind: 'failed'; reason: string; usage: OutputUsage | null };

/** Turns that stay as they are where somebody asks for a summary. */
const KEPT_TURNS = 2;

/** Makes a summary of the oldest history that no summary stands for yet. Stores nothing. */
export async function compact(store: HistoryStore & { newId: NewId }, question: CompactionRequest): Promise<Compacted> {
  const { model, previous, run, signal } = question;
  const budget = tokenBudget(model.contextTokens * question.share, question.ratio);
  const room = Math.max(1, budget.input - budget.summary - estimateTokens(previous?.summary ?? ''));
  const kept: Kept = run === null ? { turns: KEPT_TURNS } : { tokens: budget.kept };
  const { messages, isEnd } = await uncovered(store, question, room + budget.kept);
  const covered = coverable(messages, { isEnd, kept, room, ownRunId: run?.runId ?? null });
  const last = covered.at(-1);
  if (!last)
    return { kind: 'nothing', reason: 'There is nothing that a summary could stand for: the last turns are kept.' };
  const tokensBefore = tokensOf(covered) + estimateTokens(previous?.summary ?? '');
  const material = transcriptText(covered, { previous: previous?.summary ?? null, room });
  const summary = await summarise(model, { material, tokensBefore, mostTokens: budget.summary }, signal);
  if (summary.kind === 'refused') return { kind: 'failed', reason: summary.reason, usage: summary.usage };
  const { usage, text, tokens: tokensAfter } = summary;
  const range = await rangeOf(store, question, covered, messages);
  const artifact: CompactionRow = {
    id: store.newId('artifact'),
    sessionId: question.sessionId,
    runId: run?.runId ?? null,
    trigger: question.trigger,
    summary: text,
    ...range,
    tokensBefore,
    tokensAfter,
    previousId: previous?.id ?? null,
    model: model.name,
    createdAt: new Date(question.now),
    inputTokens: usage.input,
    outputTokens: usage.output,
    usageEstimated: usage.estimated,
    cost: usage.cost,
  };
  return { kind: 'compacted', artifact, usage };
}

/** What no summary stands for, oldest first, until there is more than can be summarised at once. */
async function uncovered(store: HistoryStore, { segments, previous, run }: CompactionRequest, most: number) {
  const found: HistoryMessage[] = [];
  const before = run === null ? Number.MAX_SAFE_INTEGER : run.turn - 1;
  let left = most;
  for await (const messages of walk(store, clipSegments(segments, previous?.toTurn ?? 0, before), 'oldest')) {
    const ofRun = messages.filter((message) => !isSummarised(message, previous));
    found.push(...ofRun);
    left -= tokensOf(ofRun);
    if (left < 0) return { messages: found, isEnd: false };
  }
  const own = run === null ? [] : await messagesOf(store, run);
  return { messages: [...found, ...own.filter((message) => !isSummarised(message, previous))], isEnd: true };
}

type Range = Pick<CompactionRow, 'fromRunId' | 'fromSeq' | 'fromTurn' | 'toRunId' | 'toSeq' | 'toTurn' | 'eventCount'>;

/** A run that is covered whole is covered to its end, whatever stands behind its last message. */
async function rangeOf(
  { database }: HistoryStore,
  { segments, previous, run }: CompactionRequest,
  covered: readonly HistoryMessage[],
  messages: readonly HistoryMessage[],
): Promise<Range> {
  const runs = [...new Map(covered.map(({ runId, turn }) => [runId, turn]))];
  const heads = await headsOf(
    database,
    runs.map(([runId]) => runId),
  );
  const [[firstRun, firstTurn] = ['', 0]] = runs;
  const [toRunId, toTurn] = runs.at(-1) ?? [firstRun, firstTurn];
  const seenEnd = (runId: string, turn: number) => {
    const segment = segments.find(({ fromTurn, upToTurn }) => turn >= fromTurn && turn <= upToTurn);
    const cut = segment && visibleUpTo([segment], { sessionId: segment.sessionId, runId, turn });
    return cut ?? heads.get(runId) ?? 0;
  };
  const lastSeq = Math.max(...covered.filter(({ runId }) => runId === toRunId).map(({ seq }) => seq));
  const isWhole =
    toRunId !== run?.runId &&
    messages.filter(({ runId }) => runId === toRunId).length ===
      covered.filter(({ runId }) => runId === toRunId).length;
  const toSeq = isWhole ? seenEnd(toRunId, toTurn) : lastSeq;
  const before = previous !== null && previous.toRunId === firstRun ? previous.toSeq : 0;
  const events = runs.reduce((sum, [runId, turn]) => sum + (runId === toRunId ? toSeq : seenEnd(runId, turn)), -before);
  return {
    fromRunId: previous?.fromRunId ?? firstRun,
    fromSeq: previous?.fromSeq ?? 1,
    fromTurn: previous?.fromTurn ?? firstTurn,
    toRunId,
    toSeq,
    toTurn,
    eventCount: (previous?.eventCount ?? 0) + events,
  };
}
