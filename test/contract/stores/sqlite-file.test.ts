import { existsSync } from 'node:fs';
import {
  copyFile,
  link,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import BetterSqlite from 'better-sqlite3';
import { describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { StartError } from '../../../src/config/start-error.ts';
import { readMigrations } from '../../../src/database/migrations.ts';
import { migrateSqlite } from '../../../src/database/sqlite/migrate.ts';
import { openSqlite, openSqliteForReading } from '../../../src/database/sqlite/sqlite.ts';
import { statement } from '../../../src/database/statement.ts';
import { makeFolder } from '../../sqlite-files.ts';
import { poll } from '../../until.ts';
import { append, newRunId, opening, readAll } from '../appends.ts';
import { row } from '../subject.ts';
import { openStore } from './sqlite-store.ts';

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

  test('cannot be opened by a second server after its lock file was deleted, however often it is tried', async () => {
    const { path, journal, close } = await openStore();
    await append(journal, newRunId(), 0, ...opening);
    await rm(`${path}-lock`);
    for (let times = 0; times < 2; times += 1)
      expect(await startFailure(path)).toMatch(/^Another server uses .*runtape\.db, or/);
    await append(journal, newRunId(), 0, ...opening);
    await close();
    await openStore(path);
  });

  test('cannot be opened by a second server through a hard link, with and without a lock file of its own', async () => {
    const { path, close } = await openStore();
    const linked = join(await makeFolder(), 'linked.db');
    await link(path, linked);
    expect(await startFailure(linked)).toMatch(/^Another server uses .*linked\.db, or/);
    await close();
    await (await openStore(linked)).close();
    const again = await openStore(path);
    expect(await startFailure(linked)).toMatch(/^Another server uses .*linked\.db, or/);
    await again.close();
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

test('a new database and its lock can be read and written by this user only', async () => {
  const { path, journal } = await openStore(join(await makeFolder(), 'runtape.db'));
  await append(journal, newRunId(), 0, ...opening);
  for (const name of ['', '-wal', '-shm', '-lock']) {
    expect([name, (await stat(`${path}${name}`)).mode & 0o777]).toEqual([name, 0o600]);
  }
});

describe('a database that was lost', () => {
  test('is not replaced by an empty one: the file has 0 bytes', async () => {
    const { path, close } = await openStore();
    await close();
    await truncate(path);
    const message = await startFailure(path);
    expect(message).toBe(
      `The database ${path} is empty, but ${path}-lock says that it was a database. Restore the file from a backup. ` +
        `To begin with an empty database, delete ${path}, ${path}-wal, ${path}-shm and ${path}-lock.`,
    );
    expect((await stat(path)).size).toBe(0);
    for (const name of ['', '-wal', '-shm', '-lock']) await rm(`${path}${name}`, { force: true });
    await openStore(path);
  });

  test.each(['empty', 'missing'])(
    'is not replaced by an empty one: its write-ahead log is left, the file is %s',
    async (state) => {
      const path = join(await makeFolder(), 'runtape.db');
      await writeFile(`${path}-wal`, 'changes');
      if (state === 'empty') await writeFile(path, '');
      expect(await startFailure(path)).toContain(
        `The database ${path} is ${state}, but ${path}-wal holds changes of a database.`,
      );
      expect(await readFile(`${path}-wal`, 'utf8')).toBe('changes');
    },
  );

  test('an empty file that was never a database becomes one', async () => {
    const path = join(await makeFolder(), 'runtape.db');
    await writeFile(path, '');
    await openStore(path);
  });
});

describe('a file that is changed while a server uses it', () => {
  const remove = (path: string) => rm(path);
  const replace = async (path: string) => {
    await copyFile(path, `${path}-backup`);
    await rename(`${path}-backup`, path);
  };
  test.each([
    ['was deleted or moved', '', remove],
    ['was deleted or moved', '', (path: string) => rename(path, `${path}-moved`)],
    ['was replaced', '', replace],
    ['was deleted or moved', '-wal', remove],
  ])('%s (%s): no message is acknowledged any more', async (what, name, change) => {
    const { path, journal, database } = await openStore();
    await append(journal, newRunId(), 0, ...opening);
    await database.check();
    expect(database.problem()).toBeNull();
    await change(`${path}${name}`);
    await systemClock.sleep(PAUSE_MILLISECONDS);
    for (let times = 0; times < 3; times += 1) {
      const failure = await append(journal, newRunId(), 0, ...opening).catch((error: unknown) => error);
      expect(failure).toMatchObject({ name: 'StoreError', failure: 'unavailable' });
      expect(failure).toMatchObject({
        detail: expect.stringContaining(`${path}${name} ${what} while this server used it. Nothing is stored`),
      });
    }
    await expect(database.write((client) => client.purge.create({ data: { sessionId: 'x' } }))).rejects.toMatchObject({
      failure: 'unavailable',
    });
    await expect(database.check()).rejects.toMatchObject({ failure: 'unavailable' });
    expect(database.problem()).toContain(what);
  });

  test('the client that writes, which connects late, does not write to a file that took its place', async () => {
    const { path, database } = await openStore();
    await replace(path);
    await expect(database.write((client) => client.purge.create({ data: { sessionId: 'x' } }))).rejects.toMatchObject({
      failure: 'unavailable',
    });
    const other = new BetterSqlite(path);
    onTestFinished(() => void other.close());
    expect(other.prepare('SELECT count(*) FROM "Purge"').pluck().get()).toBe(0);
  });

  test('nothing is written to a file that took its place, also by a thread that starts then', async () => {
    const threadThresholds = { milliseconds: 0, callers: 0 };
    const { path, database } = await openStore(undefined, undefined, { threadThresholds });
    // The next write starts the thread.
    await database.commit([row('before')]);
    await replace(path);
    await systemClock.sleep(PAUSE_MILLISECONDS);
    let refused = 0;
    // A thread starts in less time than these attempts take.
    await poll(async () => {
      await database.commit([row('after')]).catch(() => {
        refused += 1;
      });
      return refused >= 30;
    });
    const other = new BetterSqlite(path);
    onTestFinished(() => void other.close());
    expect(other.prepare('SELECT "key" FROM "IdempotencyKey" WHERE "key" = \'after\'').all()).toEqual([]);
  });

  test('a write during which it is moved has an unknown outcome: the right file may have it', async () => {
    const { path, database } = await openStore();
    const writing = database.write(async (client) => {
      await client.purge.create({ data: { sessionId: 'x' } });
      await rename(path, `${path}-moved`);
      await systemClock.sleep(PAUSE_MILLISECONDS);
    });
    await expect(writing).rejects.toMatchObject({ failure: 'unknown', detail: expect.stringContaining('moved') });
    const moved = new BetterSqlite(`${path}-moved`);
    onTestFinished(() => void moved.close());
    await rename(`${path}-wal`, `${path}-moved-wal`);
    expect(moved.prepare('SELECT count(*) FROM "Purge"').pluck().get()).toBe(1);
  });

  test('nothing is read from a file that took its place, and the write-ahead log is not moved to it', async () => {
    const { path, database } = await openStore(undefined, undefined, { smallBytes: 0 });
    await copyFile(path, `${path}-backup`);
    const bytes = await readFile(path);
    await database.commit([row('after the backup')]);
    await rename(`${path}-backup`, path);
    const keys = statement<{ key: string }>({ key: 'text' }, () => 'SELECT "key" FROM "IdempotencyKey"');
    const found = await database.query({ ...keys, scansRowsOf: 'ada' }).catch((error: unknown) => error);
    await database.close();
    expect(found).toMatchObject({ failure: 'unavailable' });
    expect((await readFile(path)).equals(bytes)).toBe(true);
  });

  test('is compared once at the most for many commits in a row', async () => {
    const clock = { ...systemClock, elapsed: () => 0 };
    const path = join(await makeFolder(), 'runtape.db');
    const database = await openSqlite({ url: `file:${path}`, durability: 'full', clock });
    onTestFinished(() => database.close());
    await database.write((client) => client.purge.count());
    // By the clock of the server no time passes, so nothing is compared.
    await rm(path);
    for (let times = 0; times < 10; times += 1) await database.write((client) => client.purge.count());
    expect(database.problem()).toBeNull();
  });
});

/** After this time without a comparison the next commit makes one. */
const PAUSE_MILLISECONDS = 30;

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
  expect(await startFailure(path)).toContain(`Another server uses ${path}, or another program has it open: `);
  await writeFile(`${path}-lock`, '');
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
