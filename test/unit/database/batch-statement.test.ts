import { describe, expect, test } from 'vitest';
import {
  type BatchStatement,
  batchInsert,
  batchUpdate,
  databaseTime,
  groupRows,
  optionalDatabaseTime,
  type Row,
} from '../../../src/database/batch-statement.ts';

const shape = {
  name: 'pets',
  order: 10,
  table: 'Pet',
  columns: { id: 'text', name: 'text', age: 'int', bornAt: 'timestamptz' },
  key: ['id'],
  replace: [],
};

const into = 'INSERT INTO "Pet" ("id", "name", "age", "bornAt")';
const element = ['id', 'name', 'age', 'bornAt'].map((name) => `element.value ->> '${name}'`).join(', ');
const records = 'jsonb_to_recordset($1::jsonb) AS element("id" text, "name" text, "age" int, "bornAt" timestamptz)';

describe('an insert', () => {
  test('takes all rows as one parameter, in both dialects', () => {
    const statement = batchInsert({ ...shape, onConflict: 'refuse' });
    // SQLite needs the WHERE to tell the ON of a conflict from that of a join.
    expect(statement.sqlite).toBe(`${into} SELECT ${element} FROM json_each(?) AS element WHERE true`);
    expect(statement.postgresql).toBe(`${into} SELECT "id", "name", "age", "bornAt" FROM ${records}`);
    expect(statement).toMatchObject({ name: 'pets', order: 10, distinct: null });
  });

  test('keeps what is there, where it should', () => {
    const { sqlite, postgresql, distinct } = batchInsert({ ...shape, onConflict: 'keep' });
    expect(sqlite).toMatch(/ ON CONFLICT DO NOTHING$/);
    expect(postgresql).toMatch(/ ON CONFLICT DO NOTHING$/);
    expect(distinct).toBeNull();
  });

  test('replaces the columns that it names', () => {
    const statement = batchInsert({ ...shape, replace: ['name', 'age'], onConflict: 'replace' });
    const set = ' ON CONFLICT ("id") DO UPDATE SET "name" = excluded."name", "age" = excluded."age"';
    expect(statement.sqlite?.endsWith(set)).toBe(true);
    expect(statement.postgresql.endsWith(set)).toBe(true);
    expect(statement.distinct).toEqual(['id']);
  });
});

test('an update sets every column that is not of the key', () => {
  const { sqlite, postgresql, distinct } = batchUpdate({
    name: 'age',
    order: 20,
    table: 'Pet',
    key: ['id', 'name'],
    columns: { id: 'text', name: 'text', age: 'int' },
  });
  expect(sqlite).toBe(
    `UPDATE "Pet" SET "age" = element.value ->> 'age' FROM json_each(?) AS element WHERE "Pet"."id" = element.value ->> 'id' AND "Pet"."name" = element.value ->> 'name'`,
  );
  expect(postgresql).toBe(
    `UPDATE "Pet" SET "age" = element."age" FROM jsonb_to_recordset($1::jsonb) AS element("id" text, "name" text, "age" int) WHERE "Pet"."id" = element."id" AND "Pet"."name" = element."name"`,
  );
  expect(distinct).toEqual(['id', 'name']);
});

function statement(name: string, order: number, distinct: string[] | null = null): BatchStatement {
  return { name, order, distinct, sqlite: name, postgresql: `${name} there` };
}

function grouped(...writes: [BatchStatement, Row][]): [string, unknown][] {
  const groups = groupRows(
    writes.map(([each, row]) => ({ statement: each, row })),
    'sqlite',
  );
  return groups.map(({ sql, rows }) => [sql, JSON.parse(rows)]);
}

describe('the rows of one transaction', () => {
  const first = statement('first', 1);
  const second = statement('second', 2);

  test('go together by statement, and what is referred to comes first', () => {
    expect(grouped([second, { id: 1 }], [first, { id: 2 }], [second, { id: 3 }], [first, { id: 2 }])).toEqual([
      ['first', [{ id: 2 }, { id: 2 }]],
      ['second', [{ id: 1 }, { id: 3 }]],
    ]);
    expect(grouped()).toEqual([]);
  });

  test('that stand for the same thing are written once, as the last one says', () => {
    const latest = statement('latest', 1, ['a', 'b']);
    const rows: Row[] = [
      { a: 1, b: 'x', value: 'old' },
      { a: '1', b: 'x', value: 'another' },
      { a: 1, b: null, value: 'a third' },
      { a: 1, b: 'x', value: 'new' },
    ];
    expect(grouped(...rows.map((row): [BatchStatement, Row] => [latest, row]))).toEqual([
      ['latest', [rows[3], rows[1], rows[2]]],
    ]);
  });
});

test('times are texts that sort as the times do', () => {
  expect(databaseTime(Date.UTC(2026, 1, 3, 4, 5, 6, 7))).toBe('2026-02-03T04:05:06.007+00:00');
  expect([0, 999, 1000, 86_400_000, 1e12].map(databaseTime)).toEqual(
    [0, 999, 1000, 86_400_000, 1e12].map(databaseTime).sort(),
  );
  expect(optionalDatabaseTime(null)).toBeNull();
  expect(optionalDatabaseTime(0)).toBe('1970-01-01T00:00:00.000+00:00');
});
