import { describe, expect, test } from 'vitest';
import { batchWriter } from '../../../src/database/batch-statement.ts';
import type { Database, Provider } from '../../../src/database/database.ts';
import { idList } from '../../../src/database/statement.ts';
import { defineTable, deleteRows } from '../../../src/database/table.ts';
import { stores } from './both-stores.ts';

interface Pet {
  id: string;
  name: string | null;
  kind: 'CAT' | 'DOG';
  age: number;
  weight: number | null;
  bornAt: Date;
  isTame: boolean;
}

const pets = defineTable<Pet>('Pet', {
  id: 'text',
  name: 'text',
  kind: '"PetKind"',
  age: 'int',
  weight: 'double precision',
  bornAt: 'timestamp',
  isTame: 'boolean',
});
const insertPet = pets.insert({ order: 10 });
const byIds = pets.select(({ inIds }) => `WHERE "id" ${inIds} ORDER BY "id"`);

const mia: Pet = { id: 'a', name: 'Mia', kind: 'CAT', age: 3, weight: 4.5, bornAt: new Date(7), isTame: true };
const rex: Pet = { ...mia, id: 'b', name: null, kind: 'DOG', age: 2 ** 31 - 1, weight: null, isTame: false };
/** Characters that mean something in SQL, in JSON or in neither. */
const odd: Pet = {
  ...mia,
  id: `c'"\\$1?\n😀`,
  name: `{"name": '?'}; --`,
  bornAt: new Date(Date.UTC(2026, 1, 3, 4, 5, 6, 7)),
};

const tableSql: Record<Provider, string[]> = {
  sqlite: [
    'CREATE TABLE "Pet" ("id" TEXT PRIMARY KEY, "name" TEXT, "kind" TEXT NOT NULL, "age" INTEGER, "weight" REAL, "bornAt" DATETIME, "isTame" BOOLEAN)',
  ],
  postgresql: [
    `CREATE TYPE "PetKind" AS ENUM ('CAT', 'DOG')`,
    'CREATE TABLE "Pet" ("id" text PRIMARY KEY, "name" text, "kind" "PetKind" NOT NULL, "age" int, "weight" float8, "bornAt" timestamp(3), "isTame" boolean)',
  ],
};

async function createPets(database: Database): Promise<void> {
  for (const sql of tableSql[database.provider]) await database.write((client) => client.$executeRawUnsafe(sql));
}

describe.each(stores)('a table on %s', (provider, open) => {
  async function openWithPets(...stored: Pet[]) {
    const { database } = await open();
    await createPets(database);
    await database.commit(stored.map(insertPet));
    const read = (...ids: string[]) => database.query(byIds, idList(ids));
    return { database, read, readAll: () => read('a', 'b', odd.id) };
  }

  test('returns the rows that were inserted, with the same values', async () => {
    const { read, readAll } = await openWithPets(mia, rex, odd);
    expect(await readAll()).toEqual([mia, rex, odd]);
    expect(await read('b', 'missing')).toEqual([rex]);
    expect(await read()).toEqual([]);
  });

  test('refuses a second row with the same key, and with it all rows of the commit', async () => {
    const { database, readAll } = await openWithPets(mia);
    await expect(database.commit([insertPet(rex), insertPet({ ...mia, age: 4 })])).rejects.toMatchObject({
      failure: 'constraint',
    });
    expect(await readAll()).toEqual([mia]);
  });

  test('leaves omitted columns null', async () => {
    const { database, readAll } = await openWithPets();
    const { name: _, ...unnamed } = mia;
    await database.commit([pets.insert({ order: 10, omit: ['name'] })(unnamed)]);
    expect(await readAll()).toEqual([{ ...mia, name: null }]);
  });

  test('replaces every column of a stored row but the key and the fixed ones', async () => {
    const { database, readAll } = await openWithPets(mia);
    const replace = pets.insert({ order: 10, replace: { key: ['id'], fixed: ['kind', 'bornAt'] } });
    const older = { ...mia, name: null, kind: 'DOG', age: 4, weight: 5, bornAt: new Date(9), isTame: false } as const;
    await database.commit([replace({ ...older, age: 1 }), replace(rex), replace(older)]);
    expect(await readAll()).toEqual([{ ...older, kind: 'CAT', bornAt: mia.bornAt }, rex]);
  });

  test('sets the named columns of the row with the whole key', async () => {
    const { database, readAll } = await openWithPets(mia, { ...mia, id: 'b' });
    const update = pets.update({ order: 20, key: ['id', 'name'], set: ['age', 'isTame'] });
    const change = { id: 'a', name: 'Mia', age: 4, isTame: false };
    await database.commit([update({ ...change, age: 9 }), update(change), update({ ...change, id: 'b', name: 'Rex' })]);
    expect(await readAll()).toEqual([
      { ...mia, age: 4, isTame: false },
      { ...mia, id: 'b' },
    ]);
  });

  test('loses the rows with a deleted value, and no other', async () => {
    const { database, readAll } = await openWithPets(mia, { ...mia, id: 'b' }, odd);
    await database.commit([deleteRows('Pet', 'name', 5)('Mia')]);
    expect(await readAll()).toEqual([odd]);
  });

  test('takes times as dates or epoch milliseconds, and compares them as times', async () => {
    const { database, read } = await openWithPets(mia, rex);
    const update = pets.update({ order: 20, key: ['id'], set: ['bornAt'] });
    await database.commit([update({ id: 'a', bornAt: 1_767_225_600_123 }), update({ id: 'b', bornAt: new Date(999) })]);
    expect((await read('a', 'b')).map(({ bornAt }) => bornAt.getTime())).toEqual([1_767_225_600_123, 999]);
    const ageBefore = batchWriter<{ before: Date }>(
      { order: 30, columns: { before: 'timestamp' } },
      ({ rows, value }) => `UPDATE "Pet" SET "age" = 0 FROM ${rows} WHERE "bornAt" < ${value('before')}`,
    );
    await database.commit([ageBefore({ before: new Date(1000) })]);
    expect((await read('a', 'b')).map(({ age }) => age)).toEqual([3, 0]);
  });

  test('is written by the statements of one commit in their order, whatever the order of the rows', async () => {
    const { database, readAll } = await openWithPets();
    const update = pets.update({ order: 20, key: ['id'], set: ['age'] });
    const deletion = deleteRows('Pet', 'name', 5)('Mia');
    await database.commit([update({ id: 'a', age: 9 }), insertPet(mia), deletion]);
    expect(await readAll()).toEqual([{ ...mia, age: 9 }]);
  });

  test('is not changed by a statement that its store leaves out', async () => {
    const { database, readAll } = await openWithPets(mia);
    const age = batchWriter<{ id: string }>(
      { order: 1, columns: { id: 'text' }, postgresqlOnly: true },
      ({ rows, value }) => `UPDATE "Pet" SET "age" = 0 FROM ${rows} WHERE "Pet"."id" = ${value('id')}`,
    );
    await database.commit([age({ id: 'a' })]);
    expect(await readAll()).toEqual([{ ...mia, age: provider === 'sqlite' ? 3 : 0 }]);
  });
});
