import { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { buildSchema, type ExecutionResult } from 'graphql';
import { expect, test } from 'vitest';
import type { GraphqlContext, SignalSource } from '../../../src/graphql/context.ts';
import { createDocuments } from '../../../src/server/transport/documents.ts';
import { createPlainPost } from '../../../src/server/transport/plain-post.ts';

const schema = buildSchema('type Query { word: String }');
const asking = { identity: { principal: 'ada', scopes: ['read'] }, head: { vary: 'Origin' } };

function requestOf(body: string): IncomingMessage {
  const headers = { 'content-type': 'application/json', 'content-length': String(body.length) };
  return Object.assign(Readable.from([Buffer.from(body)]), { method: 'POST', headers }) as unknown as IncomingMessage;
}

function createResponse() {
  const events: string[] = [];
  const response = Object.assign(new EventEmitter(), {
    closed: false,
    writableFinished: false,
    writeHead: (status: number) => void events.push(`head ${status}`),
    end: (text: string) => void events.push(text),
  });
  return { response, sent: response as unknown as ServerResponse, events };
}

function later<Value>(): [Promise<Value>, (value: Value) => void] {
  let settle: (value: Value) => void = () => {};
  const promise = new Promise<Value>((resolve) => {
    settle = resolve;
  });
  return [promise, settle];
}

/** Posts a query that goes on until it is told to end. */
async function post() {
  const [begun, begin] = later<SignalSource>();
  const [result, finish] = later<ExecutionResult>();
  let leaving: SignalSource | null = null;
  const plainPost = createPlainPost({
    schema,
    documents: createDocuments(schema, null),
    makeContext: (_identity, operation) => {
      leaving = operation.leaving;
      return {} as GraphqlContext;
    },
    operations: {
      execute() {
        if (leaving) begin(leaving);
        return result;
      },
      subscribe: () => Promise.reject(new Error('Nobody subscribes.')),
    },
  });
  const answered = createResponse();
  const done = plainPost(requestOf('{"query": "{ word }"}'), answered.sent, asking);
  return { ...answered, done, finish, leaving: await begun };
}

test('who asks for the signal learns that the client has left, before or after', async () => {
  const { response, leaving, finish, done } = await post();
  const signal = leaving();
  expect(signal.aborted).toBe(false);
  expect(leaving()).toBe(signal);
  response.emit('close');
  expect(signal.aborted).toBe(true);
  const late = await post();
  late.response.closed = true;
  expect(late.leaving().aborted).toBe(true);
  for (const { finish: end } of [{ finish }, late]) end({ data: { word: 'said' } });
  expect(await Promise.all([done, late.done])).toEqual([true, true]);
});

test('a client that has its answer has not left', async () => {
  const { response, leaving, finish, done } = await post();
  const signal = leaving();
  finish({ data: { word: 'said' } });
  await done;
  response.writableFinished = true;
  response.emit('close');
  expect(signal.aborted).toBe(false);
});

test('answers that are ready in one turn are written at its end, in their order', async () => {
  const [first, second] = [await post(), await post()];
  const written: string[] = [];
  first.response.end = () => void written.push('first');
  second.response.end = () => void written.push('second');
  for (const { finish } of [first, second]) finish({ data: { word: 'said' } });
  await Promise.all([first.done, second.done]);
  expect([first.events, second.events]).toEqual([['head 200'], ['head 200']]);
  expect(written).toEqual([]);
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
  expect(written).toEqual(['first', 'second']);
});
