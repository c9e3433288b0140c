import * as limits from '../config/limits.ts';
import { batchInsert, batchUpdate, type RowWrite } from '../database/batch-statement.ts';
import type { Database } from '../database/database.ts';
import { StoreError, toStoreError } from '../database/store-error.ts';
import type { RecordedEvent } from '../domain/events.ts';
import { type AppendPlan, emptyTape, planAppend, type TapeEnd } from './append-plan.ts';
import { decode, type StoredEvent } from './codec.ts';
import { createGroupCommit, type Waiting } from './group-commit.ts';
import type { AppendOutcome, AppendRequest, Journal, OnRecorded } from './journal.ts';
import { createTapeReader } from './tape-reader.ts';
import { verifyTape } from './verify.ts';

const insertTape = batchInsert({
  name: 'insert tape',
  order: 20,
  table: 'Tape',
  columns: { runId: 'text', sessionId: 'text', closed: 'boolean' },
  key: ['runId'],
  replace: [],
  onConflict: 'refuse',
});

const insertEvents = batchInsert({
  name: 'insert events',
  order: 30,
  table: 'Event',
  columns: {
    ...{ runId: 'text', seq: 'int', type: 'text', actor: 'text', schemaVersion: 'int' },
    ...{ recordedAt: 'bigint', epoch: 'int', payload: 'text', hash: 'text' },
  },
  key: ['runId', 'seq'],
  replace: [],
  onConflict: 'refuse',
});

const closeTape = batchUpdate({
  name: 'close tape',
  order: 40,
  table: 'Tape',
  columns: { runId: 'text', closed: 'boolean' },
  key: ['runId'],
});

type Item = Waiting<AppendRequest, AppendOutcome>;
type Planned = { item: Item; plan: Extract<AppendPlan, { kind: 'write' }> };

/** The journal in a database, through group commit. The database itself keeps tapes dense, closed and unchanged. */
export function createDatabaseJournal(database: Database, onRecorded: OnRecorded): Journal {
  const reader = createTapeReader(database);
  const ends = createTapeEnds(reader.ends);
  const group = createGroupCommit<AppendRequest, AppendOutcome>({
    commit,
    batchSize: limits.COMMIT_APPENDS,
    capacity: limits.WAITING_APPENDS,
    overflow: () => new StoreError('busy', `more than ${limits.WAITING_APPENDS} appends wait`),
  });

  async function commit(batch: Item[]): Promise<void> {
    const planned = await planBatch(batch);
    if (planned.length === 0) return;
    try {
      await database.commit(planned.flatMap(rowsOf));
    } catch (error) {
      ends.forget(planned.map(({ item }) => item.request.runId));
      return recover(planned, toStoreError(error));
    }
    for (const { item, plan } of planned) {
      ends.remember(item.request.runId, plan.end);
      item.resolve({ kind: 'appended', events: plan.recorded });
      const { runId, sessionId } = item.request;
      onRecorded({ runId, sessionId, events: plan.recorded });
    }
  }

  /** One row that the database refuses must not fail the appends beside it: each is tried alone. */
  async function recover(planned: Planned[], error: StoreError): Promise<void> {
    if (error.failure !== 'constraint') {
      for (const { item } of planned) item.reject(error);
      return;
    }
    const [only] = planned;
    if (planned.length > 1 || !only) {
      for (const { item } of planned) await commit([item]);
      return;
    }
    const { head } = (await reader.head(only.item.request.runId)) ?? emptyTape;
    only.item.resolve(outcomeOf(error.detail, head));
  }

  /** Settles what can not be written and returns the rest, each behind the one before it. */
  async function planBatch(batch: Item[]): Promise<Planned[]> {
    const known = await ends.load(batch.map(({ request }) => request.runId));
    const inBatch = new Map<string, RecordedEvent[]>();
    const planned: Planned[] = [];
    for (const item of batch) {
      const { runId, expectedHead } = item.request;
      const end = known.get(runId) ?? emptyTape;
      const here = inBatch.get(runId) ?? [];
      try {
        const missed = end.head > expectedHead && item.request.rebase ? await missedBy(item.request, end, here) : [];
        const plan =
          end.head === expectedHead || missed.length > 0 ? planAppend(item.request, end, missed) : conflictAt(end);
        if (plan.kind === 'refuse') {
          item.resolve(plan.outcome);
          continue;
        }
        known.set(runId, plan.end);
        inBatch.set(runId, [...here, ...plan.recorded]);
        planned.push({ item, plan });
      } catch (error) {
        item.reject(error);
      }
    }
    return planned;
  }

  async function missedBy(request: AppendRequest, end: TapeEnd, here: RecordedEvent[]): Promise<RecordedEvent[]> {
    const { runId, expectedHead } = request;
    const stored = end.head - here.length;
    const before =
      stored > expectedHead ? await reader.read(runId, { after: expectedHead, upTo: stored, limit: stored }) : [];
    return [...before, ...here.filter((event) => event.seq > expectedHead)];
  }

  return {
    append: (request) => group.submit(request),
    read: reader.read,
    readBack: reader.readBack,
    head: reader.head,
    verify: (runId) => verifyTape(runId, reader, decode),
    idle: () => group.idle(),
  };
}

function conflictAt(end: TapeEnd): AppendPlan {
  return { kind: 'refuse', outcome: end.closed ? { kind: 'closed' } : { kind: 'conflict', head: end.head } };
}

function rowsOf({ item, plan }: Planned): RowWrite[] {
  const { runId, sessionId, expectedHead } = item.request;
  const rows: RowWrite[] = plan.stored.map((event: StoredEvent) => ({ statement: insertEvents, row: { ...event } }));
  if (expectedHead === 0) rows.push({ statement: insertTape, row: { runId, sessionId, closed: false } });
  if (plan.end.closed) rows.push({ statement: closeTape, row: { runId, closed: true } });
  return [...rows, ...plan.writes];
}

/** Names in the migrations under which the database refuses an append. */
function outcomeOf(rule: string, head: number): AppendOutcome {
  if (/tape_seq|Event\.runId, Event\.seq|Event_pkey|Tape\.runId|Tape_pkey/.test(rule))
    return { kind: 'conflict', head };
  if (/tape_closed/.test(rule)) return { kind: 'closed' };
  if (/tape_epoch/.test(rule)) return { kind: 'stale-epoch' };
  return { kind: 'constraint', rule };
}

/** Ends of tapes that were written lately. A guess: the database is the judge of every append. */
function createTapeEnds(read: (runIds: string[]) => Promise<Map<string, TapeEnd>>) {
  const cached = new Map<string, TapeEnd>();
  return {
    async load(runIds: string[]): Promise<Map<string, TapeEnd>> {
      const missing = runIds.filter((runId) => !cached.has(runId));
      const ends = missing.length > 0 ? await read([...new Set(missing)]) : new Map<string, TapeEnd>();
      for (const runId of runIds) {
        const end = cached.get(runId);
        if (end) ends.set(runId, end);
      }
      return ends;
    },
    remember(runId: string, end: TapeEnd): void {
      cached.delete(runId);
      cached.set(runId, end);
      if (cached.size <= limits.CACHED_RUNS) return;
      for (const oldest of cached.keys()) {
        cached.delete(oldest);
        break;
      }
    },
    forget(runIds: string[]): void {
      for (const runId of runIds) cached.delete(runId);
    },
  };
}
