import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { expect, inject } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { openDatabase } from '../../../src/database/open-database.ts';
import { createDatabaseJournal } from '../../../src/journal/database-journal.ts';
import { verifyJournal } from '../../../src/server/commands/verify.ts';
import { createDatabase, dropDatabase } from '../../postgres/databases.ts';
import { assertFolded } from '../../projection-consistency.ts';
import { createHome, type Home, type ServerProcess } from '../server-process.ts';

/** The server as it is built, with tools whose executions are counted outside. */
export const countingServer = new URL('../../soak/counting-server.mjs', import.meta.url).pathname;

interface ClusterOptions {
  configuration?: unknown;
  program?: string;
  /** Of every server. */
  environment?: Record<string, string>;
  /** A Postgres of the test's own. */
  admin?: string;
}

/** Real servers on one database of Postgres. */
export interface Cluster extends AsyncDisposable {
  databaseUrl: string;
  start(environment?: Record<string, string>): Promise<ServerProcess>;
  run: Home['run'];
  query<Row extends pg.QueryResultRow>(sql: string, ...parameters: unknown[]): Promise<Row[]>;
  /** Marks of the executions that tools left behind, in their order. */
  effects(): Promise<string[]>;
  /** Every tape verifies, none was written under an epoch behind a newer one, and rows are folds. For when nobody writes. */
  check(): Promise<void>;
}

export async function createCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const postgres = inject('postgres');
  const admin = options.admin ?? postgres.url;
  const { url: databaseUrl, name } = await createDatabase(admin, options.admin ? undefined : postgres.template);
  const home = await createHome(options.configuration, options.program);
  const common = { DATABASE_URL: databaseUrl, ...options.environment };

  async function query<Row extends pg.QueryResultRow>(sql: string, ...parameters: unknown[]): Promise<Row[]> {
    const connection = new pg.Client({ connectionString: databaseUrl, application_name: 'test' });
    await connection.connect();
    try {
      return (await connection.query<Row>(sql, parameters)).rows;
    } finally {
      await connection.end();
    }
  }

  return {
    databaseUrl,
    start: (environment) => home.start({ ...common, ...environment }),
    run: (command, environment) => home.run(command, { ...common, ...environment }),
    query,
    async effects() {
      const lines = await readFile(join(home.folder, 'effects.log'), 'utf8').catch(() => '');
      return lines.split('\n').flatMap((line) => line.split(' ')[1] ?? []);
    },
    async check() {
      const broken: unknown[] = [];
      await verifyJournal(databaseUrl, (found) => broken.push(found));
      expect(broken).toEqual([]);
      expect(await query(BEHIND_A_NEWER_EPOCH)).toEqual([]);
      const database = await openDatabase({ url: databaseUrl, durability: 'full', connections: 2 });
      try {
        await assertFolded(database, createDatabaseJournal(database, systemClock));
      } finally {
        await database.close();
      }
    },
    async [Symbol.asyncDispose]() {
      await home[Symbol.asyncDispose]();
      await dropDatabase(admin, name);
    },
  };
}

/** B50: whoever lost its lease wrote nothing afterwards. */
const BEHIND_A_NEWER_EPOCH = `
  SELECT "later"."runId", "later"."seq", "later"."epoch" FROM "Event" AS "later" JOIN "Event" AS "earlier" USING ("runId")
    WHERE "earlier"."seq" < "later"."seq" AND "earlier"."epoch" > "later"."epoch"`;
