import pg from 'pg';
import type { BatchGroup } from '../batch-statement.ts';
import { isConnectionLost, StoreError, toStoreError } from '../store-error.ts';
import type { StatementNames } from './statement-names.ts';

/** Runs the statements as one transaction. */
export type Commit = (groups: readonly BatchGroup[]) => Promise<void>;

/**
 * Commits in one message, see `CommitQuery`. The connections need a `transaction_timeout`: if the rest of a message never arrives,
 * Postgres waits for it and holds locks on runs that other servers wait to take over.
 */
export function createMessageCommit(pool: pg.Pool, names: StatementNames): Commit {
  const preparedBy = new WeakMap<pg.PoolClient, Set<string>>();
  return (groups) =>
    withConnection(pool, groups, (connection) => {
      const prepared = preparedBy.get(connection) ?? new Set();
      preparedBy.set(connection, prepared);
      return new Promise((resolve, reject) => {
        connection.query(
          new CommitQuery(groups, { names, prepared }, (error) => (error ? reject(error) : resolve(undefined))),
        );
      });
    });
}

/**
 * Commits with one message for each statement, all sent at once because the connection is pipelined. After one fails, Postgres
 * refuses the rest and rolls back at COMMIT. A single statement is a transaction of its own.
 */
export function createPipelinedCommit(pool: pg.Pool, names: StatementNames, durability: 'full' | 'normal'): Commit {
  const begin = durability === 'normal' ? 'BEGIN; SET LOCAL synchronous_commit = off' : 'BEGIN';
  return (groups) => {
    const isSingle = groups.length === 1 && durability === 'full';
    return withConnection(pool, groups, (connection) =>
      allOrFirstFailure([
        ...(isSingle ? [] : [connection.query(begin)]),
        ...groups.map(({ sql, rows }) => connection.query({ name: names(sql), text: sql, values: [rows] })),
        ...(isSingle ? [] : [connection.query('COMMIT')]),
      ]),
    );
  };
}

async function withConnection(
  pool: pg.Pool,
  groups: readonly BatchGroup[],
  commit: (connection: pg.PoolClient) => Promise<unknown>,
): Promise<void> {
  if (groups.length === 0) return;
  const connection = await pool.connect();
  try {
    await commit(connection);
    connection.release();
  } catch (error) {
    const isLost = isConnectionLost(error);
    connection.release(isLost);
    // Only the database knows whether it committed.
    throw isLost ? new StoreError('unknown', toStoreError(error).detail, error) : error;
  }
}

/** Waits for all queries and throws the failure of the first that failed: it caused the others. */
async function allOrFirstFailure(queries: readonly Promise<unknown>[]): Promise<void> {
  const outcomes = await Promise.allSettled(queries);
  const failed = outcomes.find(({ status }) => status === 'rejected');
  if (failed?.status === 'rejected') throw failed.reason;
}

/** What the driver offers to its queries to write messages. Its types describe an earlier form. */
interface MessageWriter {
  close(statement: { type: 'S'; name: string }): void;
  parse(statement: { name: string; text: string }): void;
  bind(portal: { statement: string; values: string[] }): void;
  execute(portal: object): void;
  sync(): void;
}

/**
 * A transaction in one message. Postgres commits at its end, answers once, and needs no BEGIN. After a statement fails, it skips
 * the others and rolls back.
 *
 *   Parse, if new ─▶ Bind ─▶ Execute ─▶ Bind ─▶ Execute ─▶ … ─▶ Sync ─▶ committed or rolled back
 */
class CommitQuery extends pg.Query {
  readonly #groups: readonly BatchGroup[];
  readonly #names: StatementNames;
  readonly #prepared: Set<string>;

  /** @param prepared names of the statements that the connection has prepared, to which those of this transaction are added */
  constructor(
    groups: readonly BatchGroup[],
    { names, prepared }: { names: StatementNames; prepared: Set<string> },
    callback: (error: Error | null | undefined) => void,
  ) {
    const added = groups.flatMap(({ sql }) => names(sql) ?? []).filter((name) => !prepared.has(name));
    // In this mode the driver calls `prepare` instead of sending the text.
    super({ text: 'COMMIT', queryMode: 'extended' } as pg.QueryConfig, (error) => {
      // Postgres may have skipped them.
      if (error) for (const name of added) prepared.delete(name);
      callback(error);
    });
    this.#groups = groups;
    this.#names = names;
    this.#prepared = prepared;
  }

  /** Called by the driver, which sends together what is written here. */
  prepare(messages: MessageWriter): void {
    for (const { sql, rows } of this.#groups) {
      const name = this.#names(sql) ?? '';
      if (!this.#prepared.has(name)) {
        // A failed transaction may have left it behind.
        messages.close({ type: 'S', name });
        messages.parse({ name, text: sql });
        if (name !== '') this.#prepared.add(name);
      }
      messages.bind({ statement: name, values: [rows] });
      messages.execute({});
    }
    messages.sync();
  }

  /** Called by the driver. The rows of statements that lock or check something have no content. */
  handleDataRow(): void {}
}
