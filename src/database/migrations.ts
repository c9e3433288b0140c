import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Clock } from '../clock.ts';
import { StartError } from '../config/start-error.ts';
import type { Provider } from './database.ts';

const require = createRequire(import.meta.url);

/** Found through package.json because the build moves this file. */
export const prismaFolder = join(dirname(require.resolve('#package.json')), 'prisma');

/** The version of this program, which it records beside each migration that it applies. */
export const { version: release } = require('#package.json') as { version: string };

export interface Migration {
  /** The name of its folder. Migrations are applied in the order of their names. */
  name: string;
  sql: string;
  /** SHA-256 of the file, in lower-case hex. */
  checksum: string;
}

/** The migrations of this release, in the order in which they are applied. */
export async function readMigrations(provider: Provider): Promise<Migration[]> {
  const folder = join(prismaFolder, provider, 'migrations');
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.flatMap((entry) => (entry.isDirectory() ? [entry.name] : [])).sort();
  return Promise.all(
    names.map(async (name) => {
      const sql = await readFile(join(folder, name, 'migration.sql'), 'utf8');
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
    }),
  );
}

/** A connection that nothing else uses while migrations run. */
export interface MigrationConnection {
  provider: Provider;
  /** Names the database in error messages. */
  databaseName: string;
  query(sql: string, parameters?: string[]): Promise<Record<string, unknown>[]>;
  /** Runs all statements of a migration file. */
  runScript(sql: string): Promise<void>;
  /** Throws a StartError if servers use the database. Called in the transaction of a migration. */
  assertUnused?(): Promise<void>;
  /** Runs `work` in a transaction, after those of all other migrators. Rolls back when `work` rejects. */
  transaction(work: () => Promise<void>): Promise<void>;
}

/**
 * Applies the migrations that the database lacks, each in a transaction together with its row in `_prisma_migrations`, the
 * table in which Prisma's own tools keep them. Servers that start at the same time apply each migration once. Throws a
 * StartError if a migration fails, or if the database has one that this release does not know or has with other content.
 */
export async function applyMigrations(
  connection: MigrationConnection,
  migrations: readonly Migration[],
  clock: Clock,
): Promise<void> {
  while ((await missingMigrations(connection, migrations)).length > 0) {
    await connection.transaction(async () => {
      // Another server may have applied migrations while this one waited for the lock.
      const [next] = await missingMigrations(connection, migrations);
      if (!next) return;
      await connection.assertUnused?.();
      await applyMigration(connection, next, clock);
    });
  }
}

/**
 * Throws a StartError if a database that is used without migrating it has other migrations than this release.
 */
export async function checkMigrated(
  connection: Pick<MigrationConnection, 'provider' | 'databaseName' | 'query'>,
  migrations: readonly Migration[],
): Promise<void> {
  const [missing] = await missingMigrations(connection, migrations);
  if (!missing) return;
  throw new StartError(
    `The database ${connection.databaseName} lacks migration ${missing.name} of this release. ` +
      'Run `migrate` first, or use the release that wrote the database.',
  );
}

async function applyMigration(connection: MigrationConnection, migration: Migration, clock: Clock): Promise<void> {
  const { name, sql, checksum } = migration;
  const { create, insert } = bookkeeping[connection.provider];
  const now = () => new Date(clock.now()).toISOString();
  const startedAt = now();
  try {
    await connection.query(create);
    await connection.runScript(sql);
    await connection.query(insert, [randomUUID(), checksum, name, startedAt, now(), `Runtape ${release}`]);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const advice = 'Nothing of it was stored. Correct the cause and start again, or start the release that ran before.';
    throw new StartError(
      `Migration ${name} of the database ${connection.databaseName} failed: ${reason}. ${advice}`,
      error,
    );
  }
}

interface AppliedMigration {
  name: string;
  checksum: string;
  /** False if Prisma's schema engine, which earlier releases used, was interrupted: it stores the row before the migration. */
  isFinished: boolean | number;
  /** Which release applied it; null if it did not record that. */
  appliedBy: string | null;
}

