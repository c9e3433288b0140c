import { LRUCache } from 'lru-cache';
import type { RowWrite } from '../database/batch-statement.ts';
import type { NewEvent, RecordedEvent } from '../domain/events.ts';
import { conflict, isRefusal, type Refusal } from '../domain/refusal.ts';
import { evolve, type Run, sequenceEvents } from '../domain/run.ts';
import { isTerminal } from '../domain/transitions.ts';
import type { AppendContent, Journal } from '../journal/journal.ts';
import { rowsOfAppend } from './append-rows.ts';
import type { ClaimNow, ExecutionSlot } from './execution-slot.ts';

/** Events to append, with the ordinary rows that belong to them. No events means that there is nothing to record. */
export type Decided = { kind: 'events'; events: NewEvent[]; rows?: RowWrite[] } | Refusal;

/** What a decision may depend on beside the fold. */
export interface Situation {
  /** Epoch milliseconds. */
  now: number;
  /** Whether this server executes the run if the decision lets it continue. */
  canStart: boolean;
}

export interface RecordRequest {
  runId: string;
  sessionId: string;
  /** Epoch of the executor's lease; null when the writer is not an executor. */
  epoch: number | null;
  /** Whether the id was created for this request, so that there is no tape to read. */
  isNew?: boolean;
  /** Claims a slot on this server before the decision: `new` for a new run, `waiting` for one that waits for a person. */
  claim?: 'new' | 'waiting';
  /** Pure. Called again with the newer fold when other writers appended first. */
  decide(run: Run | null, situation: Situation): Decided;
}

export type RecordOutcome =
  | { kind: 'recorded'; run: Run; events: RecordedEvent[] }
  | { kind: 'refused'; refusal: Refusal }
  /** Another executor holds the run. */
  | { kind: 'stale' }
  /** A rule of the database refused a row; `rule` names it. */
  | { kind: 'constraint'; rule: string };

/**
 * The only way in which events get onto a tape:
 *
 *   record ─▶ claim a slot (optional) ─▶ fold ─▶ decide ─▶ rows ─▶ journal append ─▶ start or release the slot
 *
 * `record` resolves when events and rows are durable. It rejects with a StoreError when the store fails; nothing is stored then.
 */
export interface RunStore {
  record(request: RecordRequest): Promise<RecordOutcome>;
  /** The newest fold of a tape; null when there is no tape. */
  load(runId: string): Promise<Run | null>;
  /** Drops the cached fold of a run that was deleted. */
  forget(runId: string): void;
}

interface RunStoreOptions {
  journal: Journal;
  claimNow: ClaimNow;
  /** Epoch milliseconds. */
  now(): number;
  /** Folds that are kept in memory. */
  cachedRuns: number;
  /** Whether other servers write to the journal, so that a cached fold may be outdated. */
  isShared: boolean;
}

/** Other writers may win a few times in a row. More often means that something is wrong. */
const ATTEMPTS = 8;
const PAGE_EVENTS = 1000;

// biome-ignore lint/complexity/noExcessiveLinesPerFunction: an attempt and its repetition read best together.
export function createRunStore({ journal, claimNow, now, cachedRuns, isShared }: RunStoreOptions): RunStore {
  const cache = createFoldCache(journal, cachedRuns);
  const mayBeOutdated = (runId: string) => isShared || cache.isBeingWritten(runId);

  function load(runId: string): Promise<Run | null> {
    const cached = cache.get(runId);
    return cached && !mayBeOutdated(runId) ? Promise.resolve(cached) : cache.catchUp(runId, cached);
  }

  /** One attempt on a known fold; null when other writers came first and the fold must be read again. */
  async function attempt(
    request: RecordRequest,
    slot: ExecutionSlot | null,
    base: Run | null,
  ): Promise<RecordOutcome | null> {
    const { runId, sessionId, epoch } = request;
    const prepared = prepare(request, slot, base, now());
    if (isRefusal(prepared)) return { kind: 'refused', refusal: prepared };
    if (prepared.content.events.length === 0) return base ? { kind: 'recorded', run: base, events: [] } : null;
    let missed: RecordedEvent[] = [];
    const outcome = await journal.append({
      ...prepared.content,
      runId,
      sessionId,
      epoch,
      expectedHead: base?.head ?? 0,
      rebase(others) {
        missed = others;
        const again = prepare(request, slot, others.reduce<Run | null>(evolve, base), now());
        // A refusal must rest on durable events only: the next attempt finds them.
        return isRefusal(again) || again.content.events.length === 0 ? null : again.content;
      },
    });
    switch (outcome.kind) {
      case 'appended': {
        const isAsPrepared = missed.length === 0 && isUnchanged(prepared, outcome.events);
        const run = isAsPrepared ? prepared.run : foldAfter(base, missed, outcome.events);
        cache.put(run);
        return { kind: 'recorded', run, events: outcome.events };
      }
      case 'stale-epoch':
        return { kind: 'stale' };
      case 'constraint':
        return outcome;
      case 'closed':
      case 'conflict':
        return null;
      default:
        return outcome satisfies never;
    }
  }

  async function recordInSlot(request: RecordRequest, slot: ExecutionSlot | null): Promise<RecordOutcome> {
    // With a fold that is outdated an append fails, but a refusal would be returned: it needs the newest fold.
    const { runId } = request;
    let isOutdated = mayBeOutdated(runId) && cache.get(runId) !== null;
    let base = request.isNew ? null : (cache.get(runId) ?? (await load(runId)));
    for (let tries = 0; tries < ATTEMPTS; tries += 1) {
      const known = base;
      const outcome = await cache.whileWriting(runId, () => attempt(request, slot, known));
      const wroteNothing = outcome?.kind === 'refused' || (outcome?.kind === 'recorded' && outcome.events.length === 0);
      if (outcome !== null && !(isOutdated && wroteNothing)) return outcome;
      base = await cache.catchUp(runId, base);
      isOutdated = false;
    }
    return { kind: 'refused', refusal: conflict(`Run ${runId} is changing too fast. Try again.`) };
  }

  return {
    load,
    forget(runId) {
      cache.delete(runId);
      journal.forget(runId);
    },
    async record(request) {
      const slot = request.claim ? await claimNow(request, request.claim) : null;
      if (!slot) return recordInSlot(request, null);
      let isUsed = false;
      try {
        const outcome = await recordInSlot(request, slot);
        isUsed = outcome.kind === 'recorded' && startsExecution(outcome.events);
        return outcome;
      } finally {
        if (isUsed) slot.start();
        else slot.release();
      }
    },
  };
}

