import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { expect, inject, onTestFinished } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { openDatabase } from '../../../src/database/open-database.ts';
import { createDatabaseJournal } from '../../../src/journal/database-journal.ts';
import { verifyJournal } from '../../../src/server/commands/verify.ts';
import { createDatabase, dropDatabase } from '../../postgres/databases.ts';
import { assertFolded } from '../../projection-consistency.ts';
import { createServerFolder, type ServerFolder, type ServerProcess } from '../server-process.ts';

/** The built server with tools that record each execution in a file. */
export const countingServer = new URL('../../soak/counting-server.mjs', import.meta.url).pathname;

interface ClusterOptions {
  configuration?: unknown;
  program?: string;
  /** Environment variables of every server. */
  environment?: Record<string, string>;
  /** The URL of another Postgres than the shared one. */
  admin?: string;
}

/** Real servers on one Postgres database. */
export interface Cluster extends AsyncDisposable {
  databaseUrl: string;
  start(environment?: Record<string, string>): Promise<ServerProcess>;
  runCommand: ServerFolder['runCommand'];
  query<Row extends pg.QueryResultRow>(sql: string, ...parameters: unknown[]): Promise<Row[]>;
  /** The `mark` of each recorded tool execution, in order. */
  toolExecutions(): Promise<string[]>;
  /**
   * Every tape verifies, no event has an older epoch than its predecessors, and rows are folds of their tapes. No server may
   * write meanwhile.
   */
  assertConsistent(): Promise<void>;
}

/** A cluster that is disposed at the end of the test. */
export async function startCluster(options?: ClusterOptions): Promise<Cluster> {
  const cluster = await createCluster(options);
  onTestFinished(() => cluster[Symbol.asyncDispose]());
  return cluster;
}

export async function createCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const postgres = inject('postgres');
  const admin = options.admin ?? postgres.url;
  const { url: databaseUrl, name } = await createDatabase(admin, options.admin ? undefined : postgres.template);
  const directory = await createServerFolder(options.configuration, options.program);
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
    start: (environment) => directory.start({ ...common, ...environment }),
    runCommand: (command, environment) => directory.runCommand(command, { ...common, ...environment }),
    query,
    async toolExecutions() {
      const lines = await readFile(join(directory.folder, 'executions.log'), 'utf8').catch(() => '');
      return lines.split('\n').flatMap((line) => line.split(' ')[1] ?? []);
    },
    async assertConsistent() {
      const broken: unknown[] = [];
      await verifyJournal(databaseUrl, (tape) => broken.push(tape));
      expect(broken).toEqual([]);
      expect(await query(EVENTS_OF_OLDER_EPOCHS)).toEqual([]);
      const database = await openDatabase({ url: databaseUrl, durability: 'full', connections: 2 });
      try {
        await assertFolded(database, createDatabaseJournal(database, systemClock));
      } finally {
        await database.close();
      }
    },
    async [Symbol.asyncDispose]() {
      await directory[Symbol.asyncDispose]();
      await dropDatabase(admin, name);
    },
  };
}

/** B50: a server that lost its lease writes no event after its successor. */
const EVENTS_OF_OLDER_EPOCHS = `
  SELECT "later"."runId", "later"."seq", "later"."epoch" FROM "Event" AS "later" JOIN "Event" AS "earlier" USING ("runId")
    WHERE "earlier"."seq" < "later"."seq" AND "earlier"."epoch" > "later"."epoch"`;
