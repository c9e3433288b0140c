import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, readlink, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import BetterSqlite from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { StartError } from '../../../src/config/start-error.ts';
import { readMigrations } from '../../../src/database/migrations.ts';
import { migrateSqlite } from '../../../src/database/sqlite/migrate.ts';
import { openSqlite, openSqliteForReading } from '../../../src/database/sqlite/sqlite.ts';
import { append, newRunId, opening, readAll } from '../appends.ts';
import { makeFolder, openStore } from './sqlite-store.ts';

/** The message of the StartError when a server opens this file. */
async function startFailure(path: string): Promise<string> {
  const opening = openSqlite({ url: `file:${path}`, durability: 'full' });
  const outcome = await opening.catch((error: unknown) => error);
  if (outcome instanceof StartError) return outcome.message;
  if (!(outcome instanceof Error)) await (await opening).close();
  throw new Error('Opening did not throw a StartError.', { cause: outcome });
}

describe('a file that a server uses', () => {
  test('cannot be opened by a second server under any name, until the first has stopped', async () => {
    const { path, journal, close } = await openStore();
    const runId = newRunId();
    await append(journal, runId, 0, ...opening);
    const folder = await makeFolder();
    await symlink(path, join(folder, 'linked.db'));
    await symlink(join(path, '..'), join(folder, 'linked'));
    for (const name of [path, join(folder, 'linked.db'), join(folder, 'linked', 'runtape.db')]) {
      expect(await startFailure(name)).toMatch(/^Another server uses .*runtape\.db\. Stop it, name another file/);
    }
    expect(await readAll(journal, runId)).toHaveLength(2);
    await close();
    expect(await readAll((await openStore(path)).journal, runId)).toHaveLength(2);
  });

  test('can be read by other processes, and not written', async () => {
    const { path, journal } = await openStore();
    await append(journal, newRunId(), 0, ...opening);
    const reading = await openSqliteForReading(`file:${path}`);
    try {
      expect(await reading.reader.event.count()).toBe(2);
      await expect(reading.write((client) => client.purge.create({ data: { sessionId: 'x' } }))).rejects.toMatchObject({
        name: 'StoreError',
      });
    } finally {
      await reading.close();
    }
  });
});

describe('a path that cannot be a database', () => {
  test('a directory', async () => {
    const folder = await makeFolder();
    expect(await startFailure(folder)).toBe(
      `DATABASE_URL names a directory: ${folder}. Name a file in it, for example ${folder}/runtape.db.`,
    );
  });

  test.each(['runtape.db', 'deeper/runtape.db'])('%s below a regular file', async (name) => {
    const file = join(await makeFolder(), 'file');
    await writeFile(file, '');
    const path = join(file, name);
    expect(await startFailure(path)).toContain(`The database ${path} cannot be written: `);
    await expect(openSqliteForReading(`file:${path}`)).rejects.toThrow(`There is no database ${path}.`);
  });

  test('a file of another kind, which stays unchanged', async () => {
    const path = join(await makeFolder(), 'letter.txt');
    const text = 'This text is not a database. '.repeat(100);
    await writeFile(path, text);
    expect(await startFailure(path)).toBe(`The database ${path} cannot be used: file is not a database`);
    expect(await readFile(path, 'utf8')).toBe(text);
  });

  test('a path whose lock file cannot be created', async () => {
    const path = join(await makeFolder(), 'runtape.db');
    await mkdir(`${path}-lock`);
    expect(await startFailure(path)).toContain(`The database ${path} cannot be locked with ${path}-lock: `);
    expect(existsSync(path)).toBe(false);
  });
});

test('the folders of a new file are created, and a failed start keeps no lock', async () => {
  const folder = await makeFolder();
  const path = join(folder, 'a', 'b', 'runtape.db');
  await mkdir(path, { recursive: true });
  await startFailure(path);
  const { journal } = await openStore(join(folder, 'c', 'd', 'runtape.db'));
  await append(journal, newRunId(), 0, ...opening);
});

test('a start that fails after the migrations closes the file and releases the lock', async () => {
  const path = join(await makeFolder(), 'runtape.db');
  await migrateSqlite(path, await readMigrations('sqlite'), systemClock);
  // A reader prevents the change to WAL, which the first connection after the migrations makes.
  const other = new BetterSqlite(path);
  other.exec('BEGIN');
  other.prepare('SELECT count(*) FROM "Tape"').get();
  expect(await startFailure(path)).toBe(`The database ${path} cannot be used: database is locked`);
  other.close();
  expect(await openFilesBelow(path)).toEqual([]);
  const { journal } = await openStore(path);
  await append(journal, newRunId(), 0, ...opening);
});

/** The open files of this process whose paths begin with this one; none on systems without /proc. */
async function openFilesBelow(path: string): Promise<string[]> {
  const descriptors = await readdir('/proc/self/fd').catch(() => []);
  const paths = await Promise.all(descriptors.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')));
  return paths.filter((file) => file.startsWith(path));
}
