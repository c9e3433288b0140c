import { createHash } from 'node:crypto';
import { join } from 'node:path';
import BetterSqlite from 'better-sqlite3';
import pg from 'pg';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { migrationHistory } from '../../../prisma/schema-engine.ts';
import { PostgresForEngine, SqliteForEngine } from '../../../prisma/shadow-databases.ts';
import { systemClock } from '../../../src/clock.ts';
import { StartError } from '../../../src/config/start-error.ts';
import type { Provider } from '../../../src/database/database.ts';
import { type Migration, readMigrations } from '../../../src/database/migrations.ts';
import { openDatabase, openMigrated } from '../../../src/database/open-database.ts';
import { migratePostgres } from '../../../src/database/postgres/migrate.ts';
import { migrateSqlite } from '../../../src/database/sqlite/migrate.ts';
import { createDatabase, dropDatabase } from '../../postgres/databases.ts';
import { makeFolder } from '../../sqlite-files.ts';

interface EmptyDatabase {
  url: string;
  migrate(migrations: readonly Migration[]): Promise<void>;
  query(sql: string): Promise<Record<string, unknown>[]>;
  history(): ReturnType<typeof migrationHistory>;
}

async function createSqlite(): Promise<EmptyDatabase> {
  const path = join(await makeFolder(), 'runtape.db');
  return {
    url: `file:${path}`,
    migrate: (migrations) => migrateSqlite(path, migrations, systemClock),
    async query(sql) {
      const file = new BetterSqlite(path);
      try {
        const statement = file.prepare<[], Record<string, unknown>>(sql);
        if (statement.reader) return statement.all();
        statement.run();
        return [];
      } finally {
        file.close();
      }
    },
    history: () => migrationHistory('sqlite', new SqliteForEngine({ url: `file:${path}` })),
  };
}

async function createPostgres(): Promise<EmptyDatabase> {
  const { url: admin } = inject('postgres');
  const { url, name } = await createDatabase(admin);
  onTestFinished(() => dropDatabase(admin, name));
  return {
    url,
    migrate: (migrations) => migratePostgres(url, migrations, systemClock),
    async query(sql) {
      const client = new pg.Client(url);
      await client.connect();
      try {
        return (await client.query(sql)).rows;
      } finally {
        await client.end();
      }
    },
    history: () => migrationHistory('postgresql', new PostgresForEngine(url)),
  };
}

const migration = (name: string, sql: string): Migration => ({
  name,
  sql,
  checksum: createHash('sha256').update(sql).digest('hex'),
});

const appliedNames = `SELECT migration_name AS name FROM "_prisma_migrations" WHERE finished_at IS NOT NULL ORDER BY started_at, migration_name`;

async function startFailure(migrating: Promise<unknown>): Promise<string> {
  const error = await migrating.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(StartError);
  return error instanceof Error ? error.message : '';
}

const eventOf = (seq: number, type: string, payload: object) =>
  `INSERT INTO "Event" ("runId", "seq", "type", "actor", "schemaVersion", "recordedAt", "payload", "hash")
   VALUES ('run_1', ${seq}, '${type}', 'MODEL', 1, 0, '${JSON.stringify(payload)}', 'x')`;

const runOf = (id: string, turn: number, steps: number) =>
  `INSERT INTO "Run" ("id", "sessionId", "state", "turn", "urgent", "input", "createdAt", "steps", "resumptions", "inputTokens", "outputTokens", "usageEstimated")
   VALUES ('${id}', 'ses_1', 'DONE', ${turn}, false, 'go', '2026-11-22 10:00:00', ${steps}, 0, 0, 0, false)`;

/** A run with two answers and a stored output, and one without an answer. */
const rowsOfEarlierReleases = [
  `INSERT INTO "Session" ("id", "owner", "key", "createdAt", "activeAt", "resetTurn", "useCompaction")
   VALUES ('ses_1', 'ada', 'one', '2026-11-22 10:00:00', '2026-11-22 10:00:00', 0, true)`,
  runOf('run_1', 1, 2),
  runOf('run_2', 2, 0),
  `INSERT INTO "Tape" ("runId", "sessionId", "closed") VALUES ('run_1', 'ses_1', false)`,
  eventOf(1, 'output', { finishReason: 'tool-calls', text: '"finishReason":"no"' }),
  eventOf(2, 'tool_result', { ok: true }),
  eventOf(3, 'output', { finishReason: 'length', text: '' }),
  `INSERT INTO "Attachment" ("id", "runId", "content") VALUES ('att_1', 'run_1', 'the whole output')`,
];

const stores: [Provider, () => Promise<EmptyDatabase>][] = [
  ['sqlite', createSqlite],
  ['postgresql', createPostgres],
];

