import type { OutputUsage } from '../../domain/events.ts';
import { clipSegments, type Segment, visibleUpTo } from '../../domain/session.ts';
import type { NewId } from '../../ids.ts';
import type { CatalogueEntry } from '../../models/catalogue.ts';
import { headsOf } from '../../projections/runs.ts';
import type { CompactionRow } from '../../repositories/compactions.ts';
import { type HistoryMessage, type HistoryStore, isCompacted, messagesOfRun, walkRuns } from '../history.ts';
import { tokenBudget } from '../token-budget.ts';
import { estimateMessages, estimateTokens } from '../token-estimate.ts';
import { selectMessages, type Verbatim } from './message-selection.ts';
import { summarise } from './summarise.ts';
import { transcriptText } from './transcript-text.ts';

export interface CompactionRequest {
  sessionId: string;
  /** What the session sees, including the current run. */
  segments: readonly Segment[];
  /** The latest compaction, which the new one extends; null if there is none. */
  previous: CompactionRow | null;
  /** The current run, which needs room; null if a client requested the compaction. */
  run: { runId: string; turn: number } | null;
  trigger: CompactionRow['trigger'];
  model: CatalogueEntry;
  /** Counted tokens per estimated token. */
  ratio: number;
  /** The share of the context window to use. */
  share: number;
  /** Epoch milliseconds. */
  now: number;
  signal: AbortSignal;
}

export type CompactionOutcome =
  | { kind: 'compacted'; compaction: CompactionRow; usage: OutputUsage }
  /** Everything stays verbatim. */
  | { kind: 'nothing'; reason: string }
  /** The model returned no usable summary. `usage` is null if the call was not completed. */
  | { kind: 'failed'; reason: string; usage: OutputUsage | null };

/** The turns that stay verbatim if a client requests a compaction. */
const VERBATIM_TURNS = 2;

/**
 * Summarises the oldest history that no compaction replaces yet. Stores nothing. Rejects with the signal's reason if the
 * signal aborts.
 */
export async function compact(
  store: HistoryStore & { newId: NewId },
  request: CompactionRequest,
): Promise<CompactionOutcome> {
  const { model, previous, run } = request;
  const previousSummary = previous?.summary ?? null;
  const budget = tokenBudget(model.contextTokens * request.share, request.ratio);
  const room = Math.max(1, budget.input - budget.summary - estimateTokens(previousSummary ?? ''));
  const verbatim: Verbatim = run === null ? { turns: VERBATIM_TURNS } : { tokens: budget.verbatim };
  const { messages, isEnd } = await uncompactedMessages(store, request, room + budget.verbatim);
  const selected = selectMessages(messages, { isEnd, verbatim, room, currentRunId: run?.runId ?? null });
  if (selected.length === 0) {
    return { kind: 'nothing', reason: 'There is nothing to summarise: the last turns stay verbatim.' };
  }
  const tokensBefore = estimateMessages(selected) + estimateTokens(previousSummary ?? '');
  const transcript = transcriptText(selected, { previousSummary, room });
  const summary = await summarise(model, { transcript, tokensBefore, maxTokens: budget.summary }, request.signal);
  if (summary.kind === 'failed') return summary;
  const { usage, text, tokens: tokensAfter } = summary;
  const range = await rangeOf(store, request, selected, messages);
  const compaction: CompactionRow = {
    id: store.newId('compaction'),
    sessionId: request.sessionId,
    runId: run?.runId ?? null,
    trigger: request.trigger,
    summary: text,
    ...range,
    tokensBefore,
    tokensAfter,
    previousId: previous?.id ?? null,
    model: model.name,
    createdAt: new Date(request.now),
    inputTokens: usage.input,
    outputTokens: usage.output,
    usageEstimated: usage.estimated,
    cost: usage.cost,
  };
  return { kind: 'compacted', compaction, usage };
}

/** The messages that no compaction replaces, oldest first, until they exceed the number of tokens. */
async function uncompactedMessages(
  store: HistoryStore,
  { segments, previous, run }: CompactionRequest,
  tokens: number,
): Promise<{ messages: HistoryMessage[]; isEnd: boolean }> {
  const messages: HistoryMessage[] = [];
  const lastTurn = run === null ? Number.MAX_SAFE_INTEGER : run.turn - 1;
  let left = tokens;
  for await (const ofRun of walkRuns(store, clipSegments(segments, previous?.toTurn ?? 0, lastTurn), 'oldest')) {
    const uncompacted = ofRun.filter((message) => !isCompacted(message, previous));
    messages.push(...uncompacted);
    left -= estimateMessages(uncompacted);
    if (left < 0) return { messages, isEnd: false };
  }
  const current = run === null ? [] : await messagesOfRun(store, run);
  messages.push(...current.filter((message) => !isCompacted(message, previous)));
  return { messages, isEnd: true };
}

type CompactedRange = Pick<
  CompactionRow,
  'fromRunId' | 'fromSeq' | 'fromTurn' | 'toRunId' | 'toSeq' | 'toTurn' | 'eventCount'
>;

/** The range of the selected messages and the previous compaction. A run that is selected whole is covered to its head. */
async function rangeOf(
  { database }: HistoryStore,
  { segments, previous, run }: CompactionRequest,
  selected: readonly HistoryMessage[],
  messages: readonly HistoryMessage[],
): Promise<CompactedRange> {
  const runs = [...new Map(selected.map(({ runId, turn }) => [runId, turn]))];
  const heads = await headsOf(
    database,
    runs.map(([runId]) => runId),
  );
  const [[firstRunId, firstTurn] = ['', 0]] = runs;
  const [toRunId, toTurn] = runs.at(-1) ?? [firstRunId, firstTurn];
  /** The last event of a run that the session sees. */
  const visibleHead = (runId: string, turn: number) => {
    const segment = segments.find(({ fromTurn, upToTurn }) => turn >= fromTurn && turn <= upToTurn);
    const cut = segment && visibleUpTo([segment], { sessionId: segment.sessionId, runId, turn });
    return cut ?? heads.get(runId) ?? 0;
  };
  const ofLastRun = selected.filter(({ runId }) => runId === toRunId);
  const isWhole =
    toRunId !== run?.runId && ofLastRun.length === messages.filter(({ runId }) => runId === toRunId).length;
  const toSeq = isWhole ? visibleHead(toRunId, toTurn) : Math.max(...ofLastRun.map(({ seq }) => seq));
  const alreadyCounted = previous !== null && previous.toRunId === firstRunId ? previous.toSeq : 0;
  const events = runs.reduce(
    (sum, [runId, turn]) => sum + (runId === toRunId ? toSeq : visibleHead(runId, turn)),
    -alreadyCounted,
  );
  return {
    fromRunId: previous?.fromRunId ?? firstRunId,
    fromSeq: previous?.fromSeq ?? 1,
    fromTurn: previous?.fromTurn ?? firstTurn,
    toRunId,
    toSeq,
    toTurn,
    eventCount: (previous?.eventCount ?? 0) + events,
  };
}
