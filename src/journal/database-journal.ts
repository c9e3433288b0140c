import { systemClock } from '../clock.ts';
import * as limits from '../config/limits.ts';
import { batchInsert, batchUpdate, type RowWrite } from '../database/batch-statement.ts';
import type { Database } from '../database/database.ts';
import { createAppender, type PlannedWrite } from './appending/appender.ts';
import { createHeadCache } from './appending/head-cache.ts';
import { createCachedReader } from './cached-reader.ts';
import { decode } from './codec.ts';
import type { Journal, OnCommitted } from './journal.ts';
import { createTapeCache } from './tape-cache.ts';
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
    runId: 'text',
    seq: 'int',
    type: 'text',
    actor: 'text',
    schemaVersion: 'int',
    recordedAt: 'bigint',
    epoch: 'int',
    payload: 'text',
    hash: 'text',
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

/** The journal in a database, through group commit. The database itself keeps tapes dense, closed and unchanged. */
export function createDatabaseJournal(database: Database, onRecorded: OnCommitted): Journal {
  const reader = createTapeReader(database);
  const ends = createHeadCache({ read: reader.ends, capacity: limits.CACHED_RUNS });
  // Others may have written behind what was written here.
  const recent = createTapeCache(database.isShared ? 0 : limits.CACHED_TAPE_BYTES);
  const reads = createCachedReader(recent, reader);

  async function write(appends: readonly PlannedWrite[]): Promise<void> {
    // Until the commit has succeeded nothing is known of these tapes.
    for (const { request } of appends) ends.forget(request.runId);
    await database.commit(appends.flatMap(rowsOf));
    for (const { request, plan } of appends) {
      ends.remember(request.runId, plan.end);
      recent.add(request, plan);
    }
  }

  return {
    ...createAppender({ ends: ends.load, read: reads.read, write }, onRecorded, {
      lanes: database.isShared ? limits.PARALLEL_COMMITS : 1,
      clock: systemClock,
    }),
    ...reads,
    verify: (runId) => verifyTape(runId, reader, decode),
    forget: recent.forget,
  };
}

function rowsOf({ request, plan }: PlannedWrite): RowWrite[] {
  const { runId, sessionId } = request;
  const rows: RowWrite[] = plan.stored.map((event) => ({ statement: insertEvents, row: { ...event } }));
  if (plan.stored[0]?.seq === 1) rows.push({ statement: insertTape, row: { runId, sessionId, closed: false } });
  if (plan.end.closed) rows.push({ statement: closeTape, row: { runId, closed: true } });
  return [...rows, ...plan.writes];
}
