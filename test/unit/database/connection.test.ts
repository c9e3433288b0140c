import { statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { type Connection, openConnection } from '../../../src/database/sqlite/connection.ts';
import { asynchronousConnection, type ConnectionCall, execute } from '../../../src/database/sqlite/connection-call.ts';
import type { Statement } from '../../../src/database/statement.ts';
import { makeFolder } from '../../sqlite-files.ts';

const pragmas = [{ name: 'journal_mode', value: 'WAL', reported: 'wal' }];
const insert = (...values: number[]) => ({
  sql: 'INSERT INTO "Number" VALUES (?)',
  rows: values.map((value) => [value]),
});
const numbers: Pick<Statement<{ value: number }>, 'columns' | 'sqlite'> = {
  columns: { value: 'int' },
  sqlite: 'SELECT "value" FROM "Number" ORDER BY "value"',
};
const valuesOf = (connection: Connection) => connection.select(numbers, []).map(({ value }) => value);

/** A table of different numbers in a file. Other connections are opened to the same file. */
async function openNumbers() {
  const path = join(await makeFolder(), 'numbers.db');
  const open = () => {
    const connection = openConnection(path, pragmas);
    onTestFinished(() => connection.close());
    return connection;
  };
  const connection = open();
  connection.commit([{ sql: 'CREATE TABLE "Number" ("value" INTEGER PRIMARY KEY)', rows: [[]] }]);
  return { path, connection, open };
}

test.each([
  ['one statement', [insert(1, 2, 1)]],
  ['several statements', [insert(1), insert(2), insert(1)]],
])('a commit of %s that fails stores none of its rows, and the next one is stored', async (_, groups) => {
  const { connection, open } = await openNumbers();
  expect(() => connection.commit(groups)).toThrow('UNIQUE');
  expect(valuesOf(connection)).toEqual([]);
  connection.commit([insert(3), insert(4)]);
  connection.commit([insert(5)]);
  expect(valuesOf(open())).toEqual([3, 4, 5]);
});

test('an empty commit is one', async () => {
  const { connection } = await openNumbers();
  connection.commit([]);
  connection.commit([insert()]);
  expect(valuesOf(connection)).toEqual([]);
});

test('the write-ahead log becomes empty unless somebody reads, and the size is that of the file', async () => {
  const { path, connection, open } = await openNumbers();
  const logBytes = () => statSync(`${path}-wal`).size;
  connection.commit([insert(...Array.from({ length: 5000 }, (_, index) => index))]);
  expect(logBytes()).toBeGreaterThan(0);
  expect(connection.truncateLog()).toBe(true);
  expect(logBytes()).toBe(0);
  expect(connection.bytes()).toBe(statSync(path).size);
  const reader = open();
  reader.commit([{ sql: 'BEGIN', rows: [[]] }]);
  valuesOf(reader);
  connection.commit([insert(9000)]);
  expect(connection.truncateLog()).toBe(false);
});

test('a call that is sent as a message returns what the method returns', async () => {
  const { connection } = await openNumbers();
  const methods: ConnectionCall['method'][] = [];
  const sent = asynchronousConnection(async (call) => {
    methods.push(call.method);
    return execute(connection, structuredClone(call));
  });
  await sent.commit([insert(1, 2)]);
  expect(await sent.select(numbers, [])).toEqual([{ value: 1 }, { value: 2 }]);
  expect(await sent.truncateLog()).toBe(true);
  expect(methods).toEqual(['commit', 'select', 'truncateLog']);
  await expect(sent.commit([insert(1)])).rejects.toThrow('UNIQUE');
});
