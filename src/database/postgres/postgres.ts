import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { type Clock, systemClock } from '../../clock.ts';
import { StartError } from '../../config/start-error.ts';
import { groupRows } from '../batch-statement.ts';
import type { Client, Database } from '../database.ts';
import { PrismaClient } from '../generated/postgresql/client.ts';
import { type Migration, readMigrations } from '../migrations.ts';
import { retryWhileBusy } from '../retry-busy.ts';
import { type Parameter, rowOf, type Statement } from '../statement.ts';
import { isAnswerLost, isStoreFault, StoreError, throwStoreError, toStoreError } from '../store-error.ts';
import { createMessageCommit, createPipelinedCommit } from './commit.ts';
import { migratePostgres } from './migrate.ts';
import { createNotificationChannel } from './notifications.ts';
import { createPool, LOCK_MILLISECONDS, nameOf, STATEMENT_MILLISECONDS, settings } from './pools.ts';
import { createSchemaGuard, type SchemaGuard } from './schema-guard.ts';
import { createStatementNames, type StatementNames, unnamedStatements } from './statement-names.ts';

export interface PostgresOptions {
  /** `postgres://…` */
  url: string;
  /** With `normal`, a crash of the database may undo the last writes; a crash of this process does not. */
  durability: 'full' | 'normal';
  /** Connections that may be open at the same time, for all kinds of work together; at least 4. */
  connections: number;
  /** Whether connections prepare statements, which some connection poolers do not support. On by default. */
  preparedStatements?: boolean;
  clock?: Clock;
}

/** Pauses before a transaction that conflicted with one of another server is repeated. The last failure is reported. */
const BUSY_PAUSES_MILLISECONDS = [5, 20, 50, 100, 200, 400];
const TRANSACTION_MILLISECONDS = 60_000;

/** Applies the missing migrations and checks that the database can be read. Throws a StartError. */
export async function openPostgres(options: PostgresOptions): Promise<Database> {
  const { url, clock = systemClock } = options;
  return openPools(options, (migrations, connect) => migratePostgres(url, migrations, clock, connect));
}

/** Opens the database for reading. Applies no migrations. Throws a StartError. */
export async function openPostgresForReading(url: string): Promise<Database> {
  return openPools({ url, durability: 'full', connections: 2 }, async () => undefined);
}

async function openPools(
  options: PostgresOptions,
  prepare: (migrations: readonly Migration[], connect: () => Promise<unknown>) => Promise<void>,
): Promise<Database> {
  const { url, connections, preparedStatements = true } = options;
  const name = nameOf(url);
  const sixths = (count: number) => Math.max(1, Math.floor((connections * count) / 6));
  // A pooler that does not support prepared statements is not asked for settings either.
  const [any, keyed] = preparedStatements ? [settings.anyStatement, settings.keyedStatements] : [];
  const writing = createPool(url, sixths(1), any);
  const lookups = createPool(url, sixths(2), keyed);
  const reading = createPool(url, sixths(2), any);
  const opened = [writing, lookups, reading];
  try {
    const migrations = await readMigrations('postgresql');
    await prepare(migrations, () => reading.query('SELECT 1'));
    await reading.query('SELECT 1 FROM "Tape" LIMIT 1');
    const commits = createPool(url, sixths(1), keyed && (await commitSettings(reading, keyed, options)));
    opened.push(commits);
    const guard = createSchemaGuard(
      reading,
      migrations.map((migration) => migration.name),
      name,
    );
    const isLimited = await limitsTransactions(commits);
    return createDatabase(options, { commits, writing, lookups, reading, isLimited, guard });
  } catch (error) {
    await Promise.allSettled(opened.map((pool) => pool.end()));
    if (error instanceof StartError) throw error;
    const reason = toStoreError(error).detail;
    throw new StartError(`The database ${name} cannot be used: ${reason}${adviceOn(reason)}`, error);
  }
}

/** Each kind of work has connections of its own, so that lists do not hold up steps of runs, nor these the commits. */
interface Pools {
  commits: pg.Pool;
  /** Whether the database ends a transaction of these connections that takes too long. */
  isLimited: boolean;
  /** Other writes. */
  writing: pg.Pool;
  /** Keyed statements. */
  lookups: pg.Pool;
  reading: pg.Pool;
}

/** Postgres 17 and later can limit a transaction. */
async function commitSettings(
  pool: pg.Pool,
  keyed: Readonly<Record<string, string>>,
  { durability }: PostgresOptions,
): Promise<Record<string, string>> {
  const { rows } = await pool.query(`SELECT current_setting('server_version_num')::int >= 170000 AS "canLimit"`);
  return {
    ...keyed,
    lock_timeout: String(LOCK_MILLISECONDS),
    ...(durability === 'normal' ? { synchronous_commit: 'off' } : {}),
    ...(rows[0]?.canLimit ? { transaction_timeout: String(STATEMENT_MILLISECONDS) } : {}),
  };
}

