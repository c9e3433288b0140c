import { expect, inject, test } from 'vitest';
import { migrationDifference } from '../../../prisma/schema-engine.ts';
import { PostgresForEngine, SqliteForEngine } from '../../../prisma/shadow-databases.ts';
import type { Provider } from '../../../src/database/database.ts';
import { type JsonSql, queryJson } from '../../../src/database/json-query.ts';
import { readMigrations } from '../../../src/database/migrations.ts';
import { openDatabase } from '../../../src/database/open-database.ts';
import { createTestDatabase } from '../../postgres/test-database.ts';
import { makeFolder } from '../../sqlite-files.ts';

const providers: Provider[] = ['sqlite', 'postgresql'];

/** SHA-256 of the released files. A server refuses a database to which another version of a file was applied. */
const releasedChecksums: Record<Provider, Record<string, string>> = {
  sqlite: {
    '20261122000000_initial': '7eca01e66795550b3cf57584b9f6534adbfc1ddf9a0f241c9b2e9dbe19a5c497',
    '20261122143733_seal_inputs': '04751159b879ad70d10ccd998c6066683a2c242978e3937deddea1dd6981e1e6',
    '20261126170000_rename_sealed_input': 'f34ad28edcd070f9423736c1b5d54303397bb21ce6338fab0bf1f88a74a14428',
    '20261126172842_idempotency_of_mutations': '766046fb3fa26096c62b8b6a4355a669a31b1eeb46e0ad374b14d581c6bb3d2f',
    '20261126191544_bind_approvals': '7f78b3466efb5575c1ffaab78ac955d3a1a8a79c261d347c3f2569f3829908ea',
    '20261126194000_rename_attachment': 'ab7ff638c049453c498f683e9f9ae0cec53cc281033885a7265d17eac61b4b31',
    '20261126194100_answers_of_runs': '4027e3cb2b3ba6c29e3e6055a5894b671d00baeb587cff9cccb60819fdfed4a9',
    '20261126194200_agent_versions_of_owner': '3de7165f2e69c9aefa2ac47171e130a83c001f883da3a516f64a19278e2d2acb',
    '20261126192000_suspects': '2c0a1d71d7420e819fa49b1e96f73e4ebe1c1eaaca5f197b61957a89b32c3e12',
    '20261126230000_activity': '15696b3286abe06c597c80c5e8415d3c6121704d26976f342bdade56de114cf1',
    '20261126234000_budgets': 'e4300880896d07b6d40ca9c1294b9731ea850e29aa594b2c980092ce432bad41',
    '20261126231000_metadata': 'ca4673fc5f959863fef2b085088ea40404d87869667ac259130cce8d42e8f040',
    '20261126233000_waits': 'f9d2d28eaa783df80d5300eaaea6cdee94b3cc3d974290f9c1d1f242833f03aa',
    '20261126232000_attachments': '2c6c5f52b2211e75e505ac40ffb080d7f25228ac3d696ad60466fd1ebb93fce8',
    '20261127000000_client_tools': '33bca8eadc5b5497d437d1722d9f2bc50da18e6f1978e3583cf9c7e2529289d3',
    '20261127053000_purged_sessions': 'e9dc5a3b6511f839215cf06ada052fcc8f243e512dfec8839ec37add99566b6f',
    '20261127060000_stored_bytes': '5026c419981c2565668f846a156a853369d9158c6d3a0c3cab9cf4b68ccd5ba5',
    '20261127054212_audit': '19f1cd62e1546877a7bb594511dbbed8bc6023c8f89a737ced25922056ae9295',
    '20261127151500_fewer_indexes': '82cc6d9b6fb999a2e9f9a4bc732d92b215789974e18e0330892c7815c7089721',
  },
  postgresql: {
    '20261122000000_initial': '0d2b92c859fb4cdd7922a953383a4843989a6d762f45aa20b585aea577887f2d',
    '20261122143733_seal_inputs': '7468679f40895349accd25d24e7d825122337f79dd3b0ea5c0b6fba76e3883e4',
    '20261126170000_rename_sealed_input': 'c4bf1b9d5a15bffb7f47079b129b67c417d1becbb89c93e4ca12eb9c59734e07',
    '20261126172842_idempotency_of_mutations': 'd4f6c41ef850482fee96dba0507c148db6cb3a3e817aba9ec9e0b8495b7e0ea0',
    '20261126191544_bind_approvals': '7a7e927ac2b71ca030ab888f053aa8b3848446f4555f3e944a98a62ce2904dbf',
    '20261126194000_rename_attachment': '9705d1489011fcc0290a97458073b20e4b3921d36a991c09bef04fdb6be1b8c9',
    '20261126194100_answers_of_runs': 'e064349b57c114550c9ea2c318103eb58dad6ac4f4f1222f0d47e2683deb9bd6',
    '20261126194200_agent_versions_of_owner': '3de7165f2e69c9aefa2ac47171e130a83c001f883da3a516f64a19278e2d2acb',
    '20261126192000_suspects': '2c0a1d71d7420e819fa49b1e96f73e4ebe1c1eaaca5f197b61957a89b32c3e12',
    '20261126230000_activity': '2b4c1cd99601374a12c20469ea093305c6e64ad93182b9d739b6a599e1d8549d',
    '20261126234000_budgets': 'bbfece1decd155a6692fa8a33d4d917622eccce951bd7274857e62f242ed90fa',
    '20261126231000_metadata': '9bd58632febbfdb8e57397575f5b66bb55cc5023bb826ec02ebb22dca9ba220d',
    '20261126233000_waits': '56b5eb9697bda99ffacf8673faeefc75d42c7debbedb7870ac6af20dde438253',
    '20261126232000_attachments': '674c8ddeb8a879579bd6c482c4b7747180dab621345366c63c42787e56c1df3c',
    '20261127000000_client_tools': '33bca8eadc5b5497d437d1722d9f2bc50da18e6f1978e3583cf9c7e2529289d3',
    '20261127053000_purged_sessions': 'e1815b283e52592d5be33976ce56515a204458c9e295076e07bcac5f7cbaf3ec',
    '20261127060000_stored_bytes': '7e1e0ce3f9ff0612989e3a98864b6f97190a0d5e142de3e83bd11ec729c6e4e3',
    '20261127054212_audit': 'a47a153321390cf783a7e0ee6d04b5a276a47ed4a41f0ff9a7f1b6e586da9e74',
    '20261127151500_fewer_indexes': '82cc6d9b6fb999a2e9f9a4bc732d92b215789974e18e0330892c7815c7089721',
  },
};

