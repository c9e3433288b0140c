import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { StreamedResult } from '../../../src/graphql/execution/subscribe.ts';
import { createEndOfTurn } from '../../../src/server/transport/end-of-turn.ts';
import { sendResults } from '../../../src/server/transport/socket-sender.ts';
import { createSocketWriter } from '../../../src/server/transport/socket-writer.ts';
import { createManualStream } from '../streams/manual-stream.ts';
import { createFakeSocket } from './socket-frames.ts';

const result = (n: number | bigint) => new StreamedResult({ data: { n } });
const message = (n: number) => `{"id":"a\\"b","type":"next","payload":{"data":{"n":${n}}}}`;
const finished = { done: true, value: undefined };

/** An operation that sends to a socket, whose results a test provides. */
function open() {
  const fake = createFakeSocket();
  const { stream, ...results } = createManualStream<StreamedResult>();
  const writer = createSocketWriter(fake.socket, fake.stream, createEndOfTurn(systemClock));
  return { ...fake, ...results, operation: sendResults(stream, { operationId: 'a"b', writer }) };
}

test('results become messages of the operation, in order, with one write for each turn', async () => {
  const { operation, push, texts, writes } = open();
  push(result(1));
  const end = operation.next();
  await setImmediate();
  push(result(2), result(3));
  push(result(4));
  await setImmediate();
  expect([texts(), writes.length]).toEqual([[1, 2, 3, 4].map(message), 2]);
  push('end');
  expect(await end).toEqual(finished);
});

test('the last result is written before the operation ends', async () => {
  const { operation, push, texts } = open();
  const end = operation.next().then((value) => [value, texts()]);
  await setImmediate();
  push(result(1), 'end');
  expect(await end).toEqual([finished, [message(1)]]);
});

test('B27: nothing is read for a client that stalls; then it gets everything', async () => {
  const { operation, push, stall, drain, unread, texts } = open();
  void operation.next();
  await setImmediate();
  stall();
  push(result(1));
  await setImmediate();
  push(result(2));
  push(result(3));
  await setImmediate();
  expect([unread(), texts()]).toEqual([2, [message(1)]]);
  drain();
  await setImmediate();
  await setImmediate();
  expect([unread(), texts()]).toEqual([0, [1, 2, 3].map(message)]);
});

test('nothing is sent after the client has completed the operation, even if results are available', async () => {
  const { operation, push, texts, closed } = open();
  const end = operation.next();
  await setImmediate();
  push(result(1));
  await operation.return?.();
  await setImmediate();
  expect([await end, texts(), closed()]).toEqual([finished, [], 1]);
});

test('an operation that a stalled client completes ends at once', async () => {
  const { operation, push, stall, closed } = open();
  const end = operation.next();
  await setImmediate();
  stall();
  push(result(1));
  await setImmediate();
  push(result(2));
  await operation.return?.();
  expect([await end, closed()]).toEqual([finished, 1]);
});

test('a result that cannot be serialised ends only its operation, with the error', async () => {
  const { operation, push, closed } = open();
  const end = expect(operation.next()).rejects.toThrow('BigInt');
  await setImmediate();
  push(result(1n));
  await end;
  expect(closed()).toBe(1);
});

test('an operation ends with its socket', async () => {
  const { operation, push, close, writes, closed } = open();
  const end = operation.next();
  await setImmediate();
  close();
  push(result(1));
  expect([await end, writes, closed()]).toEqual([finished, [], 1]);
});
