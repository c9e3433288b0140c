import type { RowWrite } from '../database/batch-statement.ts';
import type { NewEvent, RecordedEvent } from '../domain/events.ts';
import { conflict, isRefusal, type Refusal } from '../domain/refusal.ts';
import { evolve, type Run } from '../domain/run.ts';
import { sequenceEvents } from '../domain/sequence-events.ts';
import { isTerminal } from '../domain/transitions.ts';
import type { AppendContent, Journal } from '../journal/journal.ts';
import { approvalRows } from '../projections/approval-rows.ts';
import { runRows } from '../projections/run-rows.ts';
import { sessionActivityRows } from '../projections/session-activity.ts';
import { settledEncryptedInputs } from '../repositories/encrypted-inputs.ts';
import { conversationPassages } from '../repositories/search/index-rows.ts';

/** Events to record, with the ordinary rows that belong to them. */
export type Decided = { kind: 'events'; events: NewEvent[]; writes?: RowWrite[] } | Refusal;

export interface RecordRequest {
  runId: string;
  sessionId: string;
  /** Lease of the executor; null where no executor writes. */
  epoch: number | null;
  /** Its id was made a moment ago: there is no tape to look for. */
  isNew?: boolean;
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
export interface RunStore {
  record(request: RecordRequest): Promise<RecordOutcome>;
  /** The newest fold of a tape; null where there is none. */
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
  /** Whether others write to the journal too, so that a kept fold may be old. */
  isShared: boolean;
}

/** Other servers may win a few times in a row; more often means that something is wrong. */
const ATTEMPTS = 8;
const PAGE_EVENTS = 1000;

export function createRunStore({ journal, now, cachedRuns, isShared }: RecorderOptions): RunStore {
  const folds = createFolds(journal, cachedRuns);

  const load = (runId: string): Promise<Run | null> => {
    const kept = folds.kept(runId);
    return kept && !isShared ? Promise.resolve(kept) : folds.readOn(runId, kept);
  };

  /** One attempt against a known fold; null where others came first and the fold must be read again. */
  async function attempt(request: RecordRequest, base: Run | null): Promise<RecordOutcome | null> {
    const { runId, sessionId, epoch } = request;
    const prepared = prepare(request, base, now());
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
        const again = prepare(request, others.reduce<Run | null>(evolve, base), now());
        // A refusal is given on what is durable only: the next attempt finds it there.
        return isRefusal(again) || again.content.events.length === 0 ? null : again.content;
      },
    });
    switch (outcome.kind) {
      case 'appended': {
        const isAsPrepared = missed.length === 0 && isUnchanged(prepared, outcome.events);
        const run = isAsPrepared ? prepared.run : foldBehind(base, missed, outcome.events);
        folds.remember(run);
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

  return {
    load,
    forget(runId) {
      folds.forget(runId);
      journal.forget(runId);
    },
    async record(request) {
      // What was kept may be old: an append on top of it fails then, but a refusal would stand.
      let isOld = isShared && folds.kept(request.runId) !== null;
      let base = request.isNew ? null : (folds.kept(request.runId) ?? (await load(request.runId)));
      for (let tries = 0; tries < ATTEMPTS; tries += 1) {
        const outcome = await attempt(request, base);
        const wroteNothing =
          outcome?.kind === 'refused' || (outcome?.kind === 'recorded' && outcome.events.length === 0);
        if (outcome !== null && !(isOld && wroteNothing)) return outcome;
        base = await folds.readOn(request.runId, base);
        isOld = false;
      }
      return { kind: 'refused', refusal: conflict(`Run ${request.runId} changes too fast; try again.`) };
    },
  };
}

/** Folds of the runs that were written lately, read from their tapes where they are not known. */
function createFolds(journal: Journal, capacity: number) {
  const kept = new Map<string, Run>();

  function remember(run: Run): void {
    const known = kept.get(run.runId);
    if (known && known.head > run.head) return;
    kept.delete(run.runId);
    // Nothing is written behind an end, and its fold holds the whole answer.
    if (isTerminal(run.state.status)) return;
    kept.set(run.runId, run);
    const [oldest] = kept.keys();
    if (kept.size > capacity && oldest !== undefined) kept.delete(oldest);
  }

  async function readOn(runId: string, from: Run | null): Promise<Run | null> {
    let run = from;
    let page: RecordedEvent[];
    do {
      page = await journal.read(runId, { after: run?.head ?? 0, limit: PAGE_EVENTS });
      run = page.reduce<Run | null>(evolve, run);
    } while (page.length === PAGE_EVENTS);
    if (run) remember(run);
    return run;
  }

  return {
    remember,
    readOn,
    kept: (runId: string) => kept.get(runId) ?? null,
    forget: (runId: string) => void kept.delete(runId),
  };
}

/** With the fold as it is once the events are recorded. */
type Prepared = { kind: 'prepared'; content: AppendContent; run: Run };

/** Decides on a fold, and adds the events' times and the rows that go with them. */
function prepare(request: RecordRequest, run: Run | null, now: number): Prepared | Refusal {
  const decided = request.decide(run, now);
  if (isRefusal(decided)) return decided;
  const events = sequenceEvents(run, { runId: request.runId, now, epoch: request.epoch }, decided.events);
  const after = events.reduce<Run | null>(evolve, run);
  if (after === null) return conflict(`Run ${request.runId} has no beginning.`);
  const writes = [
    ...runRows(after, events),
    ...approvalRows(after, events),
    ...conversationPassages(after, events),
    ...sessionActivityRows(after, events),
    ...settledEncryptedInputs(run, events),
    ...(decided.writes ?? []),
  ];
  return { kind: 'prepared', content: { events, writes }, run: after };
}

/** Nothing in the events had to be replaced. */
function isUnchanged({ content }: Prepared, recorded: readonly RecordedEvent[]): boolean {
  return recorded.every(({ payload }, index) => payload === content.events[index]?.payload);
}

/** `missed` may hold events that were not recorded in the end: what counts is what `recorded` stands behind. */
function foldBehind(base: Run | null, missed: readonly RecordedEvent[], recorded: readonly RecordedEvent[]): Run {
  const first = recorded[0]?.seq ?? 1;
  const events = [...missed.filter(({ seq }) => seq < first), ...recorded];
  const run = events.reduce<Run | null>(evolve, base);
  if (run === null) throw new Error('Something was recorded that begins no run.');
  return run;
}