/** A connection pooler may ignore settings. */
async function limitsTransactions(pool: pg.Pool): Promise<boolean> {
  const { rows } = await pool.query(`SELECT current_setting('transaction_timeout', true) AS "limit"`);
  return ![null, '0'].includes(rows[0]?.limit);
}

/** What to do about a reason; empty if there is nothing special. */
export function adviceOn(reason: string): string {
  if (/unsupported startup parameter/.test(reason)) {
    return '. A connection pooler rejects the parameter: add it to ignore_startup_parameters, or connect to the database directly.';
  }
  if (/database ".*" does not exist/.test(reason)) return '. Create it first.';
  return '';
}

function createDatabase(
  { url, durability, preparedStatements = true, clock = systemClock }: PostgresOptions,
  { commits, isLimited, writing, lookups, reading, guard }: Pools & { guard: SchemaGuard },
): Database {
  const names = preparedStatements ? createStatementNames() : unnamedStatements;
  const commit = isLimited ? createMessageCommit(commits, names) : createPipelinedCommit(commits, names, durability);
  const writer = createClient(writing, names);
  const reader = createClient(reading, names);

  /** A deadlock or a serialization failure rolls back the whole transaction, so repeating it is safe. */
  const retry = <T>(work: () => Promise<T>) =>
    retryWhileBusy(BUSY_PAUSES_MILLISECONDS, clock, () => {
      guard.assertCurrent();
      return work();
    });

  return {
    provider: 'postgresql',
    isShared: true,
    notifications: createNotificationChannel(url, writing, clock),
    reader,
    write: (work) => retry(() => work(writer).catch(throwWriteFailure)),
    commit: (writes) => retry(() => commit(groupRows(writes))),
    query: (statement, ...parameters) =>
      statement.writes
        ? retry(() => runStatement(writing, names, statement, parameters))
        : runStatement(statement.keyed ? lookups : reading, names, statement, parameters).catch((error: unknown) =>
            isInvalidText(error) ? [] : throwStoreError(error),
          ),
    superseded: guard.superseded,
    // Otherwise a database behind a network is either reachable or not, and each statement finds out.
    problem: guard.problem,
    check: () => guard.check().catch(throwStoreError),
    eraseDeleted: async () => undefined,
    async close() {
      await Promise.all([writer.$disconnect(), reader.$disconnect()]);
      await Promise.all([commits, writing, lookups, reading].map((pool) => pool.end()));
    },
  };
}

/** A write that has no answer may be stored. */
function throwWriteFailure(error: unknown): never {
  throw isAnswerLost(error) ? new StoreError('unknown', toStoreError(error).detail, error) : error;
}

/** The columns hold UTC without a time zone, which the driver would read as local time. */
const types: pg.CustomTypesConfig = {
  getTypeParser: (type: number, format) =>
    type === pg.types.builtins.TIMESTAMP
      ? (text: string) => new Date(`${text.replace(' ', 'T')}Z`)
      : pg.types.getTypeParser(type, format),
};

async function runStatement<Row>(
  pool: pg.Pool,
  names: StatementNames,
  statement: Statement<Row>,
  parameters: readonly Parameter[],
): Promise<Row[]> {
  const { postgresql: text } = statement;
  const { rows } = await pool.query<unknown[]>({
    name: names(text),
    text,
    values: [...parameters],
    rowMode: 'array',
    types,
  });
  return rows.map((row) => rowOf(statement, row));
}

function createClient(pool: pg.Pool, names: StatementNames): Client {
  // The driver takes an undefined name as well, although the type of the adapter does not say so.
  const adapter = new PrismaPg(pool, { statementNameGenerator: ({ sql }) => names(sql) as string });
  const client = new PrismaClient({ adapter, transactionOptions: { timeout: TRANSACTION_MILLISECONDS } }).$extends({
    query: {
      $allOperations: ({ operation, args, query }) =>
        query(args).catch((error: unknown) =>
          isInvalidText(error) && operation in emptyResults ? emptyResults[operation] : throwStoreError(error),
        ),
    },
  });
  // The program uses only what the schemas of both stores have in common.
  return client as unknown as Client;
}

/** Results of operations that search for a text with NUL, which Postgres rejects: no row contains such a text. */
const emptyResults: Record<string, unknown> = {
  findUnique: null,
  findFirst: null,
  findMany: [],
  count: 0,
  updateMany: { count: 0 },
  updateManyAndReturn: [],
  deleteMany: { count: 0 },
};

function isInvalidText(error: unknown): boolean {
  return isStoreFault(error) && /invalid byte sequence for encoding/.test(toStoreError(error).detail);
}
