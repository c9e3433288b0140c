import { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ApolloClient, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { fetchExchange, Client as UrqlClient } from '@urql/core';
import { buildSchema, type ExecutionResult } from 'graphql';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import type { GraphqlContext, SignalSource } from '../../../src/graphql/context.ts';
import { publicOrMasked } from '../../../src/graphql/public-errors.ts';
import { createDocuments } from '../../../src/server/transport/documents.ts';
import { createEndOfTurn } from '../../../src/server/transport/end-of-turn.ts';
import { createHttpAccelerator } from '../../../src/server/transport/http-accelerator.ts';
import type { Operations } from '../../../src/server/transport/operations.ts';
import { clientHeaders } from '../../client-headers.ts';

const schema = buildSchema(`
  type Query { word(id: Int): String } type Mutation { change: String } type Subscription { words: String }
`);
const graphqlRequestOf = (parameters: Record<string, unknown>) => ({
  identity: { principal: 'ada', scopes: ['read'] },
  parameters,
  responseHeaders: { vary: 'Origin' },
});
const listedText = '{ listed: word }';

function requestOf(headers: Record<string, string | undefined> = {}, method = 'POST'): IncomingMessage {
  return {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    socket: {},
  } as unknown as IncomingMessage;
}

interface ResponseHead {
  status: number;
  headers: Record<string, unknown>;
}

function createResponse() {
  const heads: ResponseHead[] = [];
  const bodies: string[] = [];
  const emitter = Object.assign(new EventEmitter(), {
    closed: false,
    writableFinished: false,
    writeHead: (status: number, headers: Record<string, unknown>) => void heads.push({ status, headers }),
    end: (text: string) => void bodies.push(text),
  });
  return { emitter, response: emitter as unknown as ServerResponse, heads, bodies };
}

type Execute = Operations['execute'];

function createAccelerator(execute: Execute, documentList: ReadonlyMap<string, string> | null = null) {
  let leaving: SignalSource | null = null;
  let executions = 0;
  const accelerate = createHttpAccelerator({
    atEndOfTurn: createEndOfTurn(systemClock),
    schema,
    documents: createDocuments(schema, documentList),
    maskError: publicOrMasked,
    makeContext: (_identity, operation) => {
      leaving = operation.leaving;
      return {} as GraphqlContext;
    },
    operations: {
      receive: () => null,
      receiveUpload: () => null,
      execute(args) {
        executions += 1;
        return execute(args);
      },
      subscribe: () => Promise.reject(new Error('The accelerator never subscribes.')),
    },
  });
  return { accelerate, executions: () => executions, leaving: () => leaving };
}

const endOfTurn = () => new Promise((resolve) => setImmediate(resolve));
const answerWord = () => ({ data: { word: 'said' } });
const query = { query: '{ word }' };

describe('answers', () => {
  test.each(clientHeaders)('the requests of $client', async ({ accept, mediaType }) => {
    const { accelerate } = createAccelerator(answerWord);
    const { response, heads, bodies } = createResponse();
    expect(await accelerate(requestOf({ accept }), response, graphqlRequestOf(query))).toBe(true);
    await endOfTurn();
    const headers = { 'content-type': `${mediaType}; charset=utf-8`, 'content-length': 24, vary: 'Origin' };
    expect(heads).toEqual([{ status: 200, headers }]);
    expect(bodies).toEqual(['{"data":{"word":"said"}}']);
  });

  const clients: [string, (fetch: typeof globalThis.fetch) => Promise<unknown>][] = [
    [
      '@apollo/client',
      (fetch) =>
        new ApolloClient({ link: new HttpLink({ uri: '/', fetch }), cache: new InMemoryCache() }).query({
          query: gql(query.query),
        }),
    ],
    [
      '@urql/core',
      (fetch) =>
        new UrqlClient({ url: 'http://localhost/', preferGetMethod: false, fetch, exchanges: [fetchExchange] })
          .query(query.query, {})
          .toPromise(),
    ],
  ];

  test.each(clients)('%s, which sends the headers of the table', async (name, send) => {
    const requests: { headers: Record<string, string>; body: string }[] = [];
    await send(async (_url, init) => {
      requests.push({ headers: Object.fromEntries(new Headers(init?.headers)), body: String(init?.body) });
      return new Response('{"data":{"word":"said"}}', { headers: { 'content-type': 'application/json' } });
    });
    expect(requests.map(({ headers }) => headers.accept)).toEqual(
      clientHeaders.flatMap(({ client, accept }) => (client.startsWith(name) ? [accept] : [])),
    );
    const { accelerate } = createAccelerator(answerWord);
    for (const { headers, body } of requests) {
      expect(await accelerate(requestOf(headers), createResponse().response, graphqlRequestOf(JSON.parse(body)))).toBe(
        true,
      );
    }
  });

  test.each([
    ['variables', { query: 'query ($id: Int) { word(id: $id) }', variables: { id: 1 } }],
    ['a mutation', { query: 'mutation { change }' }],
    ['an operation name', { query: 'query A { word } mutation B { change }', operationName: 'B' }],
    [
      'extensions, as Apollo Client sends them',
      { ...query, extensions: { clientLibrary: { name: '@apollo/client' } } },
    ],
    ['null parameters', { ...query, variables: null, operationName: null, extensions: null }],
  ])('a request with %s', async (_what, body) => {
    const { accelerate, executions } = createAccelerator(answerWord);
    expect(await accelerate(requestOf(), createResponse().response, graphqlRequestOf(body))).toBe(true);
    expect(executions()).toBe(1);
  });

  test.each([
    ['documentId', { documentId: 'listed' }],
    ['the hash of a persisted query', { extensions: { persistedQuery: { version: 1, sha256Hash: 'listed' } } }],
    ['its text', { query: listedText }],
  ])('a document of the list by %s', async (_what, body) => {
    const { accelerate } = createAccelerator(answerWord, new Map([['listed', listedText]]));
    expect(await accelerate(requestOf(), createResponse().response, graphqlRequestOf(body))).toBe(true);
  });
});

describe('leaves to yoga, before anything is executed,', () => {
  const requests: [string, IncomingMessage, Record<string, unknown>][] = [
    ['GET', requestOf({}, 'GET'), query],
    ['a media type that it does not write', requestOf({ accept: 'text/event-stream' }), query],
    ['another charset', requestOf({ accept: 'application/json; charset=latin1' }), query],
    ['an unknown parameter', requestOf(), { ...query, unknown: true }],
    ['an ambiguous operation', requestOf(), { query: 'query A { word } query B { word }' }],
    ['a subscription', requestOf(), { query: 'subscription { words }' }],
    ['variables that are not an object', requestOf(), { ...query, variables: [] }],
  ];

  test.each(requests)('%s', async (_what, request, parameters) => {
    const { accelerate, executions } = createAccelerator(answerWord);
    const { response, heads } = createResponse();
    expect(await accelerate(request, response, graphqlRequestOf(parameters))).toBe(false);
    await endOfTurn();
    expect([executions(), heads]).toEqual([0, []]);
  });
});

describe('answers a document that it cannot execute, so that it is not parsed again:', () => {
  const list = new Map([['listed', listedText]]);
  const requests: [string, Record<string, unknown>, string, ReadonlyMap<string, string>?][] = [
    ['a missing query', {}, 'BAD_USER_INPUT'],
    ['a syntax error', { query: '{ word ' }, 'GRAPHQL_PARSE_FAILED'],
    ['a validation error', { query: '{ unknown }' }, 'GRAPHQL_VALIDATION_FAILED'],
    ['an unknown document id', { documentId: 'unknown' }, 'BAD_USER_INPUT', list],
    ['a document that is not in the list', query, 'BAD_USER_INPUT', list],
  ];

  test.each(requests)('%s', async (_what, parameters, code, documentList) => {
    const { accelerate, executions } = createAccelerator(answerWord, documentList);
    const { response, heads, bodies } = createResponse();
    const accept = 'application/graphql-response+json';
    expect(await accelerate(requestOf({ accept }), response, graphqlRequestOf(parameters))).toBe(true);
    await endOfTurn();
    expect([executions(), heads[0]?.status]).toEqual([0, 400]);
    expect(JSON.parse(bodies[0] ?? '').errors[0].extensions.code).toBe(code);
  });
});

describe('rejects, and does not leave to yoga, a request that was executed', () => {
  test('if the execution fails', async () => {
    const { accelerate, executions } = createAccelerator(() => Promise.reject(new Error('The database is gone.')));
    const done = accelerate(requestOf(), createResponse().response, graphqlRequestOf(query));
    await expect(done).rejects.toThrow('The database is gone.');
    expect(executions()).toBe(1);
  });

  test('if the result cannot be serialized', async () => {
    const { accelerate, executions } = createAccelerator(() => ({ data: { word: 1n } }));
    const done = accelerate(requestOf(), createResponse().response, graphqlRequestOf(query));
    await expect(done).rejects.toThrow('BigInt');
    expect(executions()).toBe(1);
  });

  test('if the response cannot be written', async () => {
    const { accelerate, executions } = createAccelerator(answerWord);
    const { response, emitter } = createResponse();
    emitter.writeHead = () => {
      throw new Error('The headers are sent already.');
    };
    await expect(accelerate(requestOf(), response, graphqlRequestOf(query))).rejects.toThrow('already');
    expect(executions()).toBe(1);
  });
});

/** Posts a query whose execution ends when the test calls `finish`. */
async function postPending() {
  let begin = () => {};
  let finish: (result: ExecutionResult) => void = () => {};
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const result = new Promise<ExecutionResult>((resolve) => {
    finish = resolve;
  });
  const { accelerate, leaving } = createAccelerator(() => {
    begin();
    return result;
  });
  const created = createResponse();
  const done = accelerate(requestOf(), created.response, graphqlRequestOf(query));
  await begun;
  const signalSource = leaving();
  if (!signalSource) throw new Error('No context was created.');
  return { ...created, done, finish: () => finish(answerWord()), signalSource };
}

describe('the signal of the context', () => {
  test('aborts when the client disconnects', async () => {
    const { emitter, signalSource, finish, done } = await postPending();
    const signal = signalSource();
    expect(signal.aborted).toBe(false);
    expect(signalSource()).toBe(signal);
    emitter.emit('close');
    expect(signal.aborted).toBe(true);
    finish();
    expect(await done).toBe(true);
  });

  test('is aborted if the client had disconnected before it was first used', async () => {
    const { emitter, signalSource, finish, done } = await postPending();
    emitter.closed = true;
    expect(signalSource().aborted).toBe(true);
    finish();
    expect(await done).toBe(true);
  });

  test('does not abort once the client has the response', async () => {
    const { emitter, signalSource, finish, done } = await postPending();
    const signal = signalSource();
    finish();
    await done;
    emitter.writableFinished = true;
    emitter.emit('close');
    expect(signal.aborted).toBe(false);
  });
});

test('ends the responses of one turn of the event loop together at its end, in order', async () => {
  const { accelerate } = createAccelerator(answerWord);
  const ended: string[] = [];
  const post = (name: string) => {
    const { response, emitter } = createResponse();
    emitter.end = () => void ended.push(name);
    return accelerate(requestOf(), response, graphqlRequestOf(query));
  };
  const both = Promise.all([post('first'), post('second')]);
  expect(await both).toEqual([true, true]);
  expect(ended).toEqual([]);
  await endOfTurn();
  expect(ended).toEqual(['first', 'second']);
});
