import { expect, test } from 'vitest';
import { groupRows, type RowWrite } from '../../../src/database/batch-statement.ts';
import { rowOf } from '../../../src/database/statement.ts';
import { defineTable, deleteRows } from '../../../src/database/table.ts';

interface Pet {
  id: string;
  name: string | null;
  kind: 'CAT' | 'DOG';
  age: number;
  bornAt: Date;
  isTame: boolean;
}

const pets = defineTable<Pet>('Pet', {
  id: 'text',
  name: 'text',
  kind: '"PetKind"',
  age: 'int',
  bornAt: 'timestamp',
  isTame: 'boolean',
});
const pet: Pet = { id: 'a', name: 'Mia', kind: 'CAT', age: 3, bornAt: new Date(0), isTame: true };

const sqlite = (write: RowWrite) => groupRows([write], 'sqlite')[0]?.sql;
const postgresql = (write: RowWrite) => groupRows([write], 'postgresql')[0]?.sql;
const fromJson = (...names: string[]) => names.map((name) => `(element.value ->> '${name}')`).join(', ');
const fromRecords = (...names: string[]) => names.map((name) => `element."${name}"`).join(', ');

test('an insert writes all rows of one parameter, in both dialects', () => {
  const write = pets.insert({ order: 10 })(pet);
  const into = 'INSERT INTO "Pet" ("id", "name", "kind", "age", "bornAt", "isTame")';
  const names = ['id', 'name', 'kind', 'age', 'bornAt', 'isTame'];
  // SQLite needs the WHERE clause to tell ON CONFLICT from the ON of a join.
  expect(sqlite(write)).toBe(`${into} SELECT ${fromJson(...names)} FROM json_each(?) AS element WHERE true`);
  expect(postgresql(write)).toBe(
    `${into} SELECT ${fromRecords(...names)} FROM jsonb_to_recordset($1::jsonb) AS element("id" text, "name" text, "kind" "PetKind", "age" int, "bornAt" timestamp, "isTame" boolean) WHERE true`,
  );
  expect(write.statement).toMatchObject({ order: 10, distinct: null });
  expect(write.row).toEqual({ ...pet, bornAt: '1970-01-01T00:00:00.000+00:00' });
});

test('an insert can leave nullable columns out', () => {
  const { name: _, ...unnamed } = pet;
  expect(sqlite(pets.insert({ order: 10, omit: ['name'] })(unnamed))).toBe(
    `INSERT INTO "Pet" ("id", "kind", "age", "bornAt", "isTame") SELECT ${fromJson('id', 'kind', 'age', 'bornAt', 'isTame')} FROM json_each(?) AS element WHERE true`,
  );
});

test('an insert that replaces a row replaces every column but the key and the fixed ones', () => {
  const write = pets.insert({ order: 10, replace: { key: ['id'], fixed: ['kind', 'bornAt'] } })(pet);
  const conflict =
    ' ON CONFLICT ("id") DO UPDATE SET "name" = excluded."name", "age" = excluded."age", "isTame" = excluded."isTame"';
  expect(sqlite(write)?.endsWith(conflict)).toBe(true);
  expect(postgresql(write)?.endsWith(conflict)).toBe(true);
  expect(write.statement.distinct).toEqual(['id']);
});

test('an update sets the named columns of the row with the key', () => {
  const write = pets.update({ order: 20, key: ['id', 'name'], set: ['age'] })({ id: 'a', name: 'Mia', age: 4 });
  expect(sqlite(write)).toBe(
    `UPDATE "Pet" SET "age" = (element.value ->> 'age') FROM json_each(?) AS element WHERE "Pet"."id" = (element.value ->> 'id') AND "Pet"."name" = (element.value ->> 'name')`,
  );
  expect(postgresql(write)).toBe(
    `UPDATE "Pet" SET "age" = element."age" FROM jsonb_to_recordset($1::jsonb) AS element("id" text, "name" text, "age" int) WHERE "Pet"."id" = element."id" AND "Pet"."name" = element."name"`,
  );
  expect(write.statement.distinct).toEqual(['id', 'name']);
});

test('a deletion deletes the rows with one value', () => {
  const write = deleteRows('Pet', 'name', 5)('Mia');
  expect(sqlite(write)).toBe(
    `DELETE FROM "Pet" WHERE "name" IN (SELECT (element.value ->> 'value') FROM json_each(?) AS element)`,
  );
  expect(write.row).toEqual({ value: 'Mia' });
});

test('a selection returns whole rows, whichever way the driver returns values', () => {
  const select = pets.select(({ inIds }) => `WHERE "id" ${inIds}`);
  const columns = ['id', 'name', 'kind', 'age', 'bornAt', 'isTame'].map((name) => `"Pet"."${name}"`).join(', ');
  expect(select.sqlite).toBe(`SELECT ${columns} FROM "Pet" WHERE "id" IN (SELECT value FROM json_each(?))`);
  expect(select.postgresql).toBe(
    `SELECT ${columns} FROM "Pet" WHERE "id" IN (SELECT jsonb_array_elements_text($1::jsonb))`,
  );
  expect(rowOf(select, ['a', 'Mia', 'CAT', 3n, '1970-01-01T00:00:00.000+00:00', 1])).toEqual(pet);
  expect(rowOf(select, ['a', null, 'CAT', '3', new Date(0), true])).toEqual({ ...pet, name: null });
});
