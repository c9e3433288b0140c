import BetterSqlite from 'better-sqlite3';
import type { BatchGroup } from '../batch-statement.ts';
import { type Parameter, rowOf, type Statement } from '../statement.ts';
import { BUSY_MILLISECONDS } from './sqlite-file.ts';

/** A connection of our own, for the statements of every run: each is prepared once and kept. */
export interface Connection {
  select<Row>(statement: Statement<Row>, parameters: readonly Parameter[]): Row[];
  /** All of them in one transaction. Durable when it returns. */
  commit(groups: readonly BatchGroup[]): void;
  close(): void;
}

/** Clients choose the types of events that they read, and with them the text of a statement. */
const MOST_PREPARED = 500;

type Prepared = BetterSqlite.Statement<unknown[], unknown>;

/** @param pragmas what the connection is opened with */
export function openConnection(path: string, pragmas: readonly string[]): Connection {
  const file = new BetterSqlite(path, { timeout: BUSY_MILLISECONDS });
  const prepared = new Map<string, Prepared>();
  for (const pragma of pragmas) file.pragma(pragma);

  function prepare(sql: string): Prepared {
    const known = prepared.get(sql);
    if (known) return known;
    const made = file.prepare<unknown[], unknown>(sql);
    const [oldest] = prepared.keys();
    if (prepared.size >= MOST_PREPARED && oldest !== undefined) prepared.delete(oldest);
    prepared.set(sql, made.reader ? made.raw() : made);
    return made;
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
      // Rows are arrays: every statement that answers was told so.
      const rows = prepare(statement.sqlite).all(...parameters) as unknown[][];
      return rows.map((values) => rowOf(statement, values));
    },
    commit(groups) {
      const write = () => {
        for (const { sql, rows } of groups) prepare(sql).run(rows);
      };
      // A single statement is a transaction of its own.
      if (groups.length > 1) inTransaction(write);
      else write();
    },
    close: () => void file.close(),
  };
}
