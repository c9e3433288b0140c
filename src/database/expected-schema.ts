import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StartError } from '../config/start-error.ts';
import type { Database, Provider } from './database.ts';
import { prismaFolder, release } from './migrations.ts';

/** A column, index, trigger or function, such as `column Run.turn`, with its definition in one line. */
interface SchemaObject {
  /** The table that it belongs to; empty for a function. */
  owner: string;
  name: string;
  definition: string;
}

/** The definitions that statements and guarantees rest on. Prisma's own table and the parts of SQLite's full-text index are left out. */
const schemaSql: Record<Provider, string> = {
  sqlite: `
    SELECT t."name" AS "owner", 'column ' || t."name" || '.' || c."name" AS "name",
        c."type" || CASE WHEN c."notnull" OR c."pk" THEN ' NOT NULL' ELSE '' END || coalesce(' DEFAULT ' || c."dflt_value", '') AS "definition"
      FROM sqlite_master AS t JOIN pragma_table_info(t."name") AS c
      WHERE t."type" = 'table' AND t."name" NOT LIKE 'sqlite_%' AND t."name" NOT LIKE 'Passage_words_%' AND t."name" <> '_prisma_migrations'
    UNION ALL
    SELECT "tbl_name", "type" || ' ' || "name", "sql" FROM sqlite_master WHERE "type" IN ('index', 'trigger') AND "sql" IS NOT NULL`,
  postgresql: `
    SELECT table_name::text AS "owner", 'column ' || table_name || '.' || column_name AS "name",
        udt_name || CASE is_nullable WHEN 'NO' THEN ' NOT NULL' ELSE '' END AS "definition"
      FROM information_schema.columns WHERE table_schema = current_schema() AND table_name <> '_prisma_migrations'
    UNION ALL
    SELECT tablename::text, 'index ' || indexname, replace(indexdef, schemaname || '.', '') FROM pg_indexes
      WHERE schemaname = current_schema() AND tablename <> '_prisma_migrations'
    UNION ALL
    SELECT relname::text, 'trigger ' || tgname, CASE tgenabled WHEN 'D' THEN 'DISABLED ' ELSE '' END || replace(pg_get_triggerdef(t.oid), current_schema() || '.', '')
      FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = tgrelid WHERE NOT tgisinternal AND relnamespace = current_schema()::regnamespace
    UNION ALL
    SELECT '', 'function ' || proname, prosrc FROM pg_proc WHERE pronamespace = current_schema()::regnamespace`,
};

const fileOf = (provider: Provider) => join(prismaFolder, provider, 'schema.txt');

/** The schema of a database as the lines of the file in which a release keeps what it expects, in a fixed order. */
export async function describeSchema({ provider, reader }: Pick<Database, 'provider' | 'reader'>): Promise<string[]> {
  return (await readSchema(provider, reader)).map(lineOf).sort();
}

async function readSchema(provider: Provider, reader: Database['reader']): Promise<SchemaObject[]> {
  const objects = await reader.$queryRawUnsafe<SchemaObject[]>(schemaSql[provider]);
  return objects.map((object) => ({ ...object, definition: object.definition.replace(/\s+/g, ' ').trim() }));
}

const lineOf = ({ name, definition }: SchemaObject) => `${name}: ${definition}`;
const nameIn = (line: string) => line.slice(0, line.indexOf(': '));

const REPORTED_DIFFERENCES = 5;

/**
 * Compares the schema of a migrated database with the one that this release expects. Further tables, indexes and functions are
 * allowed: they may belong to other programs. Throws a StartError that names what differs.
 */
export async function checkSchema({ provider, reader }: Database, databaseName: string): Promise<void> {
  const expected = (await readFile(fileOf(provider), 'utf8')).split('\n').filter((line) => line !== '');
  const found = await readSchema(provider, reader);
  const differences = differencesOf(expected, found);
  if (differences.length === 0) return;
  const more = differences.length - REPORTED_DIFFERENCES;
  const list = [...differences.slice(0, REPORTED_DIFFERENCES), ...(more > 0 ? [`and ${more} more`] : [])].join('; ');
  throw new StartError(
    `The schema of the database ${databaseName} is not that of Runtape ${release}: ${list}. ` +
      'Somebody or another version of the program changed it. Start the version that wrote the database, restore a backup, or use a new database.',
  );
}

function differencesOf(expected: readonly string[], found: readonly SchemaObject[]): string[] {
  const lines = new Set(found.map(lineOf));
  const names = new Set(found.map(({ name }) => name));
  const expectedNames = new Set(expected.map(nameIn));
  const ownTables = new Set(expected.flatMap((line) => /^column (\w+)\./.exec(line)?.[1] ?? []));
  const wrong = expected
    .filter((line) => !lines.has(line))
    .map((line) => `${nameIn(line)} ${names.has(nameIn(line)) ? 'is different' : 'is missing'}`);
  // A column or trigger that nobody knows can refuse or change what is written.
  const unknown = found.filter(
    ({ owner, name }) => ownTables.has(owner) && /^(column|trigger) /.test(name) && !expectedNames.has(name),
  );
  return [...wrong, ...unknown.map(({ name }) => `${name} is unknown`)];
}
