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
import { executeFinishing, itemsOrFinished } from '../../../src/graphql/execution/finished-lists.ts';

const schema = buildSchema(`
  type Query { shelf: Shelf later: Shelf required: Shelf! }
  type Shelf { things: [Thing!]! places: [Place!]! loose: [Thing] }
  type Place { name: String! thing: Thing! }
  interface Thing { id: ID! title: String tags: [String!] size: Size raw: Raw }
  type Book implements Thing {
    id: ID! title: String tags: [String!] size: Size raw: Raw pages: Int! cover: Cover author: String first(count: Int): String
    where: String broken: String method: String chapters: [Cover!]
  }
  type Box implements Thing { id: ID! title: String tags: [String!] size: Size raw: Raw weight: Float! }
  type Cover { colour: String! }
  enum Size { SMALL LARGE }
  scalar Raw
`);

const typed = (name: string) => schema.getType(name) as GraphQLObjectType;
const fieldOf = (type: string, field: string) => {
  const found = typed(type).getFields()[field];
  if (!found) throw new Error(`There is no ${type}.${field}.`);
  return found;
};

/** How often something was waited for. */
let waited = 0;
/** How many lists were finished before graphql-js went through them. */
let finished = 0;

for (const name of ['things', 'places', 'loose']) {
  fieldOf('Shelf', name).resolve = (shelf: Record<string, unknown[]>, _args, context, info: GraphQLResolveInfo) => {
    const items = shelf[name] ?? [];
    const answered = itemsOrFinished(items, context as GraphqlContext, info);
    if (answered !== items) finished += 1;
    return answered;
  };
}
fieldOf('Book', 'author').resolve = async () => {
  waited += 1;
  return 'somebody';
};
fieldOf('Book', 'first').resolve = (_book, { count }) => `the first ${count}`;
fieldOf('Book', 'where').resolve = (_book, _args, _context, info) => `${info.parentType.name}.${info.fieldName}`;
fieldOf('Book', 'broken').resolve = () => {
  throw new Error('It is broken.');
};
const thingType = schema.getType('Thing') as GraphQLInterfaceType;
thingType.resolveType = ({ __typename }) => __typename;
const raw = schema.getType('Raw') as GraphQLScalarType;
raw.serialize = (value) => value;

const book = {
  __typename: 'Book',
  id: 'b',
  title: 'One',
  tags: ['a', 'b'],
  size: 'LARGE',
  raw: { deep: [1, null] },
  pages: 3,
  cover: { colour: 'red' },
  chapters: [{ colour: 'blue' }],
  method: () => 'called',
};
const box = { __typename: 'Box', id: 'x', title: null, tags: null, size: 'SMALL', raw: 'text', weight: 1.5 };
const shelfOf = (things: unknown[]) => ({
  things,
  places: things.map((thing, index) => ({ name: `place ${index}`, thing })),
  loose: [...things, null],
});

interface Answered {
  result: string;
  finished: number;
}

async function answer(query: string, things: unknown[], variableValues = {}): Promise<Answered> {
  const document = parse(query);
  const rootValue = {
    shelf: shelfOf(things),
    required: shelfOf(things),
    later: async () => shelfOf(things),
  };
  finished = 0;
  const ours = await executeFinishing({ schema, document, rootValue, variableValues, contextValue: {} });
  const theirs = await execute({ schema, document, rootValue, variableValues, contextValue: {} });
  const result = JSON.stringify(ours);
  expect(result).toBe(JSON.stringify(theirs));
  return { result, finished };
}