/** The migrations that the database lacks, in order. Throws a StartError as `applyMigrations` does. */
export async function missingMigrations(
  connection: Pick<MigrationConnection, 'provider' | 'databaseName' | 'query'>,
  migrations: readonly Migration[],
): Promise<Migration[]> {
  const { exists } = bookkeeping[connection.provider];
  if ((await connection.query(exists)).length === 0) return [...migrations];
  const rows = await connection.query(selectApplied);
  // The statement names and types its columns.
  const applied = rows as unknown as AppliedMigration[];
  for (const each of applied) checkApplied(connection.databaseName, each, migrations);
  return migrations.filter(({ name }) => applied.every((each) => each.name !== name));
}

function checkApplied(databaseName: string, applied: AppliedMigration, migrations: readonly Migration[]): void {
  const { name, checksum, isFinished } = applied;
  const author = `${applied.appliedBy ?? 'A version that did not record its number'} applied that migration.`;
  const released = migrations.find((migration) => migration.name === name);
  if (!released) {
    throw new StartError(
      `The database ${databaseName} was written by a newer release: this one does not know migration ${name}. ` +
        `Start the newer release, or restore a backup from before the upgrade. ${author}`,
    );
  }
  if (!isFinished) {
    throw new StartError(
      `Migration ${name} of the database ${databaseName} was started and did not finish. ` +
        'Restore a backup from before the upgrade. If the database holds nothing of this migration, ' +
        'delete its row from "_prisma_migrations" and start again.',
    );
  }
  if (released.checksum !== checksum) {
    throw new StartError(
      `Migration ${name} of the database ${databaseName} differs from the file of this release ` +
        `(SHA-256 ${checksum} was applied, the file has ${released.checksum}). ` +
        `Start the release that created the database, restore the file, or use a new database. ${author}`,
    );
  }
}

const selectApplied = `
  SELECT migration_name AS "name", checksum, finished_at IS NOT NULL AS "isFinished", logs AS "appliedBy" FROM "_prisma_migrations"
  WHERE rolled_back_at IS NULL`;

/** Prisma's tools write the reason of a failure into `logs`; a finished migration leaves the column free. */
const insertApplied =
  'INSERT INTO "_prisma_migrations" (id, checksum, migration_name, started_at, finished_at, logs, applied_steps_count)';

/** The table as Prisma's schema engine creates it. */
const bookkeeping = {
  sqlite: {
    exists: `SELECT 1 FROM sqlite_master WHERE name = '_prisma_migrations'`,
    create: `CREATE TABLE IF NOT EXISTS "_prisma_migrations" (
      "id" TEXT PRIMARY KEY NOT NULL,
      "checksum" TEXT NOT NULL,
      "finished_at" DATETIME,
      "migration_name" TEXT NOT NULL,
      "logs" TEXT,
      "rolled_back_at" DATETIME,
      "started_at" DATETIME NOT NULL DEFAULT current_timestamp,
      "applied_steps_count" INTEGER UNSIGNED NOT NULL DEFAULT 0
    )`,
    insert: `${insertApplied} VALUES (?, ?, ?, ?, ?, ?, 1)`,
  },
  postgresql: {
    exists: `SELECT 1 WHERE to_regclass('"_prisma_migrations"') IS NOT NULL`,
    create: `CREATE TABLE IF NOT EXISTS "_prisma_migrations" (
      "id" VARCHAR(36) PRIMARY KEY NOT NULL,
      "checksum" VARCHAR(64) NOT NULL,
      "finished_at" TIMESTAMPTZ,
      "migration_name" VARCHAR(255) NOT NULL,
      "logs" TEXT,
      "rolled_back_at" TIMESTAMPTZ,
      "started_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
      "applied_steps_count" INTEGER NOT NULL DEFAULT 0
    )`,
    insert: `${insertApplied} VALUES ($1, $2, $3, $4, $5, $6, 1)`,
  },
};
