import {
  buildSchema,
  execute,
  type GraphQLInterfaceType,
  type GraphQLObjectType,
  type GraphQLResolveInfo,
  type GraphQLScalarType,
  parse,
} from 'graphql';
import { expect, test } from 'vitest';
import type { GraphqlContext } from '../../../src/graphql/context.ts';
import { completeList, executeWithLists } from '../../../src/graphql/execution/complete-list.ts';

const schema = buildSchema(`
  type Query { shelf: Shelf asyncShelf: Shelf requiredShelf: Shelf! }
  type Shelf { items: [Item!]! places: [Place!]! nullableItems: [Item] }
  type Place { name: String! item: Item! }
  interface Item { id: ID! title: String size: Size raw: Raw }
  type Book implements Item {
    id: ID! title: String size: Size raw: Raw pages: Int! cover: Cover tags: [String!] chapters: [Cover!]
    author: String asyncTitle: String first(count: Int): String path: String failing: String method: String
  }
  type Box implements Item { id: ID! title: String size: Size raw: Raw weight: Float! }
  type Cover { colour: String! }
  enum Size { SMALL LARGE }
  scalar Raw
`);

function fieldOf(typeName: string, name: string) {
  const field = (schema.getType(typeName) as GraphQLObjectType).getFields()[name];
  if (!field) throw new Error(`The schema has no field ${typeName}.${name}.`);
  return field;
}

/** Lists that `completeList` completed, and calls of the resolver with loaders, since the last operation began. */
const counts = { completedLists: 0, loads: 0 };

for (const name of ['items', 'places', 'nullableItems']) {
  fieldOf('Shelf', name).resolve = (shelf: Record<string, unknown[]>, _args, context, info: GraphQLResolveInfo) => {
    const items = shelf[name] ?? [];
    const resolved = completeList(items, context as GraphqlContext, info);
    if (resolved !== items) counts.completedLists += 1;
    return resolved;
  };
}
fieldOf('Book', 'author').resolve = async (_book, _args, _context) => {
  counts.loads += 1;
  return 'Ada';
};
fieldOf('Book', 'asyncTitle').resolve = async ({ title }) => title;
fieldOf('Book', 'first').resolve = (_book, { count }) => `the first ${count}`;
fieldOf('Book', 'path').resolve = (_book, _args, _context, info) => `${info.parentType.name}.${info.fieldName}`;
fieldOf('Book', 'failing').resolve = (_book) => {
  throw new Error('This field fails.');
};
(schema.getType('Item') as GraphQLInterfaceType).resolveType = ({ __typename }) => __typename;
(schema.getType('Raw') as GraphQLScalarType).serialize = (value) => value;

const book = {
  __typename: 'Book',
  id: 'b',
  title: 'One',
  size: 'LARGE',
  raw: { deep: [1, null] },
  pages: 3,
  cover: { colour: 'red' },
  tags: ['a', 'b'],
  chapters: [{ colour: 'blue' }],
};
const box = { __typename: 'Box', id: 'x', title: null, size: 'SMALL', raw: 'text', weight: 1.5 };
const shelfOf = (items: unknown[]) => ({
  items,
  places: items.map((item, index) => ({ name: `place ${index}`, item })),
  nullableItems: [...items, null],
});

/** Executes with `completeList`, and expects the result of graphql-js alone: same values, same order of keys, same errors. */
async function executeBoth(query: string, items: unknown[], variableValues = {}) {
  const rootValue = {
    shelf: shelfOf(items),
    requiredShelf: shelfOf(items),
    asyncShelf: async () => shelfOf(items),
  };
  const args = { schema, document: parse(query), rootValue, variableValues };
  Object.assign(counts, { completedLists: 0, loads: 0 });
  const result = JSON.stringify(await executeWithLists({ ...args, contextValue: {} }));
  const { completedLists, loads } = counts;
  expect(result).toBe(JSON.stringify(await execute({ ...args, contextValue: {} })));
  return { result, completedLists, loads };
}

