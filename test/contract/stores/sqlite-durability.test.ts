import { join } from 'node:path';
import BetterSqlite from 'better-sqlite3';
import { describe, expect, onTestFinished, test } from 'vitest';
import { StartError } from '../../../src/config/start-error.ts';
import { openConnection } from '../../../src/database/sqlite/connection.ts';
import { checkPragma, readOnlyPragmas, writePragmas } from '../../../src/database/sqlite/pragma.ts';
import { openSqlite, openSqliteForReading } from '../../../src/database/sqlite/sqlite.ts';
import { makeFolder } from '../../sqlite-files.ts';
import { append, newRunId, opening } from '../appends.ts';
import { openStore } from './sqlite-store.ts';

interface WatchedConnections {
  used: Set<BetterSqlite.Database>;
  /** The settings of the connections that were closed. */
  closed: string[];
}

/** Collects the connections that are used until the test ends, also those that Prisma or new code opens. */
function watchConnections(): WatchedConnections {
  const watched: WatchedConnections = { used: new Set(), closed: [] };
  const { prepare, pragma, close } = BetterSqlite.prototype;
  Object.assign(BetterSqlite.prototype, {
    prepare(this: BetterSqlite.Database, ...parameters: Parameters<typeof prepare>) {
      watched.used.add(this);
      return prepare.apply(this, parameters);
    },
    pragma(this: BetterSqlite.Database, ...parameters: Parameters<typeof pragma>) {
      watched.used.add(this);
      return pragma.apply(this, parameters);
    },
    close(this: BetterSqlite.Database) {
      if (watched.used.has(this) && !this.name.endsWith('-lock')) watched.closed.push(settingsOf(this));
      return close.call(this);
    },
  });
  onTestFinished(() => void Object.assign(BetterSqlite.prototype, { prepare, pragma, close }));
  return watched;
}

function settingsOf(connection: BetterSqlite.Database): string {
  const read = (name: string) => `${name}=${connection.pragma(name, { simple: true })}`;
  if (read('query_only') === 'query_only=1') return 'reads only';
  return ['journal_mode', 'synchronous', 'foreign_keys'].map(read).join(' ');
}

/** The settings of the open connections to the file. */
function openSettings({ used }: WatchedConnections, path: string): string[] {
  return [...used]
    .filter(({ open, name }) => open && name === path)
    .map(settingsOf)
    .sort();
}

const durable = 'journal_mode=wal synchronous=2 foreign_keys=1';

describe('every connection that writes', () => {
  test('uses a write-ahead log and syncs it at each commit', async () => {
    const connections = watchConnections();
    const { path, database, journal, close } = await openStore(join(await makeFolder(), 'new.db'));
    const writeAndRead = async () => {
      await append(journal, newRunId(), 0, ...opening);
      await database.write((client) =>
        client.$transaction(async (transaction) => {
          await transaction.purge.create({ data: { sessionId: newRunId() } });
        }),
      );
      await database.reader.purge.count();
    };
    await writeAndRead();
    expect(openSettings(connections, path)).toEqual([durable, durable, 'reads only', 'reads only']);
    await close();
    // The migrator creates the file before the write-ahead log is switched on.
    const migrator = 'journal_mode=delete synchronous=2 foreign_keys=0';
    expect(connections.closed.sort()).toEqual([migrator, durable, durable, 'reads only', 'reads only']);

    const reopened = await openStore(path);
    await append(reopened.journal, newRunId(), 0, ...opening);
    expect(openSettings(connections, path)).toEqual([durable, 'reads only', 'reads only']);
    await reopened.database.write((client) => client.purge.deleteMany());
    expect(openSettings(connections, path)).toEqual([durable, durable, 'reads only', 'reads only']);
    expect(connections.closed.at(-1)).toBe('journal_mode=wal synchronous=2 foreign_keys=0');
  });

  test('syncs less with the durability `normal`, which is documented', async () => {
    const connections = watchConnections();
    const path = join(await makeFolder(), 'runtape.db');
    const database = await openSqlite({ url: `file:${path}`, durability: 'normal' });
    onTestFinished(() => database.close());
    await database.write((client) => client.purge.count());
    const normal = durable.replace('synchronous=2', 'synchronous=1');
    expect(openSettings(connections, path)).toEqual([normal, normal, 'reads only', 'reads only']);
  });
});

test('opening for reading opens no connection that writes', async () => {
  const { path } = await openStore();
  const connections = watchConnections();
  const reading = await openSqliteForReading(`file:${path}`);
  onTestFinished(() => reading.close());
  await reading.reader.event.count();
  await expect(reading.write((client) => client.purge.deleteMany())).rejects.toThrow();
  expect(openSettings(connections, path)).toEqual(['reads only', 'reads only', 'reads only', 'reads only']);
});

describe('a setting that SQLite refuses', () => {
  test('stops the start: a database in memory has no write-ahead log', () => {
    const open = () => openConnection(':memory:', writePragmas('full'));
    expect(open).toThrow(StartError);
    expect(open).toThrow('SQLite refused "journal_mode = WAL" for the database :memory:: it uses "memory".');
  });

  test.each([...writePragmas('full'), ...readOnlyPragmas])('is noticed by the answer: $name', (pragma) => {
    expect(() => checkPragma('/data/runtape.db', pragma, pragma.reported)).not.toThrow();
    for (const answer of ['delete', '0', undefined]) {
      expect(() => checkPragma('/data/runtape.db', pragma, answer)).toThrow(StartError);
    }
  });
});