describe.each(stores)('the migrator on %s', (provider, create) => {
  test('keeps stored texts and fills in finish reasons', async () => {
    const { migrate, query } = await create();
    const migrations = await readMigrations(provider);
    const before = migrations.filter(({ name }) => name < '20261126194000');
    await migrate(before);
    for (const sql of rowsOfEarlierReleases) await query(sql);
    await migrate(migrations);
    expect(await query('SELECT "id", "runId", "content" FROM "StoredText"')).toEqual([
      { id: 'att_1', runId: 'run_1', content: 'the whole output' },
    ]);
    expect(await query('SELECT "id", "finishReason", "outputTextId" FROM "Run" ORDER BY "id"')).toEqual([
      { id: 'run_1', finishReason: 'length', outputTextId: null },
      { id: 'run_2', finishReason: null, outputTextId: null },
    ]);
  });

  test('applies the missing migrations in order, once, and keeps the books of Prisma', async () => {
    const { migrate, query, history } = await create();
    const [first, ...others] = await readMigrations(provider);
    if (!first) throw new Error('There is no migration.');
    await migrate([first]);
    expect(await query(appliedNames)).toEqual([{ name: first.name }]);
    await migrate([first, ...others]);
    await migrate([first, ...others]);
    expect(await query(appliedNames)).toEqual([first, ...others].map(({ name }) => ({ name })));
    expect(await history()).toMatchObject({
      hasMigrationsTable: true,
      history: null,
      failedMigrationNames: [],
      editedMigrationNames: [],
    });
  });

  test('rolls back a migration that fails, and applies it when it is corrected', async () => {
    const { migrate, query } = await create();
    const migrations = await readMigrations(provider);
    const table = 'CREATE TABLE "Extra" ("id" TEXT PRIMARY KEY)';
    const broken = migration('29990101000000_extra', `${table};\nINSERT INTO "Extra" VALUES ('1'), ('1');`);
    const message = await startFailure(migrate([...migrations, broken]));
    expect(message).toMatch(
      /^Migration 29990101000000_extra of the database .* failed: .* Nothing of it was stored\./i,
    );
    await expect(query('SELECT * FROM "Extra"')).rejects.toThrow();
    expect(await query(appliedNames)).toEqual(migrations.map(({ name }) => ({ name })));
    await migrate([...migrations, migration(broken.name, `${table};\nINSERT INTO "Extra" VALUES ('1'), ('2');`)]);
    expect(await query('SELECT * FROM "Extra"')).toHaveLength(2);
  });

  test('refuses a database to which another version of a migration was applied', async () => {
    const { migrate, url } = await create();
    const [first, ...others] = await readMigrations(provider);
    if (!first) throw new Error('There is no migration.');
    const edited = migration(first.name, `${first.sql}\n-- edited`);
    await migrate([edited]);
    const message = await startFailure(openDatabase({ url, durability: 'full', connections: 2 }));
    expect(message).toContain(`Migration ${first.name} of the database `);
    expect(message).toContain(`differs from the file of this release (SHA-256 ${edited.checksum} was applied`);
    expect(await startFailure(migrate([first, ...others]))).toBe(message);
  });

  test('B110: refuses a database that a newer release has migrated', async () => {
    const { migrate, url } = await create();
    const newer = migration('29990101000000_newer', 'CREATE TABLE "Newer" ("id" TEXT PRIMARY KEY)');
    await migrate([...(await readMigrations(provider)), newer]);
    expect(await startFailure(openDatabase({ url, durability: 'full', connections: 2 }))).toMatch(
      /^The database .* was written by a newer release: this one does not know migration 29990101000000_newer\. Start the newer release.* Runtape \d+\.\d+\.\d+ applied that migration\.$/,
    );
  });

  test('B110: reads no database with other migrations', async () => {
    const { migrate, url } = await create();
    const migrations = await readMigrations(provider);
    await migrate(migrations.slice(0, -1));
    expect(await startFailure(openMigrated(url))).toMatch(
      /^The database .* lacks migration \w+ of this release\. Run `migrate` first, or use the release that wrote the database\.$/,
    );
    await migrate(migrations);
    await (await openMigrated(url)).close();
    await migrate([...migrations, migration('29990101000000_newer', 'CREATE TABLE "Newer" ("id" TEXT PRIMARY KEY)')]);
    expect(await startFailure(openMigrated(url))).toMatch(/^The database .* was written by a newer release/);
  });

  test('names no release if none was recorded with a migration', async () => {
    const { migrate, query, url } = await create();
    await migrate([migration('19990101000000_old', 'CREATE TABLE "Old" ("id" TEXT PRIMARY KEY)')]);
    await query('UPDATE "_prisma_migrations" SET logs = NULL');
    expect(await startFailure(openDatabase({ url, durability: 'full', connections: 2 }))).toContain(
      'A version that did not record its number applied that migration.',
    );
  });

  test.each([
    ['a column that is missing', 'ALTER TABLE "Lease" DROP COLUMN "alone"', 'column Lease.alone is missing'],
    ['a column that is unknown', 'ALTER TABLE "Run" ADD COLUMN "more" TEXT', 'column Run.more is unknown'],
    ['an index that is missing', 'DROP INDEX "Run_active"', 'index Run_active is missing'],
    [
      'a trigger that is missing',
      provider === 'sqlite' ? 'DROP TRIGGER "Event_kept"' : 'DROP TRIGGER "Event_kept" ON "Event"',
      'trigger Event_kept is missing',
    ],
  ])('refuses a database with all migrations and %s', async (_name, change, difference) => {
    const { migrate, query, url } = await create();
    await migrate(await readMigrations(provider));
    await query(change);
    const message = await startFailure(openDatabase({ url, durability: 'full', connections: 2 }));
    expect(message).toMatch(/^The schema of the database .* is not that of Runtape \d+\.\d+\.\d+: /);
    expect(message).toContain(`: ${difference}. Somebody or another version`);
  });

  test('accepts tables and indexes that do not belong to it', async () => {
    const { migrate, query, url } = await create();
    await migrate(await readMigrations(provider));
    await query('CREATE TABLE "Foreign" ("id" TEXT PRIMARY KEY)');
    await query('CREATE INDEX "Run_input" ON "Run"("input")');
    await (await openDatabase({ url, durability: 'full', connections: 2 })).close();
  });

  test('refuses a database with an unfinished migration, unless it was marked as rolled back', async () => {
    const { migrate, query } = await create();
    const migrations = await readMigrations(provider);
    await migrate(migrations);
    const unfinished = migration('29990101000000_unfinished', 'CREATE TABLE "Extra" ("id" TEXT PRIMARY KEY)');
    await query(`INSERT INTO "_prisma_migrations" (id, checksum, migration_name)
      VALUES ('1', '${unfinished.checksum}', '${unfinished.name}')`);
    expect(await startFailure(migrate([...migrations, unfinished]))).toContain(
      `Migration ${unfinished.name} of the database `,
    );
    await query(`UPDATE "_prisma_migrations" SET rolled_back_at = CURRENT_TIMESTAMP WHERE finished_at IS NULL`);
    await migrate([...migrations, unfinished]);
    expect(await query('SELECT * FROM "Extra"')).toEqual([]);
  });
});