test.each([
  ['leaf fields', '{ shelf { items { __typename id title size raw } } }', 1],
  ['aliases and repeated fields', '{ shelf { items { a: id b: id id id name: __typename } } }', 1],
  ['type conditions', '{ shelf { items { id ... on Book { pages title } ... on Box { weight } ... { size } } } }', 1],
  [
    'fragments',
    '{ shelf { items { ...F ...F } } } fragment F on Item { title ...G } fragment G on Book { pages id }',
    1,
  ],
  ['nested objects', '{ shelf { places { name item { id ... on Book { cover { colour } } } } } }', 1],
  ['merged selection sets', '{ shelf { places { item { id } item { title ... on Book { pages } } } } }', 1],
  ['a list that is selected twice', '{ shelf { items { id } items { title } } }', 1],
  ['several lists', '{ asyncShelf { items { id } places { name } } shelf { items { size } } }', 3],
])('completes %s like graphql-js', async (_name, query, completedLists) => {
  expect((await executeBoth(query, [book, box])).completedLists).toBe(completedLists);
  expect((await executeBoth(query, [])).completedLists).toBe(completedLists);
});

test.each([
  ['directives', 'query ($no: Boolean = false) { shelf { items { id title @include(if: $no) } } }'],
  ['directives on fragments', 'query ($no: Boolean = false) { shelf { items { ... @skip(if: $no) { title } } } }'],
  ['arguments', '{ shelf { items { ... on Book { first(count: 2) } } } }'],
  ['resolvers that use loaders', '{ shelf { items { ... on Book { author } } } }'],
  ['resolvers that use the path', '{ shelf { items { ... on Book { path } } } }'],
  ['promises', '{ shelf { items { ... on Book { asyncTitle } } } }'],
  ['resolvers that throw', '{ shelf { items { ... on Book { failing } } } }'],
  ['methods', '{ shelf { items { ... on Book { method } } } }'],
  ['lists in items', '{ shelf { items { ... on Book { tags chapters { colour } } } } }'],
  ['an alias that would set the prototype', '{ shelf { items { __proto__: id } } }'],
])('leaves %s to graphql-js', async (_name, query) => {
  const items = [{ ...book, method: () => 'called' }, box];
  const { completedLists, loads } = await executeBoth(query, items);
  expect(completedLists).toBe(0);
  expect(loads).toBe(query.includes('author') ? 1 : 0);
});

test.each([
  ['null for a non-null field', { ...book, pages: null }],
  ['undefined for a non-null field', { ...book, id: undefined }],
  ['a value that the enum does not have', { ...book, size: 'HUGE' }],
  ['a string for a number', { ...book, pages: 'many' }],
  ['an error as a value', { ...book, title: new Error('The title is missing.') }],
  ['an unknown type', { ...book, __typename: 'Chair' }],
  ['a type that does not implement the interface', { ...book, __typename: 'Cover' }],
  ['an error as an item', new Error('The item is missing.')],
  ['null for a non-null item', null],
])('leaves %s to graphql-js, which reports its message and path', async (_name, item) => {
  for (const root of ['shelf', 'requiredShelf', 'asyncShelf']) {
    const query = `{ ${root} { items { id title size ... on Book { pages } } } other: shelf { places { name } } }`;
    // If the error removes the whole result, the other list is not resolved.
    expect((await executeBoth(query, [box, item])).completedLists).toBeLessThanOrEqual(1);
  }
});

test('completes null for a nullable item', async () => {
  const { result, completedLists } = await executeBoth('{ shelf { nullableItems { id } } }', [book]);
  expect(JSON.parse(result)).toEqual({ data: { shelf: { nullableItems: [{ id: 'b' }, null] } } });
  expect(completedLists).toBe(1);
});

test('drops a completed list if an error removes its parent', async () => {
  const query = '{ requiredShelf { items { title } places { item { id } } } }';
  const { result, completedLists } = await executeBoth(query, [{ ...box, id: null }]);
  expect(completedLists).toBe(1);
  expect(JSON.parse(result).data).toBeNull();
});

test('visits each fragment once: a chain of fragments does not take exponential time', async () => {
  const fragments = Array.from(
    { length: 60 },
    (_, index) => `fragment f${index} on Item { ...f${index + 1} ...f${index + 1} }`,
  );
  const query = `{ shelf { items { ...f0 } } } ${fragments.join(' ')} fragment f60 on Item { id }`;
  expect((await executeBoth(query, [book])).completedLists).toBe(1);
});

test('returns the items if the executor does not insert completed lists', () => {
  const items = [book];
  expect(completeList(items, {} as GraphqlContext, {} as GraphQLResolveInfo)).toBe(items);
});
