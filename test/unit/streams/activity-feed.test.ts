import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { createMemoryActivity, pollMilliseconds, read } from './memory-activity.ts';

/** 1, 2, 3, … */
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

describe('many changes at once', () => {
  test('all arrive after one notification, and nobody looks for open transactions', async () => {
    const activity = createMemoryActivity({ windowItems: 2000 });
    const stream = await activity.follow();
    await read(stream);
    const { locks } = activity.reads;
    activity.change(1200);
    expect((await read(stream)).positions).toEqual(upTo(1200));
    expect([activity.reads.locks, activity.reads.pages]).toEqual([locks, 0]);
    stream.close();
  });

  test('all arrive after a gap, too', async () => {
    const activity = createMemoryActivity({ windowItems: 2000 });
    const stream = await activity.follow();
    await read(stream);
    const failing = activity.begin();
    failing.insert();
    failing.rollback();
    activity.change(1200);
    expect((await read(stream)).positions).toEqual(upTo(1201).slice(1));
    stream.close();
  });

  test('are not lost if one commits while the feed looks for open transactions', async () => {
    const activity = createMemoryActivity({ windowItems: 2000 });
    const stream = await activity.follow();
    await read(stream);
    const slow = activity.begin();
    slow.insert();
    activity.store.beforeLocks = slow.commit;
    activity.change(500);
    expect((await read(stream)).positions).toEqual(upTo(501));
    stream.close();
  });

  test('that are not settled yet come once, after those that are', async () => {
    const activity = createMemoryActivity();
    const stream = await activity.follow();
    await read(stream);
    const failing = activity.begin();
    failing.insert();
    failing.rollback();
    let isFirst = true;
    activity.store.beforeLocks = () => {
      if (isFirst) activity.change();
      isFirst = false;
    };
    activity.change();
    expect((await read(stream)).positions).toEqual([2, 3]);
    stream.close();
  });

  test('are passed over while nobody follows', async () => {
    const activity = createMemoryActivity();
    (await activity.follow()).close();
    activity.change(5000);
    const before = activity.reads.feed;
    expect(await activity.feed.catchUp()).toBe(5000);
    expect(activity.reads.feed - before).toBeLessThanOrEqual(2);
  });
});

test.each([10, 1000])(
  'batches have at most their size, and say once that the start is reached: window of %i',
  async (windowItems) => {
    const activity = createMemoryActivity({ windowItems });
    const keeper = await activity.follow();
    await read(keeper);
    activity.change(25);
    await read(keeper);
    const stream = await activity.follow(2, { maxBatch: 10 });
    activity.change(4);
    await read(keeper);
    const batches: [number, number, boolean][] = [];
    for (let turn = 0; turn < 20; turn += 1) {
      for (let value = stream.read(); value instanceof Object; value = stream.read()) {
        batches.push([value.items.length, value.position, value.caughtUp]);
      }
      await setImmediate();
    }
    expect(batches).toEqual([
      [10, 12, false],
      [10, 22, false],
      [7, 29, true],
    ]);
    for (const each of [stream, keeper]) each.close();
  },
);

describe('the first position', () => {
  /** Changes are committed while a transaction is open, which has not ended when somebody wants to follow. */
  async function openFirst() {
    const activity = createMemoryActivity();
    activity.change();
    const slow = activity.begin();
    slow.insert();
    const first = activity.feed.catchUp();
    await activity.clock.advance(0);
    return { ...activity, slow, first };
  }

  test('does not wait for transactions that have begun later', async () => {
    const { begin, slow, first, clock } = await openFirst();
    begin().insert();
    slow.commit();
    await clock.advance(10);
    expect(await first).toBe(1);
  });

  test('is looked for again after a pause, which grows', async () => {
    const { slow, first, clock, reads } = await openFirst();
    const { locks } = reads;
    await clock.advance(5);
    expect(reads.locks - locks).toBe(1);
    await clock.advance(10);
    expect(reads.locks - locks).toBe(2);
    await clock.advance(300);
    const many = reads.locks - locks;
    expect(many).toBe(6);
    await clock.advance(3200);
    expect(reads.locks - locks - many).toBe(10);
    slow.rollback();
    await clock.advance(320);
    expect(await first).toBe(1);
    expect(clock.pending()).toBe(0);
  });

  test('is not looked for any more by a feed that was closed, and who waits is told', async () => {
    const { feed, first, clock, reads, notifications } = await openFirst();
    const failed = expect(first).rejects.toMatchObject({ name: 'StoreError', failure: 'unavailable' });
    await feed.close();
    await failed;
    const before = { ...reads };
    await clock.advance(2 * pollMilliseconds);
    expect([clock.pending(), notifications.listeners(), reads]).toEqual([0, 0, before]);
  });
});