test.each([
  ['scalars, enums and lists of them', '{ shelf { things { __typename id title tags size raw } } }', 1],
  ['aliases and what is asked twice', '{ shelf { list: things { a: id b: id id id name: __typename } } }', 1],
  [
    'fields of one type',
    '{ shelf { things { id ... on Book { pages title } ... on Box { weight } ... { size } } } }',
    1,
  ],
  [
    'fragments',
    '{ shelf { things { ...F ...F } } } fragment F on Thing { title ...G } fragment G on Book { pages id }',
    1,
  ],
  ['objects in objects', '{ shelf { places { name thing { id ... on Book { cover { colour } } } } } }', 1],
  ['selections that are merged', '{ shelf { places { thing { id } thing { title ... on Book { pages } } } } }', 1],
  [
    'several lists, also behind what is waited for',
    '{ later { things { id } places { name } } shelf { things { size } } }',
    3,
  ],
])('%s are completed as graphql-js does', async (_what, query, lists) => {
  expect((await answer(query, [book, box])).finished).toBe(lists);
  expect((await answer(query, [])).finished).toBe(lists);
});

test.each([
  ['what depends on variables', 'query ($no: Boolean = false) { shelf { things { id title @include(if: $no) } } }'],
  ['a fragment that does', 'query ($no: Boolean = false) { shelf { things { ... @skip(if: $no) { title } } } }'],
  ['arguments', '{ shelf { things { ... on Book { first(count: 2) } } } }'],
  ['what is waited for', '{ shelf { things { id ... on Book { author } } } }'],
  ['what looks at its own place', '{ shelf { things { ... on Book { where } } } }'],
  ['what fails', '{ shelf { things { ... on Book { broken } } } }'],
  ['a method', '{ shelf { things { ... on Book { method } } } }'],
  ['a list of objects in an item', '{ shelf { things { ... on Book { chapters { colour } } } } }'],
  ['the name of the prototype', '{ shelf { things { __proto__: id } } }'],
  ['a list that is asked for twice', '{ shelf { things { id } things { title } } }'],
])('%s is left to graphql-js', async (_what, query) => {
  expect((await answer(query, [book, box])).finished).toBe(0);
});

test.each([
  ['a null where there can be none', { ...book, pages: null }],
  ['nothing where there can be none', { ...book, id: undefined }],
  ['a value that its type does not have', { ...book, size: 'HUGE' }],
  ['a number that is none', { ...book, pages: 'many' }],
  ['a fault in the place of a value', { ...book, title: new Error('It is gone.') }],
  ['a type that there is not', { ...book, __typename: 'Chair' }],
  ['a type that is none of these', { ...book, __typename: 'Cover' }],
  ['a fault in the place of an item', new Error('It is gone too.')],
  ['no item', null],
  ['a tag that is none', { ...book, tags: ['a', null] }],
  ['tags that are no list', { ...book, tags: new Set(['a']) }],
])('%s is left to graphql-js, with its words and its path', async (_what, thing) => {
  for (const root of ['shelf', 'required', 'later']) {
    const query = `{ ${root} { things { id title tags size ... on Book { pages } } } other: shelf { places { name } } }`;
    // Where it takes away the whole answer, nothing else of it is begun.
    expect((await answer(query, [box, thing])).finished).toBeLessThanOrEqual(1);
  }
});

test('a list whose items may be absent has them', async () => {
  const { result, finished: lists } = await answer('{ shelf { loose { id } } }', [book]);
  expect(JSON.parse(result)).toEqual({ data: { shelf: { loose: [{ id: 'b' }, null] } } });
  expect(lists).toBe(1);
});

test('a list has no place where a fault took away what was around it', async () => {
  const { result } = await answer('{ required { things { id } places { thing { broken: id } } } }', [
    { ...box, id: null },
  ]);
  expect(JSON.parse(result).data).toBeNull();
});

test('what must be waited for is begun in vain once, and not with the next page', async () => {
  const document = parse('{ shelf { things { ... on Book { author } } } }');
  const ask = () => executeFinishing({ schema, document, rootValue: { shelf: shelfOf([book]) }, contextValue: {} });
  waited = 0;
  await ask();
  expect(waited).toBe(2);
  await ask();
  expect(waited).toBe(3);
});

test('without anybody who puts them in their place, lists are left as they are', () => {
  const items = [book];
  expect(itemsOrFinished(items, {} as GraphqlContext, {} as GraphQLResolveInfo)).toBe(items);
});
