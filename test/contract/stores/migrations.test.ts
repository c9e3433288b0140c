import { readdir, readFile } from 'node:fs/promises';
import { expect, inject, test } from 'vitest';
import { postgresDifference, sqliteDifference } from '../../../prisma/scratch.ts';
import { queryJson } from '../../../src/database/json-query.ts';
import { migrationNames } from '../../../src/database/migration-files.ts';
import { openDatabase } from '../../../src/database/open-database.ts';
import { createDatabase, dropDatabase } from '../../postgres/databases.ts';
import { createTestDatabase } from '../../postgres/test-database.ts';
import { makeFolder } from './sqlite-store.ts';

const open = (url: string) => openDatabase({ url, durability: 'full', connections: 4 });

test('the migrations of each store lead to the models, which both share', async () => {
  expect(await sqliteDifference()).toBe('');
  expect(await postgresDifference(inject('postgres').url)).toBe('');
});

test('both stores have the same tables, columns and indexes, but for the one of full text', async () => {
  const sqlite = await open(`file:${await makeFolder()}/runtape.db`);
  const postgres = await open(await createTestDatabase());
  try {
    const names = async (database: typeof sqlite, sql: { sqlite: string; postgresql: string }): Promise<string[]> =>
      (await queryJson<string>(database, sql)).sort();
    const columns = {
      sqlite: `SELECT json_group_array(t.name || '.' || c.name || CASE WHEN c."notnull" OR c.pk THEN '' ELSE '?' END)
        FROM sqlite_master AS t JOIN pragma_table_info(t.name) AS c WHERE t.type = 'table' AND t.name NOT LIKE '%prisma%' AND t.name NOT LIKE 'sqlite_%' AND t.name NOT LIKE 'Passage_words%'`,
      postgresql: `SELECT json_agg(table_name || '.' || column_name || CASE is_nullable WHEN 'NO' THEN '' ELSE '?' END)::text
        FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE '%prisma%' AND table_name <> 'Passage_words'`,
    };
    const indexes = {
      sqlite: `SELECT json_group_array(name) FROM sqlite_master WHERE type = 'index' AND name NOT LIKE 'sqlite_%'`,
      postgresql: `SELECT json_agg(indexname)::text FROM pg_indexes WHERE schemaname = 'public' AND indexname NOT LIKE '%pkey' AND tablename <> 'Passage_words'`,
    };
    expect(await names(postgres, columns)).toEqual(await names(sqlite, columns));
    expect(await names(postgres, indexes)).toEqual(await names(sqlite, indexes));
  } finally {
    await Promise.all([sqlite.close(), postgres.close()]);
  }
});

test('every rule that a migration refuses by is refused by name in both', async () => {
  const rules = async (provider: 'sqlite' | 'postgresql') => {
    const folder = new URL(`../../../prisma/${provider}/migrations/`, import.meta.url);
    const files = (await readdir(folder)).map((name) => readFile(new URL(`${name}/migration.sql`, folder), 'utf8'));
    const found = (await Promise.all(files)).join('\n').matchAll(/(?:ABORT, |RAISE EXCEPTION )'(\w+)'/g);
    return new Set([...found].map(([, name]) => name));
  };
  const ofSeveralServers = ['session_gone', 'run_order', 'session_queue_full', 'session_busy'];
  expect([...(await rules('postgresql'))].sort()).toEqual([...(await rules('sqlite')), ...ofSeveralServers].sort());
});

test('servers that start at once on an empty database migrate it once', async () => {
  const { url: admin } = inject('postgres');
  const { url, name } = await createDatabase(admin);
  try {
    const servers = await Promise.all([open(url), open(url), open(url)]);
    expect(await servers[0].reader.run.count()).toBe(0);
    const applied = await servers[1].reader.$queryRawUnsafe<unknown[]>('SELECT 1 FROM "_prisma_migrations"');
    expect(applied).toHaveLength((await migrationNames('postgresql')).length);
    await Promise.all(servers.map((server) => server.close()));
  } finally {
    await dropDatabase(admin, name);
  }
});

test('a database that can not be used stops the start with a reason, and without its password', async () => {
  const url = new URL(inject('postgres').url);
  const told = async (change: Partial<URL>) => {
    const other = Object.assign(new URL(url), change);
    return open(other.href).then(
      () => 'opened',
      (error: unknown) => `${error instanceof Error ? `${error.name}: ${error.message}` : error}`,
    );
  };
  expect(await told({ pathname: '/missing' })).toMatch(
    /^StartError: The database .*\/missing .*does not exist.*Create it/,
  );
  expect(await told({ port: '1' })).toMatch(/^StartError: The database .*:1\/postgres can not be used: .*ECONNREFUSED/);
  expect(await told({ password: 'secret' })).toMatch(/^StartError: The database .*authentication failed/);
  expect(await told({ password: 'secret' })).not.toContain('secret');
});
