import type { RowWrite } from './batch-statement.ts';
import type { PrismaClient } from './generated/sqlite/client.ts';
import type { Parameter, Statement } from './statement.ts';

export type Provider = 'sqlite' | 'postgresql';

/** The Prisma client of the SQLite schema. Code that compiles against it runs on both stores. */
export type Client = PrismaClient;

/**
 * A SQLite file that this server alone writes, or a Postgres that several servers share.
 *
 * Order: SQLite runs one write at a time, in the order of the calls; Postgres runs writes concurrently. A read that starts
 * after a write has resolved sees it.
 * Durability: a resolved write survives the loss of the process, and with durability `full` a power failure as well.
 * Errors: a failure of the database rejects with a StoreError. Writes that fail as `busy` are repeated first.
 */
export interface Database {
  provider: Provider;
  /** Whether other servers write to the database too, so that cached rows may be out of date. */
  isShared: boolean;
  /** Messages between the servers of the database; null on SQLite, which has one server. */
  notifications: NotificationChannel | null;
  /** For reading only. Does not wait for writes and does not see open transactions. Rejects with a StoreError or an error of Prisma. */
  reader: Client;
  /**
   * Runs `work` with a client that may write. Several statements need a transaction inside `work`. After a `busy` failure
   * `work` runs again. Errors of `work` itself pass through unchanged.
   */
  write<T>(work: (client: Client) => Promise<T>): Promise<T>;
  /**
   * Writes all rows or none, in one transaction.
   * @param callers that wait for it, 1 by default: SQLite commits in a thread of its own when there are many
   */
  commit(writes: readonly RowWrite[], callers?: number): Promise<void>;
  /**
   * Runs a prepared statement and returns its rows. A statement that reads does not wait for writes and does not see open
   * transactions.
   */
  query<Row>(statement: Statement<Row>, ...parameters: Parameter[]): Promise<Row[]>;
  /** Why nothing can be stored until an operator acts; null as long as no such reason is known. Readiness checks report it. */
  problem(): string | null;
  /**
   * Checks that the files of the database are still those that were opened, and that no newer release has migrated it. Rejects with
   * a StoreError.
   */
  check(): Promise<void>;
  /** Resolves with the reason if a newer release has migrated the database, so that this one can never use it again. */
  superseded: Promise<string>;
  /**
   * Removes what was deleted from the write-ahead log of SQLite. If a reader still needs the log, this is repeated at the next
   * `check`. Does nothing on Postgres, where vacuum and the retention of the log decide. Rejects with a StoreError.
   */
  eraseDeleted(): Promise<void>;
  /** Finishes the queued writes, closes the connections and releases the lock of the SQLite file. */
  close(): Promise<void>;
}

/**
 * Messages between the servers of one database. A message reaches every server that listens when it is sent, the sender
 * included. It may be lost while a server has no connection; messages that arrive keep the order in which they were stored.
 */
export interface NotificationChannel {
  /** Resolves when the database has taken the message, at most 7,900 bytes. Rejects with a StoreError. */
  send(message: string): Promise<void>;
  /** Listens until the subscription is closed. Reconnects after a lost connection, and never rejects. */
  listen(listener: ChannelListener): ChannelSubscription;
}

export interface ChannelListener {
  onMessage(message: string): void;
  /** Called when messages begin or cease to arrive. Before the first call it is not known whether they do. */
  onState(arriving: boolean): void;
}

export interface ChannelSubscription {
  close(): Promise<void>;
}
