import type { Clock } from '../clock.ts';
import * as limits from '../config/limits.ts';
import type { RowWrite } from '../database/batch-statement.ts';
import type { Database } from '../database/database.ts';
import { defineTable } from '../database/table.ts';
import type { Observer } from '../observer.ts';
import { createAppender, type PlannedWrite } from './appender.ts';
import { createCachedReader } from './cached-reader.ts';
import { decode, type StoredEvent } from './codec.ts';
import { createHeadCache } from './head-cache.ts';
import type { Journal, OnCommitted } from './journal.ts';
import { createTapeCache } from './tape-cache.ts';
import { createTapeReader } from './tape-reader.ts';
import { verifyTape } from './verify.ts';

interface TapeRow {
  runId: string;
  sessionId: string;
  closed: boolean;
  payloadBytes: number | null;
}

const tapes = defineTable<TapeRow>('Tape', {
  runId: 'text',
  sessionId: 'text',
  closed: 'boolean',
  payloadBytes: 'bigint',
});
const insertTape = tapes.insert({ order: 20, omit: ['payloadBytes'] });
const closeTape = tapes.update({ order: 40, key: ['runId'], set: ['closed', 'payloadBytes'] });

const insertEvent = defineTable<StoredEvent>('Event', {
  runId: 'text',
  seq: 'int',
  type: 'text',
  actor: 'text',
  schemaVersion: 'int',
  recordedAt: 'bigint',
  epoch: 'int',
  payload: 'text',
  hash: 'text',
}).insert({ order: 30 });

/**
 * The journal of a database, with group commit. Rules of the database itself keep tapes dense, closed and unchanged.
 * @param onCommitted may be left out by a caller that only reads
 */
export function createDatabaseJournal(
  database: Database,
  clock: Clock,
  onCommitted: OnCommitted = () => undefined,
  observer?: Pick<Observer, 'committed'>,
): Journal {
  const reader = createTapeReader(database);
  const headCache = createHeadCache({ read: reader.heads, capacity: limits.CACHED_RUNS });
  // Where other servers write too, a cached tape may lack their events.
  const tapeCache = database.isShared ? null : createTapeCache(limits.CACHED_TAPE_BYTES);
  const { read, readBack, readMany, readEnds, head } = tapeCache ? createCachedReader(tapeCache, reader) : reader;

  async function write(appends: readonly PlannedWrite[]): Promise<void> {
    const runIds = appends.map(({ request }) => request.runId);
    // If the commit fails, the ends of these tapes are unknown.
    for (const runId of runIds) headCache.delete(runId);
    tapeCache?.hide(runIds);
    const startedAt = clock.elapsed();
    try {
      await database.commit(appends.flatMap(rowsOf));
    } catch (error) {
      for (const runId of runIds) tapeCache?.forget(runId);
      throw error;
    } finally {
      tapeCache?.show(runIds);
    }
    observer?.committed({ appends: appends.length, milliseconds: clock.elapsed() - startedAt });
    for (const { request, plan } of appends) {
      headCache.set(request.runId, plan.head);
      tapeCache?.add(request, plan);
    }
  }

  return {
    ...createAppender({ heads: headCache.load, read, write }, onCommitted, clock),
    read,
    readBack,
    readMany,
    readEnds,
    head,
    verify: (runId) => verifyTape(runId, reader, decode),
    forget: (runId) => tapeCache?.forget(runId),
  };
}

function rowsOf({ request, plan }: PlannedWrite): RowWrite[] {
  const { runId, sessionId } = request;
  const rows: RowWrite[] = plan.stored.map(insertEvent);
  if (plan.stored[0]?.seq === 1) rows.push(insertTape({ runId, sessionId, closed: false }));
  if (plan.head.closed) rows.push(closeTape({ runId, closed: true, payloadBytes: plan.head.payloadBytes }));
  return [...rows, ...plan.writes];
}
