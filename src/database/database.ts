import type { RowWrite } from './batch-statement.ts';
import type { PrismaClient } from './generated/sqlite/client.ts';

/** The client of the SQLite schema is the common denominator: what compiles against it runs on both stores. */
export type Client = PrismaClient;

export interface Database {
  provider: 'sqlite' | 'postgresql';
  /** For reading only. Never waits for a writer, never sees an open transaction. */
  reader: Client;
  /**
   * Runs `work` alone in the write lane. For several statements, open a transaction inside.
   * Rejects with a StoreError where the store refuses.
   */
  write<T>(work: (client: Client) => Promise<T>): Promise<T>;
  /** Writes all rows or none, in one transaction. Resolves when they are durable. Rejects with a StoreError. */
  commit(writes: readonly RowWrite[]): Promise<void>;
  /** One cell of text that SQL made; `null` where there is no row. */
  readText(sql: { sqlite: string; postgresql: string }, ...parameters: (string | number)[]): Promise<string | null>;
  /** Lets the lane run dry, then closes the connections and gives the lock back. */
  close(): Promise<void>;
}