test('a feed that is closed during its first read tells who waits for it', async () => {
  const { feed, begin, store, clock } = createMemoryActivity();
  begin().insert();
  let closing: Promise<void> | null = null;
  store.beforeLocks = () => {
    closing ??= feed.close();
  };
  await expect(feed.catchUp()).rejects.toMatchObject({ name: 'StoreError', failure: 'unavailable' });
  await closing;
  expect(clock.pending()).toBe(0);
});

describe('a read that takes long', () => {
  /** The feed is reading, and gets nothing before `answer` is called. */
  async function openReading() {
    const activity = createMemoryActivity();
    const stream = await activity.follow();
    await read(stream);
    let answer = () => {};
    activity.store.answer = new Promise((resolve) => {
      answer = resolve;
    });
    activity.announce();
    await setImmediate();
    return { ...activity, stream, answer };
  }

  test('is waited for by a feed that is closed', async () => {
    const { feed, answer, stream, announce, reads } = await openReading();
    announce();
    let isClosed = false;
    const closing = feed.close().then(() => {
      isClosed = true;
    });
    await setImmediate();
    expect(isClosed).toBe(false);
    answer();
    await closing;
    const done = { ...reads };
    for (let turn = 0; turn < 5; turn += 1) await setImmediate();
    expect(reads).toEqual(done);
    stream.close();
  });

  test('is followed by one for all who have asked since', async () => {
    const { feed, answer, stream, change, reads } = await openReading();
    const before = reads.feed;
    change(2);
    const positions = Promise.all([feed.catchUp(), feed.catchUp()]);
    await setImmediate();
    expect(reads.feed).toBe(before);
    answer();
    expect(await positions).toEqual([2, 2]);
    expect(reads.feed).toBe(before + 1);
    stream.close();
  });
});

describe('a store that is down', () => {
  test('fails who wants to catch up', async () => {
    const activity = createMemoryActivity();
    activity.store.isDown = true;
    await expect(activity.feed.catchUp()).rejects.toMatchObject({ name: 'StoreError' });
  });

  test('is reported with each read that a notification causes, until it works again', async () => {
    const activity = createMemoryActivity();
    const stream = await activity.follow();
    await read(stream);
    expect(activity.outcomes).toEqual(['worked']);
    activity.store.isDown = true;
    activity.change();
    await setImmediate();
    expect(activity.outcomes).toEqual(['worked', 'failed']);
    activity.store.isDown = false;
    activity.announce();
    await setImmediate();
    expect(activity.outcomes).toEqual(['worked', 'failed', 'worked']);
    expect((await read(stream)).positions).toEqual([1]);
    stream.close();
  });
});

describe('a reader that waits', () => {
  /** Two readers that have caught up, and how often they were signalled since. */
  async function openReaders() {
    const activity = createMemoryActivity();
    const streams = [await activity.follow(), await activity.follow()] as const;
    const signals = [0, 0];
    for (const [index, stream] of streams.entries()) {
      await read(stream);
      stream.onReadable(() => {
        signals[index] = (signals[index] ?? 0) + 1;
      });
    }
    return { ...activity, streams, signals };
  }

  test('is signalled when a change for it has arrived, and not by changes of others', async () => {
    const { change, streams, signals } = await openReaders();
    change(1, 'bob');
    await setImmediate();
    expect(signals).toEqual([0, 0]);
    change();
    await setImmediate();
    expect(signals).toEqual([1, 1]);
    for (const stream of streams) {
      expect(stream.read()).toMatchObject({ items: [{ position: 2 }], position: 2 });
      stream.close();
    }
  });

  test('loses no change that it has not read to later changes of others', async () => {
    const { change, streams } = await openReaders();
    change(1, 'ada');
    await setImmediate();
    change(2, 'bob');
    await setImmediate();
    for (const stream of streams) {
      expect(stream.read()).toMatchObject({ items: [{ owner: 'ada', position: 1 }], position: 3 });
      expect(stream.read()).toBe('pending');
      stream.close();
    }
  });

  test('gets its own change only, if others have changed something in the same transaction', async () => {
    const { begin, announce, streams, signals } = await openReaders();
    const transaction = begin();
    for (const owner of ['bob', 'ada', 'bob']) transaction.insert(owner);
    transaction.commit();
    announce();
    await setImmediate();
    expect(signals).toEqual([1, 1]);
    for (const stream of streams) {
      const batch = stream.read();
      expect(batch).toMatchObject({ items: [{ owner: 'ada', position: 2 }], position: 3 });
      expect(batch).toHaveProperty('items.length', 1);
      stream.close();
    }
  });

  test('gets no signal of a change after another reader has closed it', async () => {
    const { change, streams, signals } = await openReaders();
    const [first, second] = streams;
    first.onReadable(() => second.close());
    change();
    await setImmediate();
    // The signal that it has ended.
    expect([signals, second.read()]).toEqual([[0, 1], 'end']);
    first.close();
  });

  test('causes no reads after the feed was closed', async () => {
    const { feed, clock, reads, announce, streams } = await openReaders();
    await feed.close();
    const before = { ...reads };
    announce();
    await clock.advance(3 * pollMilliseconds);
    expect(reads).toEqual(before);
    for (const stream of streams) stream.close();
    expect(clock.pending()).toBe(0);
  });
});

