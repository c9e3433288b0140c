import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { createTestDatabase } from '../../postgres/test-database.ts';
import { diagnosisOf, problemsIn } from './diagnosis.ts';

async function fileWithFolder() {
  const folder = await mkdtemp(join(tmpdir(), 'runtape-doctor-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return { attachments: { folder } };
}

test('B112: doctor finds a clock that differs, a read-only database and too many connections', async () => {
  const DATABASE_URL = await createTestDatabase();
  const file = await fileWithFolder();
  expect(problemsIn(await diagnosisOf({ DATABASE_URL }, file))).toEqual([]);

  const now = () => systemClock.now() + 60_000;
  const ahead = await diagnosisOf({ DATABASE_URL }, file, { clock: { ...systemClock, now } });
  expect(problemsIn(ahead)).toEqual([
    expect.stringMatching(/^clock: This machine's clock is (59|60|61) seconds ahead of the database's\. Synchronise/),
  ]);

  const many = await diagnosisOf({ DATABASE_URL, RUNTAPE_DATABASE_CONNECTIONS: '1000' }, file);
  expect(problemsIn(many)).toEqual([
    expect.stringMatching(/^database: .* allows \d+ connections, and this server needs 1001\. Lower RUNTAPE_DATABASE/),
  ]);

  const database = new pg.Client(DATABASE_URL);
  await database.connect();
  await database.query(
    `ALTER DATABASE "${new URL(DATABASE_URL).pathname.slice(1)}" SET default_transaction_read_only = on`,
  );
  await database.end();
  expect(problemsIn(await diagnosisOf({ DATABASE_URL }, file))).toEqual([
    expect.stringMatching(/^database: .* is read-only\. Name the primary in DATABASE_URL/),
  ]);
});

test('B112: doctor accepts an empty Postgres, and names one that does not exist', async () => {
  const DATABASE_URL = await createTestDatabase();
  const file = await fileWithFolder();
  const database = new pg.Client(DATABASE_URL);
  await database.connect();
  await database.query('DROP SCHEMA public CASCADE; CREATE SCHEMA public');
  await database.end();
  const findings = await diagnosisOf({ DATABASE_URL }, file);
  expect(problemsIn(findings)).toEqual([]);
  expect(findings.find(({ subject }) => subject === 'database')?.text).toContain('has no tables yet');
  const absent = await diagnosisOf({ DATABASE_URL: DATABASE_URL.replace(/\/[^/]*$/, '/nowhere') }, file);
  expect(problemsIn(absent)).toEqual([
    expect.stringMatching(/^database: .*"nowhere" does not exist\. Create it first/),
  ]);
});
