import type { Clock } from '../clock.ts';
import type { Database } from './database.ts';
import type { Statement } from './statement.ts';

/** The time of a shared database, in epoch milliseconds. SQLite, which one server uses, has no time of its own. */
export const databaseTimeStatement: Statement<{ milliseconds: number }> = {
  columns: { milliseconds: 'double precision' },
  sqlite: 'SELECT 0',
  postgresql: 'SELECT extract(epoch FROM clock_timestamp())::float8 * 1000',
};

/** Between two comparisons with the time of the database. Clocks drift by a millisecond in this time at the most. */
const COMPARE_MILLISECONDS = 10_000;
/** An answer that takes longer tells the time too imprecisely. */
const PRECISE_MILLISECONDS = 500;

export interface DatabaseClock {
  /** Its `now` is the time of the database, carried on since the last comparison by the machine's timer; everything else is that of the machine. */
  clock: Clock;
  close(): Promise<void>;
}

/**
 * A clock on which all servers of one database agree, however wrong the clocks of their machines are. While the database is away
 * it goes on by itself. Rejects with a StoreError if the first comparison fails.
 */
export async function followDatabaseTime(database: Pick<Database, 'query'>, machine: Clock): Promise<DatabaseClock> {
  const closing = new AbortController();

  /** The time of the database when `machine.elapsed()` was 0; null if the answer took too long to tell it. */
  async function measure(): Promise<number | null> {
    const askedAt = machine.elapsed();
    const [row] = await database.query(databaseTimeStatement);
    const tookMilliseconds = machine.elapsed() - askedAt;
    if (!row || tookMilliseconds > PRECISE_MILLISECONDS) return null;
    return row.milliseconds - askedAt - tookMilliseconds / 2;
  }

  // If the database is too slow at the start, the next comparison corrects the time.
  let origin = (await measure()) ?? (await measure()) ?? machine.now() - machine.elapsed();

  async function keepComparing(): Promise<void> {
    while (!closing.signal.aborted) {
      await machine.sleep(COMPARE_MILLISECONDS, closing.signal).catch(() => undefined);
      if (!closing.signal.aborted) origin = (await measure().catch(() => null)) ?? origin;
    }
  }

  const comparing = keepComparing();
  return {
    clock: { ...machine, now: () => Math.floor(origin + machine.elapsed()) },
    async close() {
      closing.abort();
      await comparing;
    },
  };
}
