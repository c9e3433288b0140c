import { expect, test } from 'vitest';
import { rowOf } from '../../../src/database/statement.ts';
import { defineTable } from '../../../src/database/table.ts';

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

test('a selected row is the same, whichever way the driver returns its values', () => {
  const select = pets.select(() => '');
  expect(rowOf(select, ['a', 'Mia', 'CAT', 3n, '1970-01-01T00:00:00.000+00:00', 1])).toEqual(pet);
  expect(rowOf(select, ['a', null, 'CAT', '3', new Date(0), true])).toEqual({ ...pet, name: null });
});

test('of the rows of one commit, an insert writes all, and a replacement or an update the last with each key', () => {
  expect(pets.insert({ order: 10 })(pet).statement).toMatchObject({ order: 10, distinct: null });
  expect(pets.insert({ order: 11, replace: { key: ['id'] } })(pet).statement).toMatchObject({
    order: 11,
    distinct: ['id'],
  });
  const update = pets.update({ order: 20, key: ['id', 'name'], set: ['age'] });
  expect(update(pet).statement).toMatchObject({ order: 20, distinct: ['id', 'name'] });
});
