import type { RowWrite } from '../database/batch-statement.ts';
import type { NewEvent, RecordedEvent } from '../domain/events.ts';
import { conflict, isRefusal, type Refusal } from '../domain/refusal.ts';
import { evolve, placeEvents, type Run } from '../domain/run.ts';
import type { AppendContent, AppendOutcome, Journal } from '../journal/journal.ts';
import { approvalRows } from './approval-rows.ts';
import { runRows } from './run-rows.ts';

/** Events to record, with the ordinary rows that belong to them. */
export type Decided = { kind: 'events'; events: NewEvent[]; writes?: RowWrite[] } | Refusal;

export interface RecordRequest {
  runId: string;
  sessionId: string;
  /** Lease of the executor; null where no executor writes. */
  epoch: number | null;
  /** Pure. Asked again, with the newer fold, where others came first. No events means that nothing needs recording. */
  decide(run: Run | null, now: number): Decided;
}

export type RecordOutcome =
  | { kind: 'recorded'; run: Run; events: RecordedEvent[] }
  | { kind: 'refused'; refusal: Refusal }
  /** Another executor holds the run. */
  | { kind: 'stale' }
  /** A rule of the database refused a row; `rule` names it. */
  | { kind: 'constraint'; rule: string };

/**
 * The one way in which events come onto a tape: fold, decide, append with the rows that queries read, fold on.
 * Resolves when everything is durable. Rejects with a StoreError where the store fails.
 */
export interface Recorder {
  record(request: RecordRequest): Promise<RecordOutcome>;
  /** The fold of a tape; null where there is none. */
  load(runId: string): Promise<Run | null>;
  /** Drops a fold that is gone from the store. */
  forget(runId: string): void;
}

interface RecorderOptions {
  journal: Journal;
  /** Epoch milliseconds. */
  now(): number;
  /** Folds kept in memory. */
  cachedRuns: number;
}

/** Other servers may win a few times in a row; more often means that something is wrong. */
const ATTEMPTS = 8;
const PAGE_EVENTS = 1000;

export function createRecorder({ journal, now, cachedRuns }: RecorderOptions): Recorder {
  const folds = new Map<string, Run>();

  function remember(run: Run): void {
    const known = folds.get(run.runId);
    if (known && known.head > run.head) return;
    folds.delete(run.runId);
    folds.set(run.runId, run);
    if (folds.size <= cachedRuns) return;
    for (const oldest of folds.keys()) {
      folds.delete(oldest);
      break;
    }
  }

  async function readOn(runId: string, from: Run | null): Promise<Run | null> {
    let run = from;
    for (;;) {
      const page = await journal.read(runId, { after: run?.head ?? 0, limit: PAGE_EVENTS });
      for (const event of page) run = evolve(run, event);
      if (page.length < PAGE_EVENTS) break;
    }
    if (run) remember(run);
    return run;
  }

  async function load(runId: string): Promise<Run | null> {
    return folds.get(runId) ?? readOn(runId, null);
  }

  /** One attempt against a known fold; null where others came first and the fold must be read again. */
  async function attempt(request: RecordRequest, base: Run | null): Promise<RecordOutcome | null> {
    const first = prepare(request, base, now());
    if (isRefusal(first)) return { kind: 'refused', refusal: first };
    let latest: Prepared = first;
    if (latest.content.events.length === 0) return base ? { kind: 'recorded', run: base, events: [] } : null;
    let refusal: Refusal | null = null;
    const outcome: AppendOutcome = await journal.append({
      ...latest.content,
      runId: request.runId,
      sessionId: request.sessionId,
      expectedHead: base?.head ?? 0,
      epoch: request.epoch,
      rebase(missed) {
        const again = prepare(request, missed.reduce<Run | null>(evolve, base), now());
        if (isRefusal(again)) refusal = again;
        else latest = again;
        return isRefusal(again) || again.content.events.length === 0 ? null : again.content;
      },
    });
    switch (outcome.kind) {
      case 'appended':
        remember(latest.run);
        return { kind: 'recorded', run: latest.run, events: outcome.events };
      case 'stale-epoch':
        return { kind: 'stale' };
      case 'constraint':
        return outcome;
      case 'closed':
      case 'conflict':
        return refusal === null ? null : { kind: 'refused', refusal };
      default:
        return outcome satisfies never;
    }
  }

  return {
    load,
    forget: (runId) => void folds.delete(runId),
    async record(request) {
      let base = await load(request.runId);
      for (let tries = 0; tries < ATTEMPTS; tries += 1) {
        const outcome = await attempt(request, base);
        if (outcome !== null) return outcome;
        base = await readOn(request.runId, base);
      }
      return { kind: 'refused', refusal: conflict(`Run ${request.runId} changes too fast; try again.`) };
    },
  };
}

type Prepared = { kind: 'prepared'; run: Run; content: AppendContent };

/** Decides on a fold and works out the events' times, the fold behind them, and the rows. */
function prepare(request: RecordRequest, run: Run | null, now: number): Prepared | Refusal {
  const decided = request.decide(run, now);
  if (isRefusal(decided)) return decided;
  const placed = placeEvents(run, request.runId, decided.events, now);
  const after = placed.reduce<Run | null>(evolve, run);
  if (after === null) return conflict(`Run ${request.runId} has no beginning.`);
  const writes = [...runRows(after, placed), ...approvalRows(after, placed), ...(decided.writes ?? [])];
  return { kind: 'prepared', run: after, content: { events: placed, writes } };
}
