import { PrismaBetterSqlite3 } from '@prisma/adapter-better-sqlite3';
import { type Clock, nextTurn, systemClock } from '../../clock.ts';
import { SMALL_DATABASE_BYTES, WRITER_THREAD_THRESHOLDS } from '../../config/limits.ts';
import { StartError } from '../../config/start-error.ts';
import { bindRows } from '../batch-statement.ts';
import type { Client, Database } from '../database.ts';
import { PrismaClient } from '../generated/sqlite/client.ts';
import { readMigrations } from '../migrations.ts';
import { createKeyedMutex } from '../mutex.ts';
import { retryWhileBusy } from '../retry-busy.ts';
import { StoreError, throwStoreError, toStoreError } from '../store-error.ts';
import { type Connection, openConnection } from './connection.ts';
import { createConnectionThread } from './connection-thread.ts';
import { createFileGuard, type FileGuard } from './file-guard.ts';
import { migrateSqlite } from './migrate.ts';
import { checkPragma, type Pragma, readOnlyPragmas, writePragmas } from './pragma.ts';
import { createScanThread, type ScanThread } from './scan-thread.ts';
import {
  BUSY_MILLISECONDS,
  createSqliteFile,
  existingSqliteFile,
  lockSqliteFile,
  prepareSqliteFile,
} from './sqlite-file.ts';
import { createWriter, type ThreadThresholds, type Writer } from './writer.ts';

export interface SqliteOptions {
  /** `file:` and a path. */
  url: string;
  /** With `normal`, a power failure may undo the last writes; a crash of the process does not. */
  durability: 'full' | 'normal';
  clock?: Clock;
  threadThresholds?: ThreadThresholds;
  /** From this size on, statements that look through many rows run in a thread of their own. */
  smallBytes?: number;
}

/** Pauses before a write that found the file locked by another program is repeated. The last failure is reported. */
const BUSY_PAUSES_MILLISECONDS = [10, 20, 50, 100, 200, 400, 800, 1600, 1600];
/** A transaction waits for the disk only; a disk that takes longer has failed. */
const TRANSACTION_MILLISECONDS = 60_000;

/** Locks the file for this process, applies the missing migrations and opens the connections. Throws a StartError. */
export async function openSqlite({
  url,
  durability,
  clock = systemClock,
  threadThresholds = WRITER_THREAD_THRESHOLDS,
  smallBytes = SMALL_DATABASE_BYTES,
}: SqliteOptions): Promise<Database> {
  const path = prepareSqliteFile(url);
  const lock = lockSqliteFile(path);
  const { unlock } = lock;
  try {
    createSqliteFile(path, lock);
    await migrateSqlite(path, await readMigrations('sqlite'), clock);
    lock.markInitialised();
    const settings = { pragmas: writePragmas(durability), clock, threadThresholds, smallBytes };
    return await openConnections(path, settings, unlock);
  } catch (error) {
    unlock();
    if (error instanceof StartError) throw error;
    throw new StartError(`The database ${path} cannot be used: ${toStoreError(error).detail}`, error);
  }
}

/** Opens an existing file for reading, also while a server has locked it. Writes fail. Throws a StartError. */
export async function openSqliteForReading(url: string): Promise<Database> {
  const path = existingSqliteFile(url);
  try {
    const limits = { threadThresholds: WRITER_THREAD_THRESHOLDS, smallBytes: SMALL_DATABASE_BYTES };
    return await openConnections(path, { pragmas: readOnlyPragmas, clock: systemClock, ...limits }, () => undefined);
  } catch (error) {
    if (error instanceof StartError) throw error;
    throw new StartError(`The database ${path} cannot be read: ${toStoreError(error).detail}`, error);
  }
}

interface ConnectionSettings {
  /** Of the connections that write. */
  pragmas: readonly Pragma[];
  clock: Clock;
  threadThresholds: ThreadThresholds;
  smallBytes: number;
}

/**
 * Opens connections: one that writes and one that reads, both for prepared statements and for the Prisma client. The client that
 * writes is created when it is needed, because that takes a while. Closes them if one of them fails.
 */
