import { existsSync } from 'node:fs';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { StartError } from '../../../src/config/start-error.ts';
import { openSqlite, openSqliteForReading } from '../../../src/database/sqlite/sqlite.ts';
import { append, newRunId, opening, readAll } from '../appends.ts';
import { makeFolder, openStore } from './sqlite-store.ts';

/** What somebody who starts a server on this file is told. */
async function startFailure(path: string): Promise<string> {
  const opened = openSqlite({ url: `file:${path}`, durability: 'full' });
  const outcome = await opened.catch((error: unknown) => error);
  if (outcome instanceof StartError) return outcome.message;
  if (!(outcome instanceof Error)) await (await opened).close();
  throw new Error('No StartError.', { cause: outcome });
}

describe('a file that a server holds', () => {
  test('is refused to a second one, by whatever name, and free when it has stopped', async () => {
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

  test('can be looked at, and not written, by others', async () => {
    const { path, journal } = await openStore();
    await append(journal, newRunId(), 0, ...opening);
    const looking = await openSqliteForReading(`file:${path}`);
    try {
      expect(await looking.reader.event.count()).toBe(2);
      await expect(looking.write((client) => client.purge.create({ data: { sessionId: 'x' } }))).rejects.toMatchObject({
        name: 'StoreError',
      });
    } finally {
      await looking.close();
    }
  });
});

describe('what is no place for a database', () => {
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
    expect(await startFailure(path)).toContain(`The database ${path} can not be written: `);
    await expect(openSqliteForReading(`file:${path}`)).rejects.toThrow(`There is no database ${path}.`);
  });

  test('a file that is something else, which stays as it is', async () => {
    const path = join(await makeFolder(), 'letter.txt');
    const text = 'Dear reader, this is no database. '.repeat(100);
    await writeFile(path, text);
    expect(await startFailure(path)).toBe(`The database ${path} can not be used: file is not a database`);
    expect(await readFile(path, 'utf8')).toBe(text);
  });

  test('a place where nothing can be locked', async () => {
    const path = join(await makeFolder(), 'runtape.db');
    await mkdir(`${path}-lock`);
    expect(await startFailure(path)).toContain(`The database ${path} can not be locked with ${path}-lock: `);
    expect(existsSync(path)).toBe(false);
  });
});

test('folders on the way to a new file are made, and a failed start holds nothing', async () => {
  const folder = await makeFolder();
  const path = join(folder, 'a', 'b', 'runtape.db');
  await mkdir(path, { recursive: true });
  await startFailure(path);
  const { journal } = await openStore(join(folder, 'c', 'd', 'runtape.db'));
  await append(journal, newRunId(), 0, ...opening);
});
