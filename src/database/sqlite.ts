import { PrismaBetterSqlite3 } from '@prisma/adapter-better-sqlite3';
import { type Clock, systemClock } from '../clock.ts';
import { StartError } from '../config/start-error.ts';
import { groupRows, type RowWrite } from './batch-statement.ts';
import type { Client, Database } from './database.ts';
import { nextTurn } from './event-loop.ts';
import { PrismaClient } from './generated/sqlite/client.ts';
import { hasEveryMigration } from './migration-files.ts';
import {
  appliedMigrations,
  BUSY_MILLISECONDS,
  existingSqliteFile,
  lockSqliteFile,
  prepareSqliteFile,
} from './sqlite-file.ts';
import { isOfStore, StoreError, toStoreError } from './store-error.ts';
import { createWriteLane } from './write-lane.ts';

export interface SqliteOptions {
  /** `file:` and a path. */
  url: string;
  /** `normal` gives up the last moments at a power failure, never at a crash. */
  durability: 'full' | 'normal';
  clock?: Clock;
}

/** Waits between attempts at a write that found the file locked by another program; after the last one it is refused. */
const BUSY_PAUSES_MILLISECONDS = [10, 20, 50, 100, 200, 400, 800, 1600, 1600];
/** Nothing in the lane waits for anything but the disk; a disk that takes longer is as good as gone. */
const TRANSACTION_MILLISECONDS = 60_000;

/** Opens the file for this server alone, applies the migrations, and checks that it can be read. Throws a StartError. */
export async function openSqlite({ url, durability, clock = systemClock }: SqliteOptions): Promise<Database> {
  const path = prepareSqliteFile(url);
  const unlock = lockSqliteFile(path);
  const opened: Client[] = [];
  try {
    await migrateSqlite(path);
    const writer = await openConnection(path, opened);
    await writer.$queryRawUnsafe('PRAGMA journal_mode = WAL');
    await writer.$executeRawUnsafe(`PRAGMA synchronous = ${durability === 'full' ? 'FULL' : 'NORMAL'}`);
    const reader = await openConnection(path, opened);
    await reader.$executeRawUnsafe('PRAGMA query_only = ON');
    return sqliteDatabase(writer, reader, clock, unlock);
  } catch (error) {
    await Promise.all(opened.map((client) => client.$disconnect()));
    unlock();
    // The migration engine puts a trace below the first line.
    const [reason = ''] = toStoreError(error).detail.split('\n', 1);
    throw new StartError(`The database ${path} can not be used: ${reason}`, error);
  }
}

/** Opens the file to look at it, also while a server holds it. Writing is refused. Throws a StartError. */
export async function openSqliteForReading(url: string): Promise<Database> {
  const path = existingSqliteFile(url);
  const opened: Client[] = [];
  try {
    const reader = await openConnection(path, opened);
    await reader.$executeRawUnsafe('PRAGMA query_only = ON');
    return sqliteDatabase(reader, reader, systemClock, () => undefined);
  } catch (error) {
    await Promise.all(opened.map((client) => client.$disconnect()));
    throw new StartError(`The database ${path} can not be read: ${toStoreError(error).detail}`, error);
  }
}

/** The engine takes tens of megabytes, which a file that is up to date does not need. */
async function migrateSqlite(path: string): Promise<void> {
  if (await hasEveryMigration('sqlite', appliedMigrations(path))) return;
  const { applyMigrations } = await import('./migrations.ts');
  await applyMigrations('sqlite', new PrismaBetterSqlite3({ url: `file:${path}`, timeout: BUSY_MILLISECONDS }));
}

async function openConnection(path: string, opened: Client[]): Promise<Client> {
  const adapter = new PrismaBetterSqlite3({ url: `file:${path}`, timeout: BUSY_MILLISECONDS });
  const client = new PrismaClient({ adapter, transactionOptions: { timeout: TRANSACTION_MILLISECONDS } });
  opened.push(client);
  await client.$executeRawUnsafe('PRAGMA foreign_keys = ON');
  return client;
}

function sqliteDatabase(writer: Client, reader: Client, clock: Clock, unlock: () => void): Database {
  const lane = createWriteLane();
  const write: Database['write'] = (work) =>
    lane.run(async () => {
      for (const pause of BUSY_PAUSES_MILLISECONDS) {
        try {
          return await work(writer);
        } catch (error) {
          const failure = isOfStore(error) ? toStoreError(error) : error;
          if (!(failure instanceof StoreError && failure.failure === 'busy')) throw failure;
          await clock.sleep(pause);
        }
      }
      throw new StoreError('busy', 'the file stayed locked by another program');
    });
  return {
    provider: 'sqlite',
    isShared: false,
    notifications: null,
    reader,
    write,
    async commit(writes: readonly RowWrite[]) {
      const groups = groupRows(writes, 'sqlite');
      await write(async (client) => {
        const [first] = groups;
        if (!first) return;
        // A single statement is a transaction of its own, without the round trips of an explicit one.
        if (groups.length === 1) await client.$executeRawUnsafe(first.sql, first.rows);
        else await client.$transaction(groups.map(({ sql, rows }) => client.$executeRawUnsafe(sql, rows)));
      });
    },
    async readText(sql, ...parameters) {
      // The driver answers at once: without this a loop of reads would keep everybody else waiting.
      await nextTurn();
      const rows = await reader.$queryRawUnsafe<Record<string, string | null>[]>(sql.sqlite, ...parameters);
      return Object.values(rows[0] ?? {})[0] ?? null;
    },
    async lockRow() {},
    async lockName() {},
    async close() {
      await lane.idle();
      await Promise.all([writer.$disconnect(), reader.$disconnect()]);
      unlock();
    },
  };
}
