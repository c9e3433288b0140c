import { setImmediate } from 'node:timers/promises';
import { GraphQLError, GraphQLInt, GraphQLNonNull, GraphQLObjectType, GraphQLSchema, parse } from 'graphql';
import { expect, test } from 'vitest';
import type { GraphqlContext } from '../../../src/graphql/context.ts';
import { type StreamedResult, subscribeOperation } from '../../../src/graphql/execution/subscribe.ts';
import { createFollowing, type Following } from '../../../src/streams/following.ts';

interface Numbered {
  n: number;
  /** Resolves with what the field shows; at once where it is left out. */
  later?: Promise<number>;
}

const contextValue = {
  viewer: { principal: 'ada', scopes: [] },
  commands: { database: { reader: {} }, now: () => 0 },
  follow: { journal: {} },
} as unknown as GraphqlContext;

/** Results over events that a test has ready, while a `next` waits for others. */
async function open() {
  const ready: (Numbered | Error)[] = [];
  let tell = () => {};
  let answer = (_event: Numbered | null) => {};
  let left = 0;
  const source = createFollowing<Numbered>({
    pull: () =>
      new Promise((resolve) => {
        answer = (event) => resolve(event ? { done: false, value: event } : { done: true, value: undefined });
      }),
    ready() {
      const event = ready.shift();
      if (event instanceof Error) throw event;
      return event;
    },
    onReady(listener) {
      tell = listener;
    },
    async leave() {
      left += 1;
      answer(null);
    },
  });
  const fields = {
    count: {
      type: new GraphQLNonNull(GraphQLInt),
      subscribe: () => source,
      resolve: ({ n, later }: Numbered) => later ?? n,
    },
  };
  const schema = new GraphQLSchema({
    query: new GraphQLObjectType({ name: 'Query', fields: { nothing: { type: GraphQLInt } } }),
    subscription: new GraphQLObjectType({ name: 'Subscription', fields }),
  });
  const args = { schema, document: parse('subscription { count }'), contextValue };
  const results = (await subscribeOperation(args, () => new GraphQLError('masked'))) as Following<StreamedResult>;
  let told = 0;
  results.onReady(() => {
    told += 1;
  });
  const waiting = results.next();
  await setImmediate();
  return {
    ready,
    results,
    waiting,
    tell: () => tell(),
    told: () => told,
    left: () => left,
    answer: (event: Numbered | null) => answer(event),
  };
}

const count = (n: number) => ({ data: { count: n } });

test('what is ready is executed without waiting, and the reader is told of it by the source', async () => {
  const { ready, results, tell, told } = await open();
  ready.push({ n: 1 }, { n: 2 });
  tell();
  expect([told(), results.ready(), results.ready(), results.ready()]).toEqual([1, count(1), count(2), undefined]);
});

test('a result that takes its time keeps its place, and the reader is told when it is there', async () => {
  const { ready, results, told, waiting, answer } = await open();
  let resolve = (_n: number) => {};
  const later = new Promise<number>((settle) => {
    resolve = settle;
  });
  ready.push({ n: 1, later }, { n: 2 });
  expect([results.ready(), results.ready(), told()]).toEqual([undefined, undefined, 0]);
  resolve(1);
  await setImmediate();
  expect([told(), results.ready(), results.ready()]).toEqual([1, count(1), count(2)]);
  answer({ n: 3 });
  expect(await waiting).toEqual({ done: false, value: count(3) });
});

test('a `next` that is answered meanwhile gets the late result first', async () => {
  const { ready, results, waiting, answer } = await open();
  let resolve = (_n: number) => {};
  const later = new Promise<number>((settle) => {
    resolve = settle;
  });
  ready.push({ n: 1, later });
  expect(results.ready()).toBeUndefined();
  answer({ n: 2 });
  await setImmediate();
  ready.push({ n: 3 });
  expect(results.ready()).toBeUndefined();
  resolve(1);
  expect(await waiting).toEqual({ done: false, value: count(1) });
  expect([results.ready(), results.ready()]).toEqual([count(2), count(3)]);
});

test('a source that fails is left; its error is masked and the last result', async () => {
  const { ready, results, waiting, left } = await open();
  ready.push(new Error('secret'), { n: 2 });
  expect(JSON.parse(JSON.stringify(results.ready()))).toEqual({ errors: [{ message: 'masked' }] });
  expect([results.ready(), left()]).toEqual([undefined, 1]);
  expect(await waiting).toEqual({ done: true, value: undefined });
});
