import { setImmediate } from 'node:timers/promises';
import {
  GraphQLError,
  GraphQLInt,
  GraphQLNonNull,
  GraphQLObjectType,
  GraphQLSchema,
  GraphQLString,
  parse,
} from 'graphql';
import { beforeEach, describe, expect, test } from 'vitest';
import type { GraphqlContext } from '../../../src/graphql/context.ts';
import { createSubscribe, type StreamedResult } from '../../../src/graphql/execution/subscribe.ts';
import { publicOrMasked } from '../../../src/graphql/public-errors.ts';
import { CursorError, formatCursor } from '../../../src/streams/cursor.ts';
import type { LiveStream } from '../../../src/streams/live-stream.ts';
import { readAvailable } from '../streams/live-tapes.ts';
import { createManualStream } from '../streams/manual-stream.ts';

interface NumberedEvent {
  runId: string;
  seq: number;
  /** What the field resolves to; its seq by default. */
  result?: Promise<number>;
}

const runId = 'run_01KDVDNA000000000000000000';
const event = (seq: number, result?: Promise<number>): NumberedEvent => ({ runId, seq, result });
const result = (seq: number) => ({ data: { count: seq } });

const contextValue = {
  viewer: { principal: 'ada', scopes: [] },
  commands: { database: { reader: {} }, now: () => 0 },
  follow: { journal: {} },
} as unknown as GraphqlContext;

/** The context of each execution. */
const contexts: GraphqlContext[] = [];
beforeEach(() => {
  contexts.length = 0;
});

function schemaOver(subscribeField: () => unknown): GraphQLSchema {
  return new GraphQLSchema({
    query: new GraphQLObjectType({ name: 'Query', fields: { nothing: { type: GraphQLString } } }),
    subscription: new GraphQLObjectType({
      name: 'Subscription',
      fields: {
        count: {
          type: new GraphQLNonNull(GraphQLInt),
          subscribe: subscribeField,
          resolve(numbered: NumberedEvent, _args, context) {
            contexts.push({ ...context });
            if (numbered.seq < 0) throw new Error('secret');
            return numbered.result ?? numbered.seq;
          },
        },
      },
    }),
  });
}

const document = parse('subscription { count }');

async function openStream(subscribe: ReturnType<typeof createSubscribe>, schema: GraphQLSchema) {
  const answer = await subscribe({ schema, document, contextValue });
  if ('read' in answer) return answer;
  throw new Error(JSON.stringify(answer));
}

async function open(maskError: (error: unknown) => GraphQLError = publicOrMasked) {
  const events = createManualStream<NumberedEvent>();
  const results = await openStream(
    createSubscribe(maskError),
    schemaOver(() => events.stream),
  );
  let signals = 0;
  results.onReadable(() => {
    signals += 1;
  });
  results.read();
  return { ...events, results, signals: () => signals };
}

/** The results that are available now; fails if the stream is not as expected at their end. */
function resultsIn(stream: LiveStream<StreamedResult>, ending: 'pending' | 'end'): StreamedResult[] {
  const values = readAvailable(stream);
  expect(values.at(-1)).toBe(ending);
  return values.filter((value) => typeof value !== 'string');
}

describe('a stream of results', () => {
  test('has one for each event, in order and with its cursor, and ends with the source', async () => {
    const { results, push } = await open();
    push(event(1), event(2), 'end');
    const seen = resultsIn(results, 'end');
    expect(seen).toEqual([result(1), result(2)]);
    expect(seen.map(({ cursor }) => cursor)).toEqual([1, 2].map((seq) => formatCursor({ runId, seq })));
    expect(seen.map(({ bytes }) => bytes.toString())).toEqual(['{"data":{"count":1}}', '{"data":{"count":2}}']);
  });

  test('executes each event with new loaders', async () => {
    const { results, push } = await open();
    push(event(1), event(2));
    resultsIn(results, 'pending');
    const [first, second] = contexts;
    expect(first?.loaders.run).toBeDefined();
    expect(first?.loaders.run).not.toBe(second?.loaders.run);
    expect(first?.viewer).toBe(contextValue.viewer);
  });

  test('can also be iterated', async () => {
    const { results, push } = await open();
    const iterator = results[Symbol.asyncIterator]();
    const both = Promise.all([iterator.next(), iterator.next()]);
    push(event(1), event(2));
    expect((await both).map(({ value }) => value)).toEqual([result(1), result(2)]);
    const last = iterator.next();
    await iterator.return?.();
    expect(await last).toEqual({ done: true, value: undefined });
  });

  test('keeps a result that takes time in its place, and signals when it is available', async () => {
    const { results, push, signals } = await open();
    let resolve = (_n: number) => {};
    const later = new Promise<number>((settle) => {
      resolve = settle;
    });
    push(event(1, later), event(2));
    expect([resultsIn(results, 'pending'), signals()]).toEqual([[], 1]);
    resolve(1);
    await setImmediate();
    expect([signals(), resultsIn(results, 'pending')]).toEqual([2, [result(1), result(2)]]);
    push(event(3));
    expect(resultsIn(results, 'pending')).toEqual([result(3)]);
  });

  test('is closed with its source', async () => {
    const { results, push, closed } = await open();
    push(event(1), event(2));
    results.read();
    results.close();
    expect([closed(), results.read()]).toEqual([1, 'end']);
  });
});

