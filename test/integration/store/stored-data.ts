import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import BetterSqlite from 'better-sqlite3';
import pg from 'pg';
import { inject, onTestFinished } from 'vitest';
import { createTestDatabase } from '../../postgres/test-database.ts';

/** The URL of a database that does not exist yet, or is empty, and is deleted at the end of the test. */
export async function newDatabaseUrl(): Promise<string> {
  if (inject('store') === 'postgresql') return createTestDatabase();
  const folder = await mkdtemp(join(tmpdir(), 'runtape-store-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return `file:${join(folder, 'runtape.db')}`;
}

/** Runs statements that the rules of the database refuse. Parameters are written as `?` and work on both stores. */
export async function changeStore(
  url: string,
  changes: readonly [sql: string, ...parameters: unknown[]][],
): Promise<void> {
  if (!url.startsWith('file:')) return changePostgres(url, changes);
  const database = new BetterSqlite(url.slice('file:'.length));
  try {
    database.pragma('foreign_keys = OFF');
    for (const name of database
      .prepare(`SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name IN ('Event', 'Tape')`)
      .pluck()
      .all()) {
      database.exec(`DROP TRIGGER "${name}"`);
    }
    for (const [sql, ...parameters] of changes) database.prepare(sql).run(...parameters);
  } finally {
    database.close();
  }
}

async function changePostgres(url: string, changes: readonly [sql: string, ...parameters: unknown[]][]): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    await client.query('SET session_replication_role = replica');
    for (const [sql, ...parameters] of changes) {
      let count = 0;
      await client.query(
        sql.replace(/\?/g, () => `$${++count}`),
        parameters,
      );
    }
  } finally {
    await client.end();
  }
}
