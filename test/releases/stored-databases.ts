import { readdirSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { gunzipSync, gzipSync } from 'node:zlib';
import BetterSqlite from 'better-sqlite3';
import pg from 'pg';
import { z } from 'zod';
import { systemClock } from '../../src/clock.ts';
import type { Provider } from '../../src/database/database.ts';
import { readMigrations } from '../../src/database/migrations.ts';
import { openForReading } from '../../src/database/open-database.ts';
import { migratePostgres } from '../../src/database/postgres/migrate.ts';

const releases = new URL('../data/releases/', import.meta.url);

/** The releases whose databases are kept. */
export const releaseNames = readdirSync(releases);

const fileOf = (release: string, name: string) => new URL(`${release}/${name}`, releases);

/** What a release had stored, for comparison with what a later one reads. */
const contentsSchema = z.object({
  sessions: z.array(z.object({ id: z.string(), key: z.string(), title: z.string().nullable() })),
  runs: z.array(
    z.object({
      id: z.string(),
      sessionId: z.string(),
      state: z.string(),
      input: z.string(),
      output: z.string().nullable(),
      errorCode: z.string().nullable(),
      /** Of the events, in order. */
      hashes: z.array(z.string()),
    }),
  ),
  memories: z.array(z.object({ id: z.string(), text: z.string() })),
});
export type ReleaseContents = z.infer<typeof contentsSchema>;

export async function readContents(release: string, provider: Provider): Promise<ReleaseContents> {
  return contentsSchema.parse(JSON.parse(await readFile(fileOf(release, `${provider}.json`), 'utf8')));
}

/** Stores what a database contains, which no server uses. */
export async function storeContents(release: string, url: string): Promise<void> {
  const { reader, provider, close } = await openForReading(url);
  try {
    const byId = { orderBy: { id: 'asc' } } as const;
    const runs = await reader.run.findMany({
      ...byId,
      select: { id: true, sessionId: true, state: true, input: true, output: true, errorCode: true },
    });
    const contents: ReleaseContents = { sessions: [], runs: [], memories: [] };
    contents.sessions = await reader.session.findMany({ ...byId, select: { id: true, key: true, title: true } });
    contents.memories = await reader.memory.findMany({ ...byId, select: { id: true, text: true } });
    for (const run of runs) {
      const events = await reader.event.findMany({ where: { runId: run.id }, orderBy: { seq: 'asc' } });
      contents.runs.push({ ...run, hashes: events.map(({ hash }) => hash) });
    }
    await writeFile(fileOf(release, `${provider}.json`), `${JSON.stringify(contents, null, 1)}\n`);
  } finally {
    await close();
  }
}

/** Stores a copy of a SQLite database without its write-ahead log. */
export async function storeSqlite(release: string, path: string): Promise<void> {
  const copy = `${path}-copy`;
  const database = new BetterSqlite(path);
  database.prepare('VACUUM INTO ?').run(copy);
  database.close();
  await writeFile(fileOf(release, 'sqlite.db.gz'), gzipSync(await readFile(copy), { level: 9 }));
}

export async function restoreSqlite(release: string, path: string): Promise<void> {
  await writeFile(path, gunzipSync(await readFile(fileOf(release, 'sqlite.db.gz'))));
}

const SELECT_COLUMNS = `
  SELECT table_name AS "table", json_agg(column_name ORDER BY ordinal_position) AS "columns"
  FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
  WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND is_generated = 'NEVER'
  GROUP BY table_name ORDER BY table_name`;

const SELECT_SEQUENCES = `
  SELECT sequencename AS "name", last_value AS "value" FROM pg_sequences
  WHERE schemaname = 'public' AND last_value IS NOT NULL ORDER BY sequencename`;

/** Stores the rows of a Postgres database as SQL. The migrations of the release, which it names, are the schema. */
export async function storePostgres(release: string, url: string): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    const lines: string[] = [];
    for (const { table, columns } of (await client.query(SELECT_COLUMNS)).rows) {
      const names = (columns as string[]).map((name) => `"${name}"`).join(', ');
      const { rows } = await client.query(`SELECT to_jsonb(t) AS "row" FROM "${table}" t ORDER BY t::text`);
      for (const { row } of rows) {
        const json = client.escapeLiteral(JSON.stringify(row));
        lines.push(
          `INSERT INTO "${table}" (${names}) OVERRIDING SYSTEM VALUE SELECT ${names} FROM jsonb_populate_record(NULL::"${table}", ${json});`,
        );
      }
    }
    for (const { name, value } of (await client.query(SELECT_SEQUENCES)).rows) {
      lines.push(`SELECT setval('"${name}"', ${value});`);
    }
    await writeFile(fileOf(release, 'postgresql.sql.gz'), gzipSync(`${lines.join('\n')}\n`, { level: 9 }));
  } finally {
    await client.end();
  }
}

/** Restores the rows into an empty database, with the schema that the release had. */
export async function restorePostgres(release: string, url: string): Promise<void> {
  const sql = gunzipSync(await readFile(fileOf(release, 'postgresql.sql.gz'))).toString();
  const applied = (await readMigrations('postgresql')).filter(({ name }) => sql.includes(`"migration_name":"${name}"`));
  await migratePostgres(url, applied, systemClock);
  const client = new pg.Client(url);
  await client.connect();
  try {
    // The triggers have run when the rows were written.
    await client.query(`SET session_replication_role = replica; DELETE FROM "_prisma_migrations"; ${sql}`);
  } finally {
    await client.end();
  }
}
