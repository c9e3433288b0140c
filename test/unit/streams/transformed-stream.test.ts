import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { flattenStream, mapStream } from '../../../src/streams/transformed-stream.ts';
import { collect, readAvailable } from './live-tapes.ts';
import { createManualStream } from './manual-stream.ts';

interface Item {
  n: number;
}

const items = (...numbers: number[]): Item[] => numbers.map((n) => ({ n }));

describe('a flattened stream', () => {
  test('has the items of each value in order, and passes over empty values', () => {
    const { stream, push } = createManualStream<Item[]>();
    const flat = flattenStream(stream, (batch) => batch);
    let signals = 0;
    flat.onReadable(() => {
      signals += 1;
    });
    expect(flat.read()).toBe('pending');
    push(items(1, 2), [], items(3));
    expect([signals, readAvailable(flat)]).toEqual([1, [...items(1, 2, 3), 'pending']]);
    push(items(4), 'end');
    expect(readAvailable(flat)).toEqual([...items(4), 'end']);
  });

  test('has no more items after it was closed', () => {
    const { stream, push, closed } = createManualStream<Item[]>();
    const flat = flattenStream(stream, (batch) => batch);
    push(items(1, 2));
    expect(flat.read()).toEqual({ n: 1 });
    let isClosed = false;
    flat.onClose(() => {
      isClosed = true;
    });
    flat.close();
    expect([flat.read(), closed(), isClosed]).toEqual(['end', 1, true]);
  });

  test('can be iterated', async () => {
    const { stream, push } = createManualStream<Item[]>();
    const all = collect(flattenStream(stream, (batch) => batch));
    push(items(1, 2), items(3), 'end');
    expect(await all).toEqual(items(1, 2, 3));
  });
});

/** A stream of ten times each item. Zero stands for a promise that the test settles. */
function openMapped() {
  const source = createManualStream<Item>();
  let settle = (_item: Item) => {};
  const mapped = mapStream<Item, Item>(source.stream, {
    transform({ n }) {
      if (n < 0) throw new Error('negative');
      if (n > 0) return { n: 10 * n };
      return new Promise<Item>((resolve) => {
        settle = resolve;
      });
    },
    fromError: (error) => ({ error: String(error), n: -1 }),
  });
  let signals = 0;
  mapped.onReadable(() => {
    signals += 1;
  });
  return { ...source, mapped, settle: (n: number) => settle({ n }), signals: () => signals };
}

describe('a mapped stream', () => {
  test('has one value for each value', () => {
    const { mapped, push, signals } = openMapped();
    expect(mapped.read()).toBe('pending');
    push(...items(1, 2), 'end');
    expect([signals(), readAvailable(mapped)]).toEqual([1, [...items(10, 20), 'end']]);
  });

  test('waits for a promise before it reads further, and signals when the promise has settled', async () => {
    const { mapped, push, settle, signals, unread } = openMapped();
    expect(mapped.read()).toBe('pending');
    push(...items(1, 0, 3));
    expect(readAvailable(mapped)).toEqual([...items(10), 'pending']);
    expect([mapped.read(), unread(), signals()]).toEqual(['pending', 1, 1]);
    settle(20);
    await setImmediate();
    expect([signals(), readAvailable(mapped)]).toEqual([2, [...items(20, 30), 'pending']]);
  });

  test('that is closed during a promise ends a pending next, and ignores the promise', async () => {
    const { mapped, push, settle } = openMapped();
    const iterator = mapped[Symbol.asyncIterator]();
    let isClosed = false;
    mapped.onClose(() => {
      isClosed = true;
    });
    const pending = iterator.next();
    push(...items(0, 1));
    await iterator.return?.();
    expect(await pending).toEqual({ done: true, value: undefined });
    settle(1);
    await setImmediate();
    expect([mapped.read(), isClosed]).toEqual(['end', true]);
  });

  test.each([
    ['the stream', new Error('the store is down'), 'Error: the store is down'],
    ['the transformation', { n: -1 }, 'Error: negative'],
  ])('turns an error of %s into its last value', async (_origin, value, error) => {
    const { mapped, push, closed } = openMapped();
    push({ n: 1 }, value, { n: 2 });
    const values = readAvailable(mapped);
    await setImmediate();
    values.push(...readAvailable(mapped));
    expect(values.filter((each) => each !== 'pending' && each !== 'end')).toEqual([{ n: 10 }, { error, n: -1 }]);
    expect([closed(), mapped.read()]).toEqual([1, 'end']);
  });
});
