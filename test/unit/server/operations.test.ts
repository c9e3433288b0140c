import {
  type ExecutionArgs,
  GraphQLError,
  GraphQLInt,
  GraphQLList,
  GraphQLObjectType,
  GraphQLSchema,
  GraphQLString,
  parse,
} from 'graphql';
import { describe, expect, test } from 'vitest';
import { nextTurn } from '../../../src/clock.ts';
import { MUTATION_POINTS, SUBSCRIPTION_POINTS } from '../../../src/config/limits.ts';
import type { GraphqlContext } from '../../../src/graphql/context.ts';
import { createConcurrencyLimit } from '../../../src/server/access/concurrency-limit.ts';
import { createOperations, LongResult } from '../../../src/server/transport/operations.ts';
import { createFakeClock } from '../fake-clock.ts';
import { createManualStream } from '../streams/manual-stream.ts';

const field = { type: GraphQLString, resolve: () => 'done' };
const longText = 'a'.repeat(1024 * 1024);
/** `texts` takes a size, as the pages of lists do. */
const TextConnection = new GraphQLObjectType({
  name: 'TextConnection',
  fields: { nodes: { type: new GraphQLList(new GraphQLObjectType({ name: 'Text', fields: { text: field } })) } },
});
const texts = {
  type: TextConnection,
  args: { first: { type: GraphQLInt } },
  resolve: (_root: unknown, { first }: { first?: number }, context: GraphqlContext) => ({
    nodes: Array.from({ length: context.nextTurn ? 1 : (first ?? 0) }, () => ({})),
  }),
};
const long = { type: GraphQLString, resolve: () => longText };

function schemaOver(subscribe: () => unknown): GraphQLSchema {
  return new GraphQLSchema({
    query: new GraphQLObjectType({ name: 'Query', fields: { read: field, long, texts } }),
    mutation: new GraphQLObjectType({ name: 'Mutation', fields: { write: field } }),
    subscription: new GraphQLObjectType({ name: 'Subscription', fields: { follow: { ...field, subscribe } } }),
  });
}

interface Options {
  subscribe?(): unknown;
  maxSubscriptions?: number;
  pointsLeft?: number;
}

function createFixture({ subscribe = () => createManualStream().stream, ...limits }: Options = {}) {
  const used: [principal: string, points: number][] = [];
  const take = (principal: string, points: number) => {
    used.push([principal, points]);
    return points > (limits.pointsLeft ?? 100) ? 30 : null;
  };
  const operations = createOperations({
    maskError: (error) => (error instanceof GraphQLError ? error : new GraphQLError(String(error))),
    clock: createFakeClock(),
    rateLimit: { take, receive: take, add: (principal, points) => used.push([principal, points]) },
    subscriptionLimit: createConcurrencyLimit(limits.maxSubscriptions ?? 100),
  });
  const schema = schemaOver(subscribe);
  const contextValue = {
    viewer: { principal: 'ada', scopes: [] },
    commands: { database: { reader: {} }, now: () => 0 },
    follow: { journal: {} },
  } as unknown as GraphqlContext;
  const argsOf = (text: string, operationName?: string): ExecutionArgs => ({
    schema,
    document: parse(text),
    contextValue,
    operationName,
  });
  return {
    used,
    receive: operations.receive,
    execute: async (text: string, operationName?: string) => operations.execute(argsOf(text, operationName)),
    subscribe: () => operations.subscribe(argsOf('subscription { follow }')),
  };
}

test('B60: a long request is executed in another turn of the event loop, and a short one at once', async () => {
  const { execute } = createFixture();
  const order: string[] = [];
  setImmediate(() => order.push('turn'));
  const long = execute(`{ read ${'#'.repeat(5000)}\n }`).then((result) => order.push(`long ${JSON.stringify(result)}`));
  await execute('{ read }').then(() => order.push('short'));
  await long;
  expect(order).toEqual(['short', 'turn', 'long {"data":{"read":"done"}}']);
});