/** Whether the events let the run continue, so that it needs an executor from then on. */
const startsExecution = (events: readonly NewEvent[]) =>
  events.some(({ type, payload }) => type === 'status' && payload.to === 'IN_PROGRESS');

/** Folds of the runs that were written last. Others are read from their tapes. */
function createFoldCache(journal: Journal, capacity: number) {
  const folds = new LRUCache<string, Run>({ max: capacity });
  /** The number of attempts to append that have no outcome yet, by run. */
  const attempts = new Map<string, number>();

  /** Until the attempt has its outcome, and after it failed, the cached fold may lack events that it stored. */
  async function whileWriting<T>(runId: string, attempt: () => Promise<T>): Promise<T> {
    attempts.set(runId, (attempts.get(runId) ?? 0) + 1);
    try {
      return await attempt();
    } catch (error) {
      folds.delete(runId);
      throw error;
    } finally {
      const others = (attempts.get(runId) ?? 1) - 1;
      if (others > 0) attempts.set(runId, others);
      else attempts.delete(runId);
    }
  }

  function put(run: Run): void {
    const known = folds.peek(run.runId);
    if (known && known.head > run.head) return;
    // Nothing is appended to a terminal run, and its fold holds the whole answer.
    if (isTerminal(run.state.status)) folds.delete(run.runId);
    else folds.set(run.runId, run);
  }

  /** Reads what a fold lacks. @param from the fold so far; null to read the tape from its start */
  async function catchUp(runId: string, from: Run | null): Promise<Run | null> {
    let run = from;
    let page: RecordedEvent[];
    do {
      page = await journal.read(runId, { after: run?.head ?? 0, limit: PAGE_EVENTS });
      run = page.reduce<Run | null>(evolve, run);
    } while (page.length === PAGE_EVENTS);
    if (run) put(run);
    return run;
  }

  return {
    put,
    catchUp,
    whileWriting,
    isBeingWritten: (runId: string) => attempts.has(runId),
    get: (runId: string) => folds.get(runId) ?? null,
    delete: (runId: string) => void folds.delete(runId),
  };
}

/** What an append writes, and the fold after it. */
type Prepared = { kind: 'prepared'; content: AppendContent; run: Run };

function prepare(request: RecordRequest, slot: ExecutionSlot | null, run: Run | null, now: number): Prepared | Refusal {
  const decided = request.decide(run, { now, canStart: slot !== null });
  if (isRefusal(decided)) return decided;
  const events = sequenceEvents(run, { runId: request.runId, now, epoch: request.epoch }, decided.events);
  const after = events.reduce<Run | null>(evolve, run);
  if (after === null) return conflict(`Run ${request.runId} has no first event.`);
  // In this order, the feed has the creation of a session before that of its first run.
  const writes = [
    ...(decided.rows ?? []),
    ...rowsOfAppend(run, after, events),
    ...(slot && startsExecution(events) ? [slot.lease] : []),
  ];
  return { kind: 'prepared', content: { events, writes }, run: after };
}

/** Whether the codec stored every payload as it was given. */
function isUnchanged({ content }: Prepared, recorded: readonly RecordedEvent[]): boolean {
  return recorded.every(({ payload }, index) => payload === content.events[index]?.payload);
}

/** The fold after an append that followed other writers' events. `missed` may hold events that were not stored in the end. */
function foldAfter(base: Run | null, missed: readonly RecordedEvent[], recorded: readonly RecordedEvent[]): Run {
  const first = recorded[0]?.seq ?? 1;
  const events = [...missed.filter(({ seq }) => seq < first), ...recorded];
  const run = events.reduce<Run | null>(evolve, base);
  if (run === null) throw new Error('The recorded events do not begin a run.');
  return run;
}
