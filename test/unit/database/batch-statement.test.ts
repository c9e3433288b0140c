import { describe, expect, test } from 'vitest';
import {
  type BatchStatement,
  batchWriter,
  bindRows,
  databaseTime,
  executeWrites,
  groupRows,
  type Row,
} from '../../../src/database/batch-statement.ts';

function statement(name: string, order: number, distinct: string[] | null = null): BatchStatement {
  return { order, distinct, sqlite: { sql: name, columns: ['id'] }, postgresql: `${name} of Postgres` };
}

function grouped(...writes: [BatchStatement, Row][]): [string, unknown][] {
  const groups = groupRows(writes.map(([each, row]) => ({ statement: each, row })));
  return groups.map(({ sql, rows }) => [sql, JSON.parse(rows)]);
}

describe('the rows of one transaction', () => {
  const first = statement('first', 1);
  const second = statement('second', 2);

  test('are grouped by statement, in the order of the statements', () => {
    expect(grouped([second, { id: 1 }], [first, { id: 2 }], [second, { id: 3 }], [first, { id: 2 }])).toEqual([
      ['first of Postgres', [{ id: 2 }, { id: 2 }]],
      ['second of Postgres', [{ id: 1 }, { id: 3 }]],
    ]);
    expect(grouped()).toEqual([]);
  });

  test('with equal keys are written once, with the values of the last one', () => {
    const latest = statement('latest', 1, ['a', 'b']);
    const rows: Row[] = [
      { a: 1, b: 'x', value: 'old' },
      { a: '1', b: 'x', value: 'another' },
      { a: 1, b: null, value: 'a third' },
      { a: 1, b: 'x', value: 'new' },
    ];
    expect(grouped(...rows.map((row): [BatchStatement, Row] => [latest, row]))).toEqual([
      ['latest of Postgres', [rows[3], rows[1], rows[2]]],
    ]);
  });

  test('are executed in a transaction of the Prisma client', async () => {
    const executed: unknown[][] = [];
    const transaction = {
      async $executeRawUnsafe(...sqlAndParameters: unknown[]) {
        executed.push(sqlAndParameters);
        return 1;
      },
    };
    const writes = [
      { statement: second, row: { id: 1 } },
      { statement: first, row: { id: 2 } },
      { statement: second, row: { id: 3 } },
    ];
    await executeWrites(transaction, 'postgresql', writes);
    await executeWrites(transaction, 'sqlite', writes);
    expect(executed).toEqual([
      ['first of Postgres', '[{"id":2}]'],
      ['second of Postgres', '[{"id":1},{"id":3}]'],
      ['first', 2],
      ['second', 1],
      ['second', 3],
    ]);
  });
});

describe('a batch statement', () => {
  test('takes all of its rows as one JSON parameter on Postgres, and each row as parameters on SQLite', () => {
    const write = batchWriter<{ id: string; age: number | null; isTame: boolean }>(
      { order: 1, columns: { id: 'text', age: 'int', isTame: 'boolean' } },
      ({ rows, value }) => `SELECT ${value('age')} FROM ${rows}`,
    );
    const writes = [write({ id: 'a', age: 1, isTame: true }), write({ isTame: false, age: null, id: `'b'` })];
    const [group, ...others] = groupRows(writes);
    expect(others).toEqual([]);
    expect(JSON.parse(group?.rows ?? '')).toEqual([
      { id: 'a', age: 1, isTame: true },
      { id: `'b'`, age: null, isTame: false },
    ]);
    expect(bindRows(writes)).toEqual([
      {
        sql: 'SELECT element."age" FROM (SELECT ? AS "id", ? AS "age", ? AS "isTame") AS element',
        rows: [
          ['a', 1, 1],
          [`'b'`, null, 0],
        ],
      },
    ]);
  });

  test('for Postgres only is left out on SQLite', () => {
    const write = batchWriter<{ id: string }>(
      { order: 1, columns: { id: 'text' }, postgresqlOnly: true },
      ({ dialect }) => dialect,
    );
    expect(bindRows([write({ id: 'a' })])).toEqual([]);
    expect(groupRows([write({ id: 'a' })])).toHaveLength(1);
  });

  test('takes times as dates or epoch milliseconds', () => {
    const write = batchWriter<{ at: Date; until: Date | null }>(
      { order: 1, columns: { at: 'timestamp', until: 'timestamp' } },
      () => '',
    );
    const time = '1970-01-01T00:00:00.000+00:00';
    expect(write({ at: 0, until: null }).row).toEqual({ at: time, until: null });
    expect(write({ at: new Date(0), until: new Date(0) }).row).toEqual({ at: time, until: time });
  });
});

test('stored times sort like the times', () => {
  expect(databaseTime(Date.UTC(2026, 1, 3, 4, 5, 6, 7))).toBe('2026-02-03T04:05:06.007+00:00');
  const times = [0, 999, 1000, 86_400_000, 1e12];
  expect(times.map(databaseTime)).toEqual(times.map(databaseTime).sort());
});
