import BetterSqlite from 'better-sqlite3';
import { bindRows, databaseTime, type RowWrite } from '../../src/database/batch-statement.ts';
import { readMigrations } from '../../src/database/migrations.ts';
import { type Parameter, rowOf, type Statement } from '../../src/database/statement.ts';
import { StoreError } from '../../src/database/store-error.ts';
import {
  CLAIM_SQLITE,
  CLAIM_SUSPECT_SQLITE,
  RELEASE_ENDED_SQLITE,
  RENEW_SQLITE,
  REQUEUE_SUSPECT_SQLITE,
} from '../../src/orchestrator/lease-statements.ts';

/**
 * The database that all servers of a simulation share: the real schema, constraints, triggers and statements, on SQLite in
 * memory. What only Postgres does is added here: leases follow the time of the database, and a message finds its session as
 * its command found it. Statements run one at a time, each commit completely or not at all.
 */
export interface Store {
  query<Row>(statement: Statement<Row>, parameters: readonly Parameter[]): Row[];
  commit(writes: readonly RowWrite[]): void;
  select(sql: string, ...parameters: Parameter[]): Record<string, unknown>[];
  /** Only within `transaction`. */
  execute(sql: string, ...parameters: Parameter[]): void;
  /** Commits what `work` executes if it resolves. It may wait for nothing but its own statements. */
  transaction<Result>(work: () => Promise<Result>): Promise<Result>;
  /** Milliseconds until the first lease of another holder expires; null when there is none. */
  firstExpiry(holder: string): number | null;
  /** The time of the database, in epoch milliseconds. */
  now(): number;
  /** Removes all rows, and starts again at this time. @param now epoch milliseconds, read at every statement */
  reset(now: () => number): void;
}

/** A search for runs takes twenty times as long as this, and most searches find none. */
const ANY_EXECUTABLE = `SELECT 1 FROM "Run" WHERE "state" IN ('PENDING', 'IN_PROGRESS') LIMIT 1`;

export async function openStore(): Promise<Store> {
  const file = new BetterSqlite(':memory:');
  for (const { sql } of await readMigrations('sqlite')) file.exec(sql);
  file.pragma('foreign_keys = ON');
  // No simulated part searches for conversations, so they need no full-text index.
  file.exec('DROP TRIGGER "Passage_added"; DROP TRIGGER "Passage_removed"; DROP TRIGGER "Passage_changed"');
  const prepared = new Map<string, BetterSqlite.Statement<unknown[], unknown>>();
  let now = () => 0;

  function prepare(sql: string, raw: boolean): BetterSqlite.Statement<unknown[], unknown> {
    const key = `${raw}${sql}`;
    const cached = prepared.get(key);
    if (cached) return cached;
    const created = file.prepare<unknown[], unknown>(sql);
    if (created.reader && raw) created.raw();
    prepared.set(key, created);
    return created;
  }

  const run = (sql: string) => prepare(sql, false).run();
  const select: Store['select'] = (sql, ...parameters) =>
    prepare(sql, false).all(...parameters) as Record<string, unknown>[];

  async function transaction<Result>(work: () => Promise<Result>): Promise<Result> {
    run('SAVEPOINT "transaction"');
    try {
      const result = await work();
      run('RELEASE "transaction"');
      return result;
    } catch (error) {
      run('ROLLBACK TO "transaction"');
      run('RELEASE "transaction"');
      throw error;
    }
  }

  function inSavepoint<Result>(work: () => Result): Result {
    run('SAVEPOINT "change"');
    try {
      const result = work();
      run('RELEASE "change"');
      return result;
    } catch (error) {
      run('ROLLBACK TO "change"');
      run('RELEASE "change"');
      throw error;
    }
  }

  /** The parameters of the SQLite statement for those of the Postgres statement. */
  function sqliteParameters(sql: string, parameters: readonly Parameter[]): readonly Parameter[] {
    const expiry = (milliseconds: Parameter | undefined) => databaseTime(now() + Number(milliseconds));
    if (sql === CLAIM_SQLITE) {
      const [holder = null, milliseconds, limit = null] = parameters;
      const time = databaseTime(now());
      return [holder, expiry(milliseconds), time, limit, time, limit, time, limit, limit];
    }
    if (sql === REQUEUE_SUSPECT_SQLITE) return [parameters[0] ?? null, databaseTime(now())];
    if (sql === RELEASE_ENDED_SQLITE) return [databaseTime(now())];
    if (sql === CLAIM_SUSPECT_SQLITE) {
      const [holder = null, milliseconds] = parameters;
      return [holder, expiry(milliseconds)];
    }
    if (sql === RENEW_SQLITE) {
      const [holder = null, runIds = null, milliseconds] = parameters;
      return [expiry(milliseconds), holder, runIds];
    }
    return parameters;
  }

  function checkSession({ id, runId, mostWaiting, free }: RowWrite['row']): void {
    const rows = select(`SELECT "id", "state" FROM "Run" WHERE "sessionId" = ?`, String(id));
    const refuse = (rule: string) => new StoreError('constraint', rule);
    if (rows.some((run) => String(run.id) >= String(runId))) throw refuse('run_order');
    if (rows.filter(({ state }) => state === 'PENDING').length >= Number(mostWaiting)) {
      throw refuse('session_queue_full');
    }
    const isOpen = ({ state }: Record<string, unknown>) =>
      state === 'PENDING' || state === 'IN_PROGRESS' || state === 'AWAITING_APPROVAL';
    if (free && rows.some(isOpen)) throw refuse('session_busy');
  }

  return {
    select,
    execute: (sql, ...parameters) => void prepare(sql, false).run(...parameters),
    transaction,
    query(statement, parameters) {
      const { sqlite } = statement;
      if (sqlite === CLAIM_SQLITE && select(ANY_EXECUTABLE).length === 0) return [];
      const read = () =>
        prepare(sqlite, true)
          .all(...sqliteParameters(sqlite, parameters))
          .map((values) => rowOf(statement, values as unknown[]));
      return statement.writes ? inSavepoint(read) : read();
    },
    commit(writes) {
      const timed = writes.map((write) =>
        'milliseconds' in write.row
          ? { ...write, row: { ...write.row, expiresAt: databaseTime(now() + Number(write.row.milliseconds)) } }
          : write,
      );
      inSavepoint(() => {
        for (const { statement, row } of timed)
          if (statement.postgresql.includes('"session_expect"')) checkSession(row);
        for (const { sql, rows } of bindRows(timed)) {
          const statement = prepare(sql, false);
          for (const parameters of rows) statement.run(...parameters);
        }
      });
    },
    firstExpiry(holder) {
      const [row] = select(`SELECT min("expiresAt") AS "first" FROM "Lease" WHERE "holder" <> ?`, holder);
      return row?.first == null ? null : Math.max(0, Date.parse(String(row.first)) - now());
    },
    now: () => now(),
    reset(newNow) {
      now = newNow;
      // Every schedule is one transaction that is never committed.
      if (file.inTransaction) file.exec('ROLLBACK');
      file.exec('BEGIN');
    },
  };
}
