import { createHash } from 'node:crypto';
import { expect, inject, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { StartError } from '../../../src/config/start-error.ts';
import { type Migration, readMigrations } from '../../../src/database/migrations.ts';
import { openMigrated } from '../../../src/database/open-database.ts';
import { migratePostgres } from '../../../src/database/postgres/migrate.ts';
import { openPostgres } from '../../../src/database/postgres/postgres.ts';
import { StoreError } from '../../../src/database/store-error.ts';
import { createDatabase, dropDatabase } from '../../postgres/databases.ts';

const sql = 'CREATE TABLE "Newer" ("id" TEXT PRIMARY KEY)';
const newer: Migration = {
  name: '29990101000000_newer',
  sql,
  checksum: createHash('sha256').update(sql).digest('hex'),
};

/** @param parameters of the URL of each server */
async function createMigrated(): Promise<{ url: string; migrations: Migration[] }> {
  const { url: admin, template } = inject('postgres');
  const { url, name } = await createDatabase(admin, template);
  onTestFinished(() => dropDatabase(admin, name));
  return { url, migrations: await readMigrations('postgresql') };
}

const options = (url: string) => ({ url, durability: 'full', connections: 2 }) as const;

test('B110: a newer release does not migrate a database that servers of an earlier one use', async () => {
  const { url, migrations } = await createMigrated();
  const server = await openPostgres(options(url));
  // The same migrations: servers of both releases can run together.
  await (await openPostgres(options(url))).close();
  const refused = migratePostgres(url, [...migrations, newer], systemClock);
  await expect(refused).rejects.toThrow(StartError);
  await expect(refused).rejects.toThrow(
    /servers of an earlier one use it \(\d+ connections\)\. Releases .* Stop the earlier servers/,
  );
  await server.check();
  const migrating = migratePostgres(url, [...migrations, newer], systemClock);
  await server.close();
  await migrating;
});

test('B110: a server starts before or after a migration, never during it', async () => {
  const { url, migrations } = await createMigrated();
  const outcomes = await Promise.allSettled([
    ...Array.from({ length: 4 }, () => openPostgres(options(url))),
    migratePostgres(url, [...migrations, newer], systemClock),
  ]);
  const servers = outcomes
    .slice(0, -1)
    .flatMap((each) => (each.status === 'fulfilled' && each.value ? [each.value] : []));
  for (const server of servers) onTestFinished(() => server.close());
  const isMigrated = outcomes.at(-1)?.status === 'fulfilled';
  expect(servers.length === 0).toBe(isMigrated);
});

test('B110: a server that was hidden from the migration stores nothing more, and says why', async () => {
  const { url, migrations } = await createMigrated();
  // As behind a pooler that names its connections.
  const server = await openPostgres(options(`${url}?application_name=pooler`));
  onTestFinished(() => server.close());
  await migratePostgres(url, [...migrations, newer], systemClock);
  const message =
    /^A newer release \(Runtape .*\) has migrated the database .*: this one does not know migration 29990101000000_newer/;
  await expect(server.check()).rejects.toMatchObject({
    failure: 'unavailable',
    detail: expect.stringMatching(message),
  });
  expect(await server.superseded).toMatch(message);
  expect(server.problem()).toMatch(message);
  const write = server.write((client) => client.purge.create({ data: { sessionId: 'ses_1' } }));
  await expect(write).rejects.toThrow(StoreError);
  await expect(server.commit([])).rejects.toThrow(StoreError);
  expect(await server.reader.purge.count()).toBe(0);
  await expect(openMigrated(url)).rejects.toThrow('was written by a newer release');
});
