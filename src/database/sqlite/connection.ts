import BetterSqlite from 'better-sqlite3';
import { LRUCache } from 'lru-cache';
import type { BoundGroup } from '../batch-statement.ts';
import { type Parameter, rowOf, type Statement } from '../statement.ts';
import { checkPragma, type Pragma } from './pragma.ts';
import { BUSY_MILLISECONDS } from './sqlite-file.ts';

/** A connection for prepared statements. Its calls block the event loop. They throw the errors of the driver. */
export interface Connection {
  select<Row>(statement: Pick<Statement<Row>, 'columns' | 'sqlite'>, parameters: readonly Parameter[]): Row[];
  /** The size of the database, without the write-ahead log. */
  bytes(): number;
  /** Runs all groups in one transaction, which is durable when this returns. */
  commit(groups: readonly BoundGroup[]): void;
  /** Moves the write-ahead log into the database and empties it. Returns false if a reader prevents that. */
  truncateLog(): boolean;
  close(): void;
}

/** Clients choose the event types that they read, and with them the text of a statement. */
const PREPARED_STATEMENTS = 500;

type PreparedStatement = BetterSqlite.Statement<unknown[], unknown>;

/** Opens a connection with these settings. Throws a StartError if SQLite refuses one. */
export function openConnection(path: string, pragmas: readonly Pragma[]): Connection {
  const file = new BetterSqlite(path, { timeout: BUSY_MILLISECONDS });
  const prepared = new LRUCache<string, PreparedStatement>({ max: PREPARED_STATEMENTS });
  try {
    for (const pragma of pragmas) {
      file.pragma(`${pragma.name} = ${pragma.value}`);
      checkPragma(path, pragma, file.pragma(pragma.name, { simple: true }));
    }
  } catch (error) {
    file.close();
    throw error;
  }

  function prepare(sql: string): PreparedStatement {
    const cached = prepared.get(sql);
    if (cached) return cached;
    const created = file.prepare<unknown[], unknown>(sql);
    if (created.reader) created.raw();
    prepared.set(sql, created);
    return created;
  }

  function inTransaction(work: () => void): void {
    prepare('BEGIN IMMEDIATE').run();
    try {
      work();
      prepare('COMMIT').run();
    } finally {
      if (file.inTransaction) prepare('ROLLBACK').run();
    }
  }

  return {
    select: (statement, parameters) => {
      // `prepare` makes statements that return rows return them as arrays.
      const rows = prepare(statement.sqlite).all(...parameters) as unknown[][];
      return rows.map((values) => rowOf(statement, values));
    },
    bytes: () => Number(prepare('PRAGMA page_count').all()[0]) * Number(prepare('PRAGMA page_size').all()[0]),
    commit(groups) {
      const write = () => {
        for (const { sql, rows } of groups) {
          const statement = prepare(sql);
          for (const parameters of rows) statement.run(parameters);
        }
      };
      // A single execution is a transaction of its own.
      if (groups.length > 1 || (groups[0]?.rows.length ?? 0) > 1) inTransaction(write);
      else write();
    },
    truncateLog() {
      const [result] = file.pragma('wal_checkpoint(TRUNCATE)') as { busy: number }[];
      return result?.busy === 0;
    },
    close: () => void file.close(),
  };
}