test('subscribers with the same rights share the execution and the JSON of an event', async () => {
  const subscribe = createSubscribe(publicOrMasked);
  const sources = [createManualStream<NumberedEvent>(), createManualStream<NumberedEvent>()] as const;
  const unused = [...sources];
  const schema = schemaOver(() => unused.shift()?.stream);
  const streams = [await openStream(subscribe, schema), await openStream(subscribe, schema)];
  const shared = event(1);
  for (const { push } of sources) push(shared);
  const [first, second] = streams.map((stream) => resultsIn(stream, 'pending')[0]);
  expect(contexts).toHaveLength(1);
  expect(first?.bytes).toBe(second?.bytes);
});

test('a stream that cannot be wired up is closed', async () => {
  let closes = 0;
  const broken = Object.assign(createManualStream().stream, {
    onClose() {
      throw new Error('secret');
    },
    close() {
      closes += 1;
    },
  });
  const subscribe = createSubscribe(publicOrMasked);
  const outcome = await subscribe({ schema: schemaOver(() => broken), document, contextValue });
  expect(outcome).toMatchObject({ errors: [{ extensions: { code: 'INTERNAL_SERVER_ERROR' } }] });
  expect(closes).toBe(1);
});

describe('errors', () => {
  test('of the source become the last result', async () => {
    const { results, push, closed } = await open();
    push(event(1), new CursorError('x', 'is malformed'), event(2));
    expect(resultsIn(results, 'pending')).toEqual([result(1)]);
    await setImmediate();
    const [last] = resultsIn(results, 'end');
    expect(last?.errors?.map(({ message, extensions }) => [message, extensions.code])).toEqual([
      ['The cursor "x" is malformed.', 'BAD_USER_INPUT'],
    ]);
    expect(closed()).toBe(1);
  });

  test('that are not expected are masked', async () => {
    const { results, push } = await open();
    push(event(-1), new Error('secret'));
    const failed = resultsIn(results, 'pending');
    await setImmediate();
    failed.push(...resultsIn(results, 'end'));
    expect(failed.map(({ errors }) => errors?.length)).toEqual([1, 1]);
    expect(JSON.stringify(failed)).not.toContain('secret');
  });

  test('go through the given mask', async () => {
    const { results, push } = await open(() => new GraphQLError('masked'));
    push(event(-1));
    const [failed] = resultsIn(results, 'pending');
    expect(failed?.errors?.map(({ message }) => message)).toEqual(['masked']);
  });

  test('before the first event are the answer', async () => {
    const subscribe = createSubscribe(publicOrMasked);
    const answerTo = (subscribeField: () => unknown) =>
      subscribe({ schema: schemaOver(subscribeField), document, contextValue });
    const failWith = (error: unknown) => () => {
      throw error;
    };
    expect(await answerTo(failWith(new GraphQLError('no', { extensions: { code: 'FORBIDDEN' } })))).toMatchObject({
      errors: [{ message: 'no', extensions: { code: 'FORBIDDEN' } }],
    });
    expect(JSON.stringify(await answerTo(failWith(new Error('secret'))))).not.toContain('secret');
    const generator = async function* () {};
    for (const other of ['no stream', generator()]) {
      expect(await answerTo(() => other)).toMatchObject({
        errors: [{ extensions: { code: 'INTERNAL_SERVER_ERROR' } }],
      });
    }
  });
});
