import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { StreamedResult } from '../../../src/graphql/execution/subscribe.ts';
import { sendResults } from '../../../src/server/transport/socket-sender.ts';
import { createSocketWriter } from '../../../src/server/transport/socket-writer.ts';
import { createFollowing } from '../../../src/streams/following.ts';
import { createFakeSocket } from './socket-frames.ts';

const result = (n: number): StreamedResult => ({ data: { n } });
const message = (n: number) => `{"id":"a\\"b","type":"next","payload":{"data":{"n":${n}}}}`;
const over = { done: true, value: undefined };

/** An operation over a stalled or a reading socket, with results that a test has ready or answers with. */
function open() {
  const fake = createFakeSocket();
  const ready: StreamedResult[] = [];
  let tell = () => {};
  let answer = (_result: StreamedResult | null) => {};
  let left = 0;
  const results = createFollowing<StreamedResult>({
    pull: () =>
      new Promise((resolve) => {
        answer = (value) => resolve(value ? { done: false, value } : { done: true, value: undefined });
      }),
    ready: () => ready.shift(),
    onReady(listener) {
      tell = listener;
    },
    async leave() {
      left += 1;
      answer(null);
    },
  });
  const delivery = sendResults(results, { id: 'a"b', outlet: createSocketWriter(fake.socket, fake.stream) });
  const come = (...values: StreamedResult[]) => {
    ready.push(...values);
    tell();
  };
  return {
    ...fake,
    delivery,
    come,
    ready,
    answer: (value: StreamedResult | null) => answer(value),
    left: () => left,
  };
}

test('results are messages of the operation, in order, whether they were waited for or ready', async () => {
  const { delivery, come, answer, texts, writes } = open();
  const end = delivery.next();
  await setImmediate();
  answer(result(1));
  await setImmediate();
  await setImmediate();
  come(result(2), result(3));
  come(result(4));
  await setImmediate();
  expect([texts(), writes.length]).toEqual([[1, 2, 3, 4].map(message), 2]);
  answer(null);
  expect(await end).toEqual(over);
});

test('B27: nothing is taken for a reader who stalls; then everything comes', async () => {
  const { delivery, come, stall, drain, ready, texts } = open();
  void delivery.next();
  await setImmediate();
  stall();
  come(result(1));
  await setImmediate();
  come(result(2));
  come(result(3));
  await setImmediate();
  expect([ready.length, texts()]).toEqual([2, [message(1)]]);
  drain();
  await setImmediate();
  await setImmediate();
  expect([ready.length, texts()]).toEqual([0, [1, 2, 3].map(message)]);
});

test('who leaves is sent nothing more, though something was ready', async () => {
  const { delivery, come, texts, left } = open();
  const end = delivery.next();
  await setImmediate();
  come(result(1));
  await delivery.return?.();
  await setImmediate();
  expect([await end, texts(), left() > 0]).toEqual([over, [], true]);
});

test('a result that can not be written ends its own operation', async () => {
  const { delivery, come, left } = open();
  const end = expect(delivery.next()).rejects.toThrow('BigInt');
  await setImmediate();
  come({ data: { n: 1n } });
  await end;
  expect(left()).toBeGreaterThan(0);
});

test('a socket that closes ends it', async () => {
  const { delivery, come, close, writes } = open();
  const end = delivery.next();
  await setImmediate();
  close();
  come(result(1));
  expect([await end, writes]).toEqual([over, []]);
});