async function openConnections(
  path: string,
  { pragmas, clock, threadThresholds, smallBytes }: ConnectionSettings,
  unlock: () => void,
): Promise<Database> {
  const closers: (() => void | Promise<void>)[] = [];
  const closeAll = async () => {
    for (const close of closers.splice(0)) await close();
  };
  const connect = (connectionPragmas: readonly Pragma[]) => {
    const connection = openConnection(path, connectionPragmas);
    closers.push(connection.close);
    return connection;
  };
  const connectClient = async (connectionPragmas: readonly Pragma[]) => {
    const adapter = new PrismaBetterSqlite3({ url: `file:${path}`, timeout: BUSY_MILLISECONDS });
    const client: Client = new PrismaClient({ adapter, transactionOptions: { timeout: TRANSACTION_MILLISECONDS } });
    closers.push(() => client.$disconnect());
    for (const pragma of connectionPragmas) {
      await client.$queryRawUnsafe(`PRAGMA ${pragma.name} = ${pragma.value}`);
      const [answer] = await client.$queryRawUnsafe<Record<string, unknown>[]>(`PRAGMA ${pragma.name}`);
      checkPragma(path, pragma, Object.values(answer ?? {})[0]);
    }
    return client;
  };
  try {
    const connection = connect(pragmas);
    const guard = createFileGuard(path, clock);
    const threadData = { path, pragmas, hasLowPriority: false };
    const thread = createConnectionThread({ ...threadData, lostCall: 'unknown', checkFile: guard.check });
    closers.push(thread.close);
    const reader = connect(readOnlyPragmas);
    const readClient = await connectClient(readOnlyPragmas);
    const scanThread = createScanThread(path, guard.check);
    closers.push(scanThread.close);
    return createDatabase({
      writer: createWriter({ connection, thread, clock, threadThresholds }),
      reader,
      connectWriteClient: () => connectClient(pragmas),
      readClient,
      scanThread,
      smallBytes,
      guard,
      clock,
      close: () => closeAll().finally(unlock),
    });
  } catch (error) {
    await closeAll();
    throw error;
  }
}

/** Time that reads take in one turn of the event loop. The next read then waits for another turn. */
const READ_MILLISECONDS = 5;

/** The driver blocks the event loop, so that many reads in one turn would delay all other work. */
function createReadTurns(clock: Clock) {
  let used = 0;
  const clear = () => {
    used = 0;
  };
  return {
    /** Whether reads have taken their time in this turn. */
    isUsed: () => used >= READ_MILLISECONDS,
    read<Rows>(read: () => Rows): Rows {
      const startedAt = clock.elapsed();
      try {
        return read();
      } finally {
        // Resolves before the turns that later reads wait for.
        if (used === 0) void nextTurn().then(clear);
        used += Math.max(clock.elapsed() - startedAt, Number.MIN_VALUE);
      }
    },
  };
}

interface DatabaseParts {
  writer: Writer;
  reader: Connection;
  connectWriteClient(): Promise<Client>;
  readClient: Client;
  scanThread: ScanThread;
  smallBytes: number;
  guard: FileGuard;
  clock: Clock;
  /** Closes the connections and unlocks the file. */
  close(): Promise<void>;
}

function createDatabase(parts: DatabaseParts): Database {
  const { writer, reader, connectWriteClient, readClient, scanThread, smallBytes, guard, clock, close } = parts;
  const mutex = createKeyedMutex();
  const turns = createReadTurns(clock);
  /** SQLite has one writer at a time: a second one would block the event loop until the lock is free. */
  const queueWrite = <T>(work: () => T | Promise<T>) =>
    mutex.run('write', () =>
      retryWhileBusy(BUSY_PAUSES_MILLISECONDS, clock, async () => {
        // Nothing more is written to files that others may use by now.
        guard.checkAfterPause();
        const result = await work();
        try {
          guard.checkAfterPause();
        } catch (error) {
          // A file that was only moved has what was written.
          throw new StoreError('unknown', toStoreError(error).detail, error);
        }
        return result;
      }),
    );
  let writeClient: Client | null = null;
  /** Connects within the queue of writes, to the file that is guarded. */
  async function openWriteClient(): Promise<Client> {
    guard.check();
    const opened = await connectWriteClient();
    guard.check();
    writeClient = opened;
    return opened;
  }
  let wasLarge = false;
  const isLarge = () => {
    wasLarge ||= reader.bytes() >= smallBytes;
    return wasLarge;
  };
  let hasDeletedRows = false;
  async function eraseDeleted(): Promise<void> {
    hasDeletedRows = true;
    hasDeletedRows = !(await queueWrite(writer.truncateLog));
  }
  return {
    provider: 'sqlite',
    isShared: false,
    notifications: null,
    reader: readClient,
    write: (work) => queueWrite(async () => work(writeClient ?? (await openWriteClient()))),
    async commit(writes, callers = 1) {
      const groups = bindRows(writes);
      return queueWrite(() => writer.commit(groups, callers));
    },
    async query(statement, ...parameters) {
      if (statement.writes) return queueWrite(() => writer.select(statement, parameters));
      const { scansRowsOf } = statement;
      if (scansRowsOf !== undefined && isLarge()) return scanThread.select(scansRowsOf, statement, parameters);
      if (statement.reads === 'many' || scansRowsOf !== undefined) await nextTurn();
      while (turns.isUsed()) await nextTurn();
      try {
        return turns.read(() => reader.select(statement, parameters));
      } catch (error) {
        return throwStoreError(error);
      }
    },
    // The lock of the file keeps other releases out.
    superseded: new Promise(() => undefined),
    problem: guard.problem,
    async check() {
      guard.check();
      if (hasDeletedRows) await eraseDeleted();
    },
    eraseDeleted,
    async close() {
      await mutex.idle();
      await close();
    },
  };
}