describe('B60: the points of an operation', () => {
  test('are 1 for a request, and 4 more for a mutation or subscription', async () => {
    const { used, receive, execute, subscribe } = createFixture();
    expect(receive('ada', 100)).toBeNull();
    expect(await execute('{ read }')).toEqual({ data: { read: 'done' } });
    expect(await execute('mutation { write }')).toEqual({ data: { write: 'done' } });
    expect(await subscribe()).toHaveProperty('read');
    expect(used).toEqual([
      ['ada', 1],
      ['ada', 4],
      ['ada', 4],
    ]);
    expect([MUTATION_POINTS, SUBSCRIPTION_POINTS]).toEqual([5, 5]);
  });

  test('grow with the objects that it can read, whose pages are completed in different turns', async () => {
    const { used, execute } = createFixture();
    expect(await execute('{ texts(first: 90) { nodes { text } } }')).toMatchObject({
      data: { texts: { nodes: { length: 90 } } },
    });
    expect(used).toEqual([]);
    const many = `{ ${['a', 'b', 'c', 'd', 'e'].map((name) => `${name}: texts(first: 100) { nodes { text } }`).join(' ')} }`;
    expect(await execute(many)).toMatchObject({ data: { e: { nodes: { length: 1 } } } });
    expect(used).toEqual([['ada', 5]]);
  });

  test('grow with the length of the result, which has a limit', async () => {
    const { used, execute } = createFixture();
    const result = await execute('{ long }');
    expect(result).toBeInstanceOf(LongResult);
    expect(result instanceof LongResult && JSON.parse(Buffer.concat(result.parts()).toString())).toEqual({
      data: { long: longText },
    });
    expect(used).toEqual([['ada', 16]]);
    const copies = `{ ${Array.from({ length: 24 }, (_, index) => `a${index}: long`).join(' ')} }`;
    expect(await execute(copies)).toMatchObject({
      errors: [{ extensions: { code: 'LIMIT_EXCEEDED', limit: 'resultBytes' } }],
    });
    expect(used).toEqual([
      ['ada', 16],
      ['ada', 384],
    ]);
  });

  test('grow with the length of the request, which is charged before it is parsed', async () => {
    const { used, receive } = createFixture({ pointsLeft: 10 });
    expect(await receive('ada', 16 * 1024 - 1)).toBeNull();
    expect(await receive('ada', 16 * 1024)).toBeNull();
    expect(receive('ada', 512 * 1024)).toMatchObject({ extensions: { code: 'RATE_LIMITED', retryAfter: 30 } });
    expect(used.map(([, points]) => points)).toEqual([1, 2, 33]);
  });

  test('are those of the requested operation if the document has several', async () => {
    const { used, execute } = createFixture();
    const text = 'query Read { read } mutation Write { write }';
    await execute(text, 'Write');
    await execute(text, 'Read');
    expect(used.map(([, points]) => points)).toEqual([4]);
  });

  test('are required: without them nothing is executed, and a subscription takes no slot', async () => {
    let starts = 0;
    const refusing = createFixture({
      pointsLeft: 3,
      subscribe() {
        starts += 1;
        return createManualStream().stream;
      },
    });
    const refused = { errors: [{ extensions: { code: 'RATE_LIMITED', retryAfter: 30 } }] };
    expect(await refusing.execute('{ read }')).toMatchObject({ data: { read: 'done' } });
    const mutation = await refusing.execute('mutation { write }');
    expect(mutation).toMatchObject(refused);
    expect(mutation.data).toBeUndefined();
    expect(await refusing.subscribe()).toMatchObject(refused);
    expect(starts).toBe(0);
  });
});

test('B60: long requests are parsed in different turns of the event loop, and short ones do not wait', async () => {
  const { receive } = createFixture();
  const parsed: string[] = [];
  const long = ['first', 'second', 'third'].map(async (name) => {
    expect(await receive('ada', 4 * 1024)).toBeNull();
    parsed.push(name);
  });
  expect(receive('ada', 4 * 1024 - 1)).toBeNull();
  const counts = [0];
  while (parsed.length < 3) {
    await nextTurn();
    counts.push(parsed.length);
  }
  const increases = counts.slice(1).map((count, index) => count - (counts[index] ?? 0));
  expect(Math.max(...increases)).toBe(1);
  expect(parsed).toEqual(['first', 'second', 'third']);
  await Promise.all(long);
});

describe('B60: the slot of a subscription', () => {
  test('is taken while its stream is open, and free after it closes', async () => {
    const { subscribe } = createFixture({ maxSubscriptions: 1 });
    const open = await subscribe();
    expect(await subscribe()).toMatchObject({ errors: [{ extensions: { limit: 'subscriptionsPerPrincipal' } }] });
    if (!('close' in open)) throw new Error('The subscription was refused.');
    open.close();
    expect(await subscribe()).toHaveProperty('read');
  });

  test.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new GraphQLError('failed');
      },
    ],
    ['rejects', () => Promise.reject(new GraphQLError('failed'))],
    ['returns an error', () => new GraphQLError('failed')],
    ['returns something other than a stream', () => ({})],
    [
      'returns a stream that cannot be read',
      () => ({
        ...createManualStream().stream,
        onClose() {
          throw new GraphQLError('failed');
        },
      }),
    ],
  ])('is free after its field %s', async (_what, fail) => {
    let isFailing = true;
    const { subscribe } = createFixture({
      maxSubscriptions: 1,
      subscribe: () => (isFailing ? fail() : createManualStream().stream),
    });
    for (const _attempt of [1, 2]) {
      const failure = await subscribe();
      if (!('errors' in failure)) throw new Error('The subscription did not fail.');
      expect(failure.errors?.[0]?.extensions.limit).toBeUndefined();
    }
    isFailing = false;
    expect(await subscribe()).toHaveProperty('read');
  });
});