test.each(providers)(
  'the released %s migrations have not been edited; a new one is added to the list',
  async (provider) => {
    const migrations = await readMigrations(provider);
    expect(Object.fromEntries(migrations.map(({ name, checksum }) => [name, checksum]))).toEqual(
      releasedChecksums[provider],
    );
  },
);

test.each(providers)('no %s migration ends the transaction in which it runs', async (provider) => {
  for (const { name, sql } of await readMigrations(provider)) {
    expect({ name, found: sql.match(/^\s*(COMMIT|ROLLBACK|(BEGIN|START)( \w+)?;)/im)?.[0] }).toEqual({ name });
  }
});

test('the migrations of each store lead to the models, which both share', async () => {
  const { url } = inject('postgres');
  expect(await migrationDifference('sqlite', new SqliteForEngine({ url: 'file::memory:' }))).toBe('');
  expect(await migrationDifference('postgresql', new PostgresForEngine(url))).toBe('');
});

test('both stores have the same tables, columns and indexes, except for full-text search', async () => {
  const options = { durability: 'full', connections: 4 } as const;
  const sqlite = await openDatabase({ url: `file:${await makeFolder()}/runtape.db`, ...options });
  const postgres = await openDatabase({ url: await createTestDatabase(), ...options });
  try {
    const names = async (database: typeof sqlite, sql: JsonSql): Promise<string[]> =>
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

test('every trigger that a SQLite migration creates exists after all of them', async () => {
  // SQLite drops the triggers of a table with the table, and migrations that Prisma writes rebuild tables.
  const sql = (await readMigrations('sqlite')).map((migration) => migration.sql).join('\n');
  const namesAfter = (words: string) => [...sql.matchAll(new RegExp(`${words} "(\\w+)"`, 'g'))].map(([, name]) => name);
  const dropped = new Set(namesAfter('DROP TRIGGER'));
  const expected = new Set(namesAfter('CREATE TRIGGER').filter((name) => !dropped.has(name)));
  const options = { durability: 'full', connections: 4 } as const;
  const sqlite = await openDatabase({ url: `file:${await makeFolder()}/runtape.db`, ...options });
  try {
    const existing = `SELECT json_group_array(name) FROM sqlite_master WHERE type = 'trigger'`;
    const names = await queryJson<string>(sqlite, { sqlite: existing, postgresql: existing });
    expect(names.sort()).toEqual([...expected].sort());
  } finally {
    await sqlite.close();
  }
});

test('the rules of both stores have the same names', async () => {
  const rules = async (provider: Provider) => {
    const files = (await readMigrations(provider)).map(({ sql }) => sql);
    const names = files.join('\n').matchAll(/(?:ABORT, |RAISE EXCEPTION )'(\w+)'/g);
    return new Set([...names].map(([, name]) => name));
  };
  const betweenServers = ['session_gone', 'run_order', 'session_queue_full', 'session_busy'];
  expect([...(await rules('postgresql'))].sort()).toEqual([...(await rules('sqlite')), ...betweenServers].sort());
});
