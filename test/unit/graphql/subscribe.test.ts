import {
  GraphQLError,
  GraphQLInt,
  GraphQLNonNull,
  GraphQLObjectType,
  GraphQLSchema,
  GraphQLString,
  parse,
} from 'graphql';
import { describe, expect, test } from 'vitest';
import type { GraphqlContext } from '../../../src/graphql/context.ts';
import { eventCursor, type StreamedResult, subscribeOperation } from '../../../src/graphql/execution/subscribe.ts';
import { CursorError } from '../../../src/streams/cursor.ts';

type Step = { value: number } | 'end' | Error;

/** A source that a test feeds by hand; `next` waits while there is nothing. */
function createSource() {
  const waiting: ((step: Step) => void)[] = [];
  const ready: Step[] = [];
  const calls = { next: 0, return: 0 };
  const settle = (step: Step): IteratorResult<unknown, undefined> => {
    if (step instanceof Error) throw step;
    return step === 'end'
      ? { done: true, value: undefined }
      : { done: false, value: { ...step, cursor: `c${step.value}` } };
  };
  const source: AsyncIterableIterator<unknown, undefined> = {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      calls.next += 1;
      return settle(ready.shift() ?? (await new Promise<Step>((resolve) => waiting.push(resolve))));
    },
    async return() {
      calls.return += 1;
      for (const resolve of waiting.splice(0)) resolve('end');
      return { done: true, value: undefined };
    },
  };
  const feed = (...steps: Step[]) => {
    for (const step of steps) {
      const next = waiting.shift();
      if (next) next(step);
      else ready.push(step);
    }
  };
  return { source, feed, calls };
}

const contexts: unknown[] = [];

function schemaOver(subscribe: () => unknown): GraphQLSchema {
  return new GraphQLSchema({
    query: new GraphQLObjectType({ name: 'Query', fields: { nothing: { type: GraphQLString } } }),
    subscription: new GraphQLObjectType({
      name: 'Subscription',
      fields: {
        count: {
          type: new GraphQLNonNull(GraphQLInt),
          subscribe,
          resolve({ value }: { value: number }, _args, context) {
            contexts.push({ ...context });
            if (value < 0) throw new Error('secret');
            return value;
          },
        },
      },
    }),
  });
}

const contextValue = {
  viewer: { principal: 'ada', scopes: [] },
  commands: { database: { reader: {} }, now: () => 0 },
  follow: { journal: {} },
} as unknown as GraphqlContext;

const subscribe = (schema: GraphQLSchema) =>
  subscribeOperation({ schema, document: parse('subscription { count }'), contextValue });

async function open(subscribeField: () => unknown): Promise<AsyncIterableIterator<StreamedResult, undefined>> {
  const answer = await subscribe(schemaOver(subscribeField));
  if (Symbol.asyncIterator in answer) return answer as AsyncIterableIterator<StreamedResult, undefined>;
  throw new Error(JSON.stringify(answer));
}

describe('a stream of results', () => {
  test('has one for each event, in order, with its cursor beside it, and ends with the source', async () => {
    const { source, feed } = createSource();
    const stream = await open(() => source);
    feed({ value: 1 }, { value: 2 }, 'end');
    const results = [await stream.next(), await stream.next()].map(({ value }) => value);
    expect(results.map((result) => result?.data)).toEqual([{ count: 1 }, { count: 2 }]);
    expect(results.map((result) => result?.[eventCursor])).toEqual(['c1', 'c2']);
    expect(JSON.stringify(results[0])).toBe('{"data":{"count":1}}');
    expect(Object.getOwnPropertyDescriptor(results[0], eventCursor)?.enumerable).toBe(false);
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });

  test('has loaders of its own for each event', async () => {
    contexts.length = 0;
    const { source, feed } = createSource();
    const stream = await open(() => source);
    feed({ value: 1 }, { value: 2 });
    await stream.next();
    await stream.next();
    const [first, second] = contexts as GraphqlContext[];
    expect(first?.loaders.run).toBeDefined();
    expect(first?.loaders.run).not.toBe(second?.loaders.run);
    expect(first?.viewer).toBe(contextValue.viewer);
  });

  test('answers in order where several results are asked for at once', async () => {
    const { source, feed } = createSource();
    const stream = await open(() => source);
    const both = Promise.all([stream.next(), stream.next()]);
    feed({ value: 1 }, { value: 2 });
    expect((await both).map(({ value }) => value?.data)).toEqual([{ count: 1 }, { count: 2 }]);
  });
});

describe('leaving', () => {
  test('ends the source at once, though the next event is waited for', async () => {
    const { source, calls } = createSource();
    const stream = await open(() => source);
    const waiting = stream.next();
    await Promise.resolve();
    await stream.return?.();
    expect(calls.return).toBe(1);
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect(calls.next).toBe(1);
  });

  test('before the first event asks the source for nothing', async () => {
    const { source, calls } = createSource();
    const stream = await open(() => source);
    await stream.return?.();
    expect(calls).toEqual({ next: 0, return: 1 });
  });
});

describe('errors', () => {
  test('of the source become one last result, and the source is left', async () => {
    const { source, feed, calls } = createSource();
    const stream = await open(() => source);
    feed({ value: 1 }, new CursorError('x', 'is malformed'));
    await stream.next();
    const { value } = await stream.next();
    expect(value?.errors?.map(({ message, extensions }) => [message, extensions.code])).toEqual([
      ['The cursor "x" is malformed.', 'BAD_USER_INPUT'],
    ]);
    expect(calls.return).toBe(1);
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });

  test('that nobody expected are masked', async () => {
    const { source, feed } = createSource();
    const stream = await open(() => source);
    feed({ value: -1 }, new Error('secret'));
    for (const { value } of [await stream.next(), await stream.next()]) {
      expect(value?.errors).toHaveLength(1);
      expect(JSON.stringify(value)).not.toContain('secret');
    }
  });

  test('at the door are the answer', async () => {
    const refuse = (error: unknown) =>
      subscribe(
        schemaOver(() => {
          throw error;
        }),
      );
    const refused = await refuse(new GraphQLError('no', { extensions: { code: 'FORBIDDEN' } }));
    expect(refused).toMatchObject({ errors: [{ message: 'no', extensions: { code: 'FORBIDDEN' } }] });
    expect(JSON.stringify(await refuse(new Error('secret')))).not.toContain('secret');
    expect(await subscribe(schemaOver(() => 'no stream'))).toMatchObject({
      errors: [{ extensions: { code: 'INTERNAL_SERVER_ERROR' } }],
    });
  });

  test('go through the mask that the server gives', async () => {
    const { source, feed } = createSource();
    const schema = schemaOver(() => source);
    const mask = () => new GraphQLError('masked');
    const stream = await subscribeOperation({ schema, document: parse('subscription { count }'), contextValue }, mask);
    feed({ value: -1 });
    const { value } = await (stream as AsyncIterableIterator<StreamedResult, undefined>).next();
    expect(value?.errors?.map(({ message }) => message)).toEqual(['masked']);
  });
});
