import { PrismaBetterSqlite3 } from '@prisma/adapter-better-sqlite3';
import { type Clock, systemClock } from '../../clock.ts';
import { StartError } from '../../config/start-error.ts';
import { groupRows, type RowWrite } from '../batch-statement.ts';
import type { Client, Database } from '../database.ts';
import { nextTurn } from '../event-loop.ts';
import { PrismaClient } from '../generated/sqlite/client.ts';
import { hasEveryMigration } from '../migration-files.ts';
import { createMutex } from '../mutex.ts';
import { retryWhileBusy, throwStoreError } from '../retry-busy.ts';
import { toStoreError } from '../store-error.ts';
import { type Connection, openConnection } from './connection.ts';
import {
  appliedMigrations,
  BUSY_MILLISECONDS,
  existingSqliteFile,
  lockSqliteFile,
  prepareSqliteFile,
} from './sqlite-file.ts';

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
  try {
    await migrateSqlite(path);
    return await openFile(path, { clock, unlock, durability });
  } catch (error) {
    unlock();
    // The migration engine puts a trace below the first line.
    const [reason = ''] = toStoreError(error).detail.split('\n', 1);
    throw new StartError(`The database ${path} can not be used: ${reason}`, error);
  }
}

/** Opens the file to look at it, also while a server holds it. Writing is refused. Throws a StartError. */
export async function openSqliteForReading(url: string): Promise<Database> {
  const path = existingSqliteFile(url);
  try {
    return await openFile(path, { clock: systemClock, unlock: () => undefined, durability: null });
  } catch (error) {
    throw new StartError(`The database ${path} can not be read: ${toStoreError(error).detail}`, error);
  }
}

/** The engine takes tens of megabytes, which a file that is up to date does not need. */
async function migrateSqlite(path: string): Promise<void> {
  if (await hasEveryMigration('sqlite', appliedMigrations(path))) return;
  const { applyMigrations } = await import('../migrations.ts');
  await applyMigrations('sqlite', new PrismaBetterSqlite3({ url: `file:${path}`, timeout: BUSY_MILLISECONDS }));
}

const READING = ['query_only = ON'];
const writing = (durability: 'full' | 'normal') => [
  'foreign_keys = ON',
  'journal_mode = WAL',
  `synchronous = ${durability === 'full' ? 'FULL' : 'NORMAL'}`,
];

interface Opening {
  clock: Clock;
  unlock(): void;
  /** Null where nothing is written. */
  durability: 'full' | 'normal' | null;
}

/** Four connections: for the statements of every run and for all others, each for writing and for reading. */
async function openFile(path: string, { clock, unlock, durability }: Opening): Promise<Database> {
  const opened: { close(): void | Promise<void> }[] = [];
  const own = (pragmas: readonly string[]) => kept(opened, openConnection(path, pragmas));
  const typed = async (pragmas: readonly string[]) => kept(opened, await openClient(path, pragmas));
  const close = async () => {
    await Promise.all(opened.map((connection) => connection.close()));
    unlock();
  };
  try {
    const pragmas = durability === null ? READING : writing(durability);
    const [writer, reader] = [own(pragmas), own(READING)];
    return sqliteDatabase(clock, {
      writer,
      reader,
      close,
      client: { writer: (await typed(pragmas)).client, reader: (await typed(READING)).client },
    });
  } catch (error) {
    await Promise.all(opened.map((connection) => connection.close()));
    throw error;
  }
}

function kept<Opened extends { close(): void | Promise<void> }>(
  all: { close(): void | Promise<void> }[],
  opened: Opened,
): Opened {
  all.push(opened);
  return opened;
}

async function openClient(path: string, pragmas: readonly string[]) {
  const adapter = new PrismaBetterSqlite3({ url: `file:${path}`, timeout: BUSY_MILLISECONDS });
  const client: Client = new PrismaClient({ adapter, transactionOptions: { timeout: TRANSACTION_MILLISECONDS } });
  for (const pragma of pragmas) await client.$queryRawUnsafe(`PRAGMA ${pragma}`);
  return { client, close: () => client.$disconnect() };
}

interface Connections {
  writer: Connection;
  reader: Connection;
  client: { writer: Client; reader: Client };
  close(): Promise<void>;
}

function sqliteDatabase(clock: Clock, { writer, reader, client, close }: Connections): Database {
  const lane = createMutex();
  const inLane = <T>(work: () => T | Promise<T>) =>
    lane.run(() => retryWhileBusy(BUSY_PAUSES_MILLISECONDS, clock, async () => work()));
  return {
    provider: 'sqlite',
    isShared: false,
    notifications: null,
    reader: client.reader,
    write: (work) => inLane(() => work(client.writer)),
    commit: (writes: readonly RowWrite[]) => inLane(() => writer.commit(groupRows(writes, 'sqlite'))),
    async query(statement, ...parameters) {
      if (statement.writes) return inLane(() => writer.select(statement, parameters));
      // The driver blocks: without this a loop of long reads would keep everything else waiting.
      if (statement.reads === 'many') await nextTurn();
      return reading(() => reader.select(statement, parameters));
    },
    async close() {
      await lane.idle();
      await close();
    },
  };
}

function reading<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    return throwStoreError(error);
  }
}