describe('the pause before another look at an open transaction', () => {
  test('is one, however many notifications come', async () => {
    const activity = createMemoryActivity();
    const stream = await activity.follow();
    await read(stream);
    activity.begin().insert();
    const before = activity.clock.pending();
    activity.change();
    await read(stream);
    for (let count = 0; count < 3; count += 1) {
      activity.announce();
      await read(stream);
      expect(activity.clock.pending()).toBe(before + 1);
    }
    stream.close();
    expect(activity.clock.pending()).toBe(0);
  });

  test('is none if nobody follows, or the feed is being closed', async () => {
    const activity = createMemoryActivity();
    (await activity.follow()).close();
    activity.begin().insert();
    activity.change();
    expect(await activity.feed.catchUp()).toBe(0);
    expect(activity.clock.pending()).toBe(0);
    const stream = await activity.follow();
    activity.store.beforeLocks = () => void activity.feed.close();
    expect(stream.read()).toMatchObject({ items: [], caughtUp: true });
    expect(stream.read()).toBe('pending');
    await setImmediate();
    stream.close();
    expect(activity.clock.pending()).toBe(0);
  });
});

describe('the followers of one feed', () => {
  test('subscribe together, and end the subscription with the last of them', async () => {
    const activity = createMemoryActivity();
    const [one, other] = [await activity.follow(), await activity.follow()];
    await read(one);
    const before = activity.reads.feed;
    await read(other);
    expect([activity.notifications.listeners(), activity.reads.feed]).toEqual([1, before]);
    one.close();
    activity.change();
    expect((await read(other)).positions).toEqual([1]);
    other.close();
    expect([activity.notifications.listeners(), activity.clock.pending()]).toEqual([0, 0]);
  });

  test('do not repeat the poll of each other', async () => {
    const activity = createMemoryActivity();
    const streams = await Promise.all(upTo(5).map(() => activity.follow()));
    for (const stream of streams) await read(stream);
    const before = activity.reads.feed;
    await activity.clock.advance(2 * pollMilliseconds);
    for (const stream of streams) await read(stream);
    expect(activity.reads.feed - before).toBeLessThanOrEqual(2);
    expect(activity.reads.feed - before).toBeGreaterThan(0);
    for (const stream of streams) stream.close();
  });

  test('that begin while the feed passes over changes get these from the store', async () => {
    const activity = createMemoryActivity();
    // It stands where the first page of the feed ends.
    const stream = await activity.follow(500);
    activity.store.beforeLocks = () => void stream.read();
    activity.change(600);
    expect(await activity.feed.catchUp()).toBe(600);
    expect((await read(stream)).positions).toEqual(upTo(600).slice(500));
    stream.close();
  });

  test('that come after a pause get what was changed in it from the store', async () => {
    const activity = createMemoryActivity();
    const stream = await activity.follow();
    activity.change(2);
    await read(stream);
    stream.close();
    activity.change(3);
    const later = await activity.follow(1);
    expect((await read(later)).positions).toEqual([2, 3, 4, 5]);
    activity.change();
    expect((await read(later)).positions).toEqual([6]);
    later.close();
  });
});
