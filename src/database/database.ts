import type { RowWrite } from './batch-statement.ts';
import type { PrismaClient } from './generated/sqlite/client.ts';
import type { Parameter, Statement } from './statement.ts';

/** The client of the SQLite schema is the common denominator: what compiles against it runs on both stores. */
export type Client = PrismaClient;

export interface Database {
  provider: 'sqlite' | 'postgresql';
  /** Whether other servers write to it too: what is remembered of it may be old. */
  isShared: boolean;
  /** How servers wake each other; null where there is only one. */
  notifications: NotificationChannel | null;
  /** For reading only. Never waits for a writer, never sees an open transaction. */
  reader: Client;
  /**
   * Runs `work`, on SQLite alone in the write lane, on Postgres beside others. For several statements, open a transaction
   * inside. Where others were in the way it is run again. Rejects with a StoreError where the store refuses.
   */
  write<T>(work: (client: Client) => Promise<T>): Promise<T>;
  /** Writes all rows or none, in one transaction. Resolves when they are durable. Rejects with a StoreError. */
  commit(writes: readonly RowWrite[]): Promise<void>;
  /**
   * Runs a prepared statement and returns its rows. One that reads never waits for a writer and never sees an open
   * transaction; one that writes is durable when this resolves, and is repeated while others are in the way. Rejects with a
   * StoreError.
   */
  query<Row>(statement: Statement<Row>, ...parameters: Parameter[]): Promise<Row[]>;
  /** Lets the lane run dry, then closes the connections and gives the lock back. */
  close(): Promise<void>;
}

/** Messages between the servers of one database. They may be lost and may come late. */
export interface NotificationChannel {
  /** At most 7,900 bytes. Rejects with a StoreError. */
  send(message: string): Promise<void>;
  /** Listens until it is closed, and connects again where the connection is lost. */
  listen(listener: ChannelListener): ChannelSubscription;
}

export interface ChannelListener {
  onMessage(message: string): void;
  /** Whether messages arrive from now on. Until the first call nobody knows. */
  onState(arriving: boolean): void;
}

export interface ChannelSubscription {
  close(): Promise<void>;
}