test('several databases of both kinds are migrated at the same time in one process', async () => {
  const databases = await Promise.all([createSqlite(), createPostgres(), createSqlite(), createPostgres()]);
  const opened = await Promise.all(
    databases.map(({ url }) => openDatabase({ url, durability: 'full', connections: 2 })),
  );
  for (const database of opened) expect(await database.reader.run.count()).toBe(0);
  await Promise.all(opened.map((database) => database.close()));
});

test('servers that start at the same time on an empty Postgres database migrate it once', async () => {
  const { url, query } = await createPostgres();
  const open = () => openDatabase({ url, durability: 'full', connections: 4 });
  const servers = await Promise.all([open(), open(), open()]);
  expect(await servers[0].reader.run.count()).toBe(0);
  expect(await query(appliedNames)).toHaveLength((await readMigrations('postgresql')).length);
  await Promise.all(servers.map((server) => server.close()));
});

describe('a SQLite migration that rebuilds a table', () => {
  const parentAndChild = migration(
    '1_parent',
    `CREATE TABLE "Parent" ("id" TEXT PRIMARY KEY);
     CREATE TABLE "Child" ("id" TEXT PRIMARY KEY, "parentId" TEXT NOT NULL REFERENCES "Parent" ("id") ON DELETE CASCADE);
     INSERT INTO "Parent" VALUES ('p'); INSERT INTO "Child" VALUES ('c', 'p');`,
  );
  const rebuild = (copy: string) =>
    migration(
      '2_rebuild',
      `PRAGMA defer_foreign_keys=ON;
       PRAGMA foreign_keys=OFF;
       CREATE TABLE "new_Parent" ("id" TEXT PRIMARY KEY, "name" TEXT);
       ${copy}
       DROP TABLE "Parent";
       ALTER TABLE "new_Parent" RENAME TO "Parent";
       PRAGMA foreign_keys=ON;
       PRAGMA defer_foreign_keys=OFF;`,
    );

  test('keeps the rows that refer to the table', async () => {
    const { migrate, query } = await createSqlite();
    await migrate([parentAndChild, rebuild(`INSERT INTO "new_Parent" ("id") SELECT "id" FROM "Parent";`)]);
    expect(await query('SELECT * FROM "Child"')).toEqual([{ id: 'c', parentId: 'p' }]);
  });

  test('fails if it loses a row to which another refers', async () => {
    const { migrate, query } = await createSqlite();
    expect(await startFailure(migrate([parentAndChild, rebuild('')]))).toContain(
      'failed: it leaves rows of Child that refer to missing rows of Parent.',
    );
    expect(await query('SELECT * FROM "Parent"')).toEqual([{ id: 'p' }]);
  });
});

test('a Postgres database that cannot be used stops the start with a reason, and without its password', async () => {
  const url = new URL(inject('postgres').url);
  const failureWith = async (change: Partial<URL>) => {
    const other = Object.assign(new URL(url), change);
    return startFailure(openDatabase({ url: other.href, durability: 'full', connections: 4 }));
  };
  expect(await failureWith({ pathname: '/missing' })).toMatch(/^The database .*\/missing .*does not exist.*Create it/);
  expect(await failureWith({ port: '1' })).toMatch(/^The database .*:1\/postgres cannot be used: .*ECONNREFUSED/);
  const message = await failureWith({ password: 'secret' });
  expect(message).toMatch(/^The database .*authentication failed/);
  expect(message).not.toContain('secret');
});
