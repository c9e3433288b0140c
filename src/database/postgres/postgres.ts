import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { type Clock, systemClock } from '../../clock.ts';
import { StartError } from '../../config/start-error.ts';
import { type BatchGroup, groupRows } from '../batch-statement.ts';
import type { Client, Database } from '../database.ts';
import { PrismaClient } from '../generated/postgresql/client.ts';
import { retryWhileBusy, throwStoreError } from '../retry-busy.ts';
import { type Parameter, rowOf, type Statement } from '../statement.ts';
import { isConnectionLost, isStoreFault, StoreError, toStoreError } from '../store-error.ts';
import { migratePostgres } from './migrate.ts';
import { createNotificationChannel } from './notifications.ts';
import { createPool, nameOf } from './pools.ts';

export interface PostgresOptions {
  /** `postgres://…` */
  url: string;
  /** `normal` gives up the last moments at a power failure of the database's machine, never at a crash. */
  durability: 'full' | 'normal';
  /** Open at the same time, half of them for reading. */
  connections: number;
  clock?: Clock;
}

/** Waits between attempts at a transaction that was in the way of another server's; after the last one it is refused. */
const BUSY_PAUSES_MILLISECONDS = [5, 20, 50, 100, 200, 400];
const TRANSACTION_MILLISECONDS = 60_000;

/** Applies the migrations and checks that the database can be used. Throws a StartError. */
export async function openPostgres(options: PostgresOptions): Promise<Database> {
  return openPools(options, () => migratePostgres(options.url));
}

/** Opens the database to look at it: nothing is migrated. Throws a StartError. */
export async function openPostgresForReading(url: string): Promise<Database> {
  return openPools({ url, durability: 'full', connections: 2 }, async () => undefined);
}

async function openPools(options: PostgresOptions, prepare: () => Promise<void>): Promise<Database> {
  const { url, connections } = options;
  const name = nameOf(url);
  const writing = createPool(url, Math.max(1, Math.floor(connections / 2)));
  const reading = createPool(url, Math.max(1, Math.ceil(connections / 2)));
  try {
    await prepare();
    await reading.query('SELECT 1 FROM "Tape" LIMIT 1');
    return postgresDatabase(options, writing, reading);
  } catch (error) {
    await Promise.allSettled([writing.end(), reading.end()]);
    if (error instanceof StartError) throw error;
    const [reason = ''] = toStoreError(error).detail.split('\n', 1);
    throw new StartError(`The database ${name} can not be used: ${reason}${adviceOn(reason)}`, error);
  }
}

function adviceOn(reason: string): string {
  if (/unsupported startup parameter/.test(reason)) {
    return '. A pooler stands before it: let it ignore that parameter (ignore_startup_parameters), or name the database itself.';
  }
  if (/database ".*" does not exist/.test(reason)) return '. Create it first.';
  return '';
}

function postgresDatabase(
  { url, durability, clock = systemClock }: PostgresOptions,
  writing: pg.Pool,
  reading: pg.Pool,
) {
  const writer = createClient(writing);
  const reader = createClient(reading);

  /** Deadlocks and serialization failures undo the whole transaction: it is simply done again. */
  const again = <T>(work: () => Promise<T>) => retryWhileBusy(BUSY_PAUSES_MILLISECONDS, clock, work);

  const database: Database = {
    provider: 'postgresql',
    isShared: true,
    notifications: createNotificationChannel(url, writing, clock),
    reader,
    write: (work) => again(() => work(writer)),
    commit: (writes) => again(() => commitGroups(writing, durability, groupRows(writes, 'postgresql'))),
    query: (statement, ...parameters) =>
      statement.writes
        ? again(() => rowsOf(writing, statement, parameters))
        : rowsOf(reading, statement, parameters).catch((error: unknown) =>
            isUnheldText(error) ? [] : throwStoreError(error),
          ),
    async close() {
      await Promise.all([writer.$disconnect(), reader.$disconnect()]);
      await Promise.all([writing.end(), reading.end()]);
    },
  };
  return database;
}

/** Times are UTC in the database; the driver would take them for those of this machine. */
const types: pg.CustomTypesConfig = {
  getTypeParser: (type: number, format) =>
    type === pg.types.builtins.TIMESTAMP
      ? (text: string) => new Date(`${text.replace(' ', 'T')}Z`)
      : pg.types.getTypeParser(type, format),
};

async function rowsOf<Row>(pool: pg.Pool, asked: Statement<Row>, values: readonly Parameter[]): Promise<Row[]> {
  const query = { text: asked.postgresql, values: [...values], rowMode: 'array' as const, types };
  const { rows } = await pool.query<unknown[]>(query);
  return rows.map((row) => rowOf(asked, row));
}

function createClient(pool: pg.Pool): Client {
  const adapter = new PrismaPg(pool);
  const client = new PrismaClient({ adapter, transactionOptions: { timeout: TRANSACTION_MILLISECONDS } }).$extends({
    query: {
      $allOperations: ({ operation, args, query }) =>
        query(args).catch((error: unknown) =>
          isUnheldText(error) && operation in nothing ? nothing[operation] : throwStoreError(error),
        ),
    },
  });
  // What both schemas have in common is what the program uses.
  return client as unknown as Client;
}

/** What is found by a text that Postgres can not hold: no NUL is in any row. */
const nothing: Record<string, unknown> = {
  findUnique: null,
  findFirst: null,
  findMany: [],
  count: 0,
  updateMany: { count: 0 },
  updateManyAndReturn: [],
  deleteMany: { count: 0 },
};

function isUnheldText(error: unknown): boolean {
  return isStoreFault(error) && /invalid byte sequence for encoding/.test(toStoreError(error).detail);
}

/**
 * One statement is a transaction of its own, without the round trips of an explicit one. Of several nobody waits for another:
 * the connection is pipelined. What was sent behind one that fails, the database refuses.
 */
async function commitGroups(pool: pg.Pool, durability: 'full' | 'normal', groups: BatchGroup[]): Promise<void> {
  if (groups.length === 0) return;
  const isAlone = groups.length === 1 && durability === 'full';
  const connection = await pool.connect();
  let committing = isAlone;
  try {
    const beginning = durability === 'normal' ? 'BEGIN; SET LOCAL synchronous_commit = off' : 'BEGIN';
    await firstFailureOf([
      ...(isAlone ? [] : [connection.query(beginning)]),
      ...groups.map(({ sql, rows }) => connection.query(sql, [rows])),
    ]);
    committing = true;
    if (!isAlone) await connection.query('COMMIT');
    connection.release();
  } catch (error) {
    if (isConnectionLost(error)) {
      connection.release(true);
      // Only the database knows whether the commit took place.
      throw committing ? new StoreError('unknown', toStoreError(error).detail, error) : error;
    }
    const undo = isAlone ? Promise.resolve() : connection.query('ROLLBACK');
    await undo.then(
      () => connection.release(),
      () => connection.release(true),
    );
    throw error;
  }
}

/** Waits for all, and throws what the first of them threw, in their order: the others failed because of it. */
async function firstFailureOf(queries: readonly Promise<unknown>[]): Promise<void> {
  const outcomes = await Promise.allSettled(queries);
  const failed = outcomes.find(({ status }) => status === 'rejected');
  if (failed?.status === 'rejected') throw failed.reason;
}
