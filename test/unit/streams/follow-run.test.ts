import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import type { RecordedEvent } from '../../../src/domain/events.ts';
import type { ObservedFollower } from '../../../src/observer.ts';
import type { FollowBatch } from '../../../src/streams/follow-run.ts';
import { call, delta, ending, newRunId, opening, readAll, seqsOf, sequence } from '../../contract/appends.ts';
import { collect, createLiveTapes, type NotificationMode, next, readAvailable } from './live-tapes.ts';

const deltas = (count: number) => sequence(count).map((n) => delta(`${n}`));
const eventsOf = (batches: FollowBatch[]): RecordedEvent[] => batches.flatMap(({ events }) => events);

describe('events and their batches', () => {
  test('B25: are the same for followers that start before, during and after the run', async () => {
    const { write, follow, journal, notifications, clock } = createLiveTapes();
    const runId = newRunId();
    await write(runId, ...opening);
    const early = collect(follow(runId));
    await setImmediate();
    await write(runId, ...deltas(12));
    const during = collect(follow(runId));
    await setImmediate();
    for (const event of deltas(9)) await write(runId, event);
    await write(runId, delta('last'), ending);
    const late = collect(follow(runId));
    const tape = await readAll(journal, runId);
    for (const batches of await Promise.all([early, during, late])) {
      expect(eventsOf(batches)).toEqual(tape);
      expect(batches.map(({ closed }) => closed)).toEqual(batches.map((_, index) => index === batches.length - 1));
      expect(batches.filter(({ caughtUp }) => caughtUp)).toHaveLength(1);
      expect(batches.map(({ seq }) => seq)).toEqual(batches.map(({ events }) => events.at(-1)?.seq));
    }
    expect(notifications.listeners()).toBe(0);
    expect(clock.pending()).toBe(0);
  });

  test('set caughtUp once, in the batch that reaches the head at the start', async () => {
    const { write, follow } = createLiveTapes({ pageEvents: 4 });
    const runId = newRunId();
    await write(runId, ...deltas(6));
    const reader = follow(runId);
    expect(await next(reader)).toMatchObject({ seq: 4, caughtUp: false });
    await write(runId, ...deltas(5));
    expect(await next(reader)).toMatchObject({ seq: 8, caughtUp: true });
    expect(await next(reader)).toMatchObject({ seq: 11, caughtUp: false });
    await write(runId, delta('live'));
    expect(await next(reader)).toMatchObject({ seq: 12, caughtUp: false, closed: false });
  });

  test('are charged to the reader before it reads on, as far as they are history', async () => {
    const { write, follow, dependencies } = createLiveTapes({ pageEvents: 4 });
    const runId = newRunId();
    await write(runId, ...deltas(10));
    const charges: unknown[] = [];
    let admit = () => {};
    dependencies.admitRead = (...[reader, events]) => {
      charges.push([reader, events]);
      return new Promise((resolve) => {
        admit = resolve;
      });
    };
    const reader = follow(runId);
    expect(await next(reader)).toMatchObject({ seq: 4 });
    const second = next(reader);
    await setImmediate();
    expect(charges).toEqual([['ada', 4]]);
    // Notifications do not let the reader pass.
    await write(runId, ...deltas(1));
    admit();
    expect(await second).toMatchObject({ seq: 8 });
    const third = next(reader);
    await setImmediate();
    admit();
    expect(await third).toMatchObject({ seq: 11 });
    await write(runId, delta('live'));
    expect(await next(reader)).toMatchObject({ seq: 12 });
    expect(charges).toEqual(Array(2).fill(['ada', 4]));
  });

  test('a follower that is closed while it waits for its charge is known to be, and reads no more', async () => {
    const { write, follow, dependencies } = createLiveTapes({ pageEvents: 4 });
    const runId = newRunId();
    await write(runId, ...deltas(10));
    const states: boolean[] = [];
    let admit = () => {};
    dependencies.admitRead = (_reader, _events, isOpen) => {
      states.push(isOpen());
      return new Promise((resolve) => {
        admit = () => {
          states.push(isOpen());
          resolve();
        };
      });
    };
    const reader = follow(runId);
    await next(reader);
    const second = reader.next();
    await setImmediate();
    await reader.return?.();
    const { read } = dependencies.journal;
    let reads = 0;
    dependencies.journal.read = (...page) => {
      reads += 1;
      return read(...page);
    };
    admit();
    await setImmediate();
    expect((await second).done).toBe(true);
    expect([states, reads]).toEqual([[true, false], 0]);
  });

  test('a follower that starts at the head gets an empty batch with caughtUp', async () => {
    const { write, follow, reads } = createLiveTapes();
    const runId = newRunId();
    await write(runId, ...deltas(3));
    const atHead = { runId, events: [], seq: 3, caughtUp: true, closed: false };
    expect(await next(follow(runId, { after: 3 }))).toEqual(atHead);
    await write(runId, ending);
    const before = reads();
    for (const [id, after] of [
      [runId, 4],
      [newRunId(), 0],
    ] as const) {
      const batches = await collect(follow(id, { after }));
      expect(batches).toEqual([{ runId: id, events: [], seq: after, caughtUp: true, closed: true }]);
    }
    // The head of each tape, and no page.
    expect(reads()).toBe(before + 2);
  });

  test('have at most maxBatch events, from pages and live', async () => {
    const { write, follow } = createLiveTapes({ pageEvents: 5, bufferEvents: 20 });
    const runId = newRunId();
    await write(runId, ...deltas(7));
    const reader = follow(runId, { maxBatch: 3 });
    const sizes: number[] = [];
    const readSize = async () => sizes.push((await next(reader)).events.length);
    for (const _ of [1, 2, 3]) await readSize();
    const live = readSize();
    await write(runId, ...deltas(7), ending);
    await live;
    for (const _ of [1, 2]) await readSize();
    expect(sizes).toEqual([3, 3, 1, 3, 3, 2]);
    expect(await reader.next()).toEqual({ done: true, value: undefined });
    const pages = (await collect(follow(runId, { maxBatch: 100 }))).map(({ events }) => events.length);
    expect(pages).toEqual([5, 5, 5]);
  });

  test('need no read once the follower is live', async () => {
    const { write, follow, reads } = createLiveTapes();
    const runId = newRunId();
    await write(runId, ...deltas(2));
    const reader = follow(runId);
    await next(reader);
    const before = reads();
    for (const n of sequence(20)) {
      const live = next(reader);
      await write(runId, delta(`${n}`));
      expect(seqsOf((await live).events)).toEqual([n + 2]);
    }
    expect(reads()).toBe(before);
  });
});

describe('B29: types', () => {
  test('leave out events, but not from the position', async () => {
    const { write, follow } = createLiveTapes({ pageEvents: 4 });
    const runId = newRunId();
    await write(runId, delta('1'), call(2), delta('3'), delta('4'), call(5));
    const reader = follow(runId, { types: ['tool_call'] });
    expect(await next(reader)).toMatchObject({ events: [{ seq: 2 }], seq: 4, caughtUp: false });
    expect(await next(reader)).toMatchObject({ events: [{ seq: 5 }], seq: 5, caughtUp: true });
    const live = next(reader);
    await write(runId, delta('6'), delta('7'));
    await write(runId, call(8), delta('9'));
    const { events, seq } = await live;
    expect(seqsOf(events)).toEqual([8]);
    const rest = follow(runId, { types: ['tool_call', 'status'], after: seq });
    await write(runId, delta('10'), ending);
    expect(await collect(rest)).toMatchObject([{ events: [{ seq: 11 }], seq: 11, caughtUp: true, closed: true }]);
  });

  test('are found behind more events of other types than a batch has', async () => {
    const { write, follow } = createLiveTapes();
    const runId = newRunId();
    await write(runId, delta('1'));
    const reader = follow(runId, { types: ['tool_call'], maxBatch: 2 });
    expect(await next(reader)).toMatchObject({ events: [], caughtUp: true });
    const live = next(reader);
    await setImmediate();
    await write(runId, ...deltas(4), call(6));
    expect(seqsOf((await live).events)).toEqual([6]);
  });

  test('that no event has still let a follower catch up and end', async () => {
    const { write, follow, notifications, clock } = createLiveTapes({ pageEvents: 4 });
    const runId = newRunId();
    await write(runId, ...deltas(10));
    const batches = collect(follow(runId, { types: ['compaction'] }));
    await setImmediate();
    await write(runId, ...deltas(3), ending);
    expect(await batches).toEqual([
      { runId, events: [], seq: 10, caughtUp: true, closed: false },
      { runId, events: [], seq: 14, caughtUp: false, closed: true },
    ]);
    expect(notifications.listeners() + clock.pending()).toBe(0);
  });

  test('that no event has cause no more reads after the reader has left', async () => {
    const { write, follow, reads } = createLiveTapes({ pageEvents: 1 });
    const runId = newRunId();
    await write(runId, ...deltas(500));
    const reader = follow(runId, { types: ['compaction'] });
    const pending = reader.next();
    await Promise.resolve();
    await reader.return?.();
    expect(await pending).toEqual({ done: true, value: undefined });
    await setImmediate();
    expect(reads()).toBeLessThan(5);
  });
});

describe('notifications', () => {
  test.each<{ mode: NotificationMode; what: string }>([
    { mode: 'heads', what: 'without events lead to a read' },
    { mode: 'lost', what: 'that are lost are made up for by the poll' },
  ])('$what', async ({ mode }) => {
    const { write, follow, setMode, clock, journal } = createLiveTapes();
    const runId = newRunId();
    await write(runId, ...deltas(3));
    setMode(mode);
    const all = collect(follow(runId));
    await setImmediate();
    await write(runId, ...deltas(7));
    if (mode === 'lost') await clock.advance(5000);
    await setImmediate();
    await write(runId, ...deltas(2), ending);
    if (mode === 'lost') await clock.advance(5000);
    expect(eventsOf(await all)).toEqual(await readAll(journal, runId));
    expect(clock.pending()).toBe(0);
  });

  test('after a lost one reveal the missing events, which are read', async () => {
    const { write, follow, setMode } = createLiveTapes();
    const runId = newRunId();
    await write(runId, delta('1'));
    const reader = follow(runId);
    await next(reader);
    setMode('lost');
    await write(runId, delta('2'), delta('3'));
    setMode('events');
    const live = next(reader);
    await write(runId, delta('4'));
    expect(seqsOf((await live).events)).toEqual([2, 3, 4]);
  });

  test('that are repeated, late or incomplete cause no duplicate', async () => {
    const { write, follow, notifications, setMode, reads } = createLiveTapes();
    const runId = newRunId();
    const sessionId = 'ses';
    await write(runId, delta('1'));
    const reader = follow(runId);
    await next(reader);
    const before = reads();
    setMode('lost');
    const events = await write(runId, ...deltas(4));
    notifications.publish({ runId, sessionId, head: 3, events: events.slice(0, 2), hints: [] });
    notifications.publish({ runId, sessionId, head: 3, events: events.slice(0, 2), hints: [] });
    notifications.publish({ runId, sessionId, head: 3, events: null, hints: [] });
    notifications.publish({ runId, sessionId, head: 5, events, hints: [] });
    expect(seqsOf((await next(reader)).events)).toEqual([2, 3, 4, 5]);
    const live = next(reader);
    notifications.publish({ runId, sessionId, head: 5, events, hints: [] });
    notifications.publish({ runId, sessionId, head: 3, events: events.slice(0, 2), hints: [] });
    // What a notification repeats is left out; nothing has to be read.
    expect(reads()).toBe(before);
    const more = await write(runId, delta('6'), delta('7'));
    notifications.publish({ runId, sessionId, head: 7, events: more.slice(0, 1), hints: [] });
    expect(seqsOf((await live).events)).toEqual([6, 7]);
  });

  test('during the read of a page are not lost', async () => {
    const { write, follow, dependencies, journal } = createLiveTapes({ pageEvents: 4 });
    const runId = newRunId();
    await write(runId, ...deltas(2));
    dependencies.journal = {
      ...journal,
      async read(...range) {
        const page = await journal.read(...range);
        if (page.at(-1)?.seq === 2) await write(runId, delta('3'));
        return page;
      },
    };
    const reader = follow(runId);
    expect(seqsOf((await next(reader)).events)).toEqual([1, 2]);
    expect(seqsOf((await next(reader)).events)).toEqual([3]);
  });
});

describe('a follower', () => {
  test('has each event once if a notification and the page that is being read have it', async () => {
    const { write, follow, dependencies, journal } = createLiveTapes({ pageEvents: 4 });
    const runId = newRunId();
    await write(runId, ...deltas(2));
    let isFirst = true;
    dependencies.journal = {
      ...journal,
      async read(...range) {
        if (isFirst) await write(runId, delta('3'));
        isFirst = false;
        return journal.read(...range);
      },
    };
    const reader = follow(runId);
    expect(seqsOf((await next(reader)).events)).toEqual([1, 2, 3]);
    const live = next(reader);
    await setImmediate();
    await write(runId, delta('4'), ending);
    expect(seqsOf((await live).events)).toEqual([4, 5]);
  });

  test('reads the journal again when notifications may have been lost, without waiting for the poll', async () => {
    const { write, open, setMode, notifications } = createLiveTapes();
    const runId = newRunId();
    await write(runId, delta('1'));
    const stream = open(runId);
    stream.read();
    await setImmediate();
    readAvailable(stream);
    setMode('lost');
    await write(runId, delta('2'));
    expect(stream.read()).toBe('pending');
    notifications.reportLoss(runId);
    expect(stream.read()).toBe('pending');
    await setImmediate();
    expect(stream.read()).toMatchObject({ events: [{ seq: 2 }] });
  });

  test('reads an append that is longer than its buffer', async () => {
    const { write, follow, reads } = createLiveTapes({ pageEvents: 20, bufferEvents: 8 });
    const runId = newRunId();
    await write(runId, delta('1'));
    const reader = follow(runId);
    await next(reader);
    const before = reads();
    await write(runId, ...deltas(9));
    expect(seqsOf((await next(reader)).events)).toEqual(sequence(10, 2));
    expect(reads()).toBe(before + 1);
  });
});

describe('B27: a reader that stops reading', () => {
  const collectGarbage = () => {
    setFlagsFromString('--expose-gc');
    runInNewContext('gc')();
  };

  test('holds no more than its buffer in memory, and gets all events when it reads again', async () => {
    const { write, follow, notifications, journal, reads } = createLiveTapes({ pageEvents: 10, bufferEvents: 16 });
    const runId = newRunId();
    await write(runId, delta('1'));
    const reader = follow(runId);
    const batches = [await next(reader)];
    const published: WeakRef<RecordedEvent>[] = [];
    notifications.onRun(runId, (notification) => {
      for (const event of notification?.events ?? []) published.push(new WeakRef(event));
    });
    const held: number[] = [];
    for (const n of sequence(100)) {
      await write(runId, delta(`${n}`));
      if (n % 10 !== 0) continue;
      await setImmediate();
      collectGarbage();
      held.push(published.filter((event) => event.deref() !== undefined).length);
    }
    expect(published).toHaveLength(100);
    expect(Math.max(...held)).toBeLessThanOrEqual(16);
    expect(Math.max(...held)).toBeGreaterThanOrEqual(10);
    const before = reads();
    await write(runId, ending);
    batches.push(...(await collect(reader)));
    expect(eventsOf(batches)).toEqual(await readAll(journal, runId));
    expect(reads() - before).toBeGreaterThanOrEqual(10);
  });

  test('for too short a time to fill the buffer causes no read', async () => {
    const { write, follow, reads } = createLiveTapes({ bufferEvents: 8 });
    const runId = newRunId();
    await write(runId, delta('1'));
    const reader = follow(runId);
    await next(reader);
    const before = reads();
    for (const n of sequence(8)) await write(runId, delta(`${n}`));
    expect(seqsOf((await next(reader)).events)).toEqual(sequence(9, 2));
    expect(reads()).toBe(before);
  });
});

test('an observer sees how many events a follower has not read, until it ends', async () => {
  const { dependencies, write, follow } = createLiveTapes({ pageEvents: 4 });
  const followers = new Set<ObservedFollower>();
  dependencies.observer = {
    following(follower) {
      followers.add(follower);
      return () => void followers.delete(follower);
    },
  };
  const lags = () => [...followers].map(({ lag }) => lag());
  const runId = newRunId();
  await write(runId, ...opening, ...deltas(6));
  const reader = follow(runId);
  expect(lags()).toEqual([]);
  await next(reader);
  expect(lags()).toEqual([opening.length + 2]);
  await next(reader);
  expect(lags()).toEqual([0]);
  await write(runId, ...deltas(3));
  expect(lags()).toEqual([3]);
  await write(runId, ending);
  await collect(reader);
  expect(lags()).toEqual([]);
});

describe('a tape that is purged', () => {
  /** A journal that can lose its tapes, as when their session is purged. */
  function createPurgeable() {
    const tapes = createLiveTapes();
    const { read, head } = tapes.journal;
    let isPurged = false;
    Object.assign(tapes.journal, {
      read: async (...range: Parameters<typeof read>) => (isPurged ? [] : read(...range)),
      head: async (runId: string) => (isPurged ? null : head(runId)),
    });
    const purge = () => {
      isPurged = true;
    };
    return { ...tapes, purge };
  }

  test('ends a follower that has not read all of it', async () => {
    const { write, follow, purge, notifications, clock } = createPurgeable();
    const runId = newRunId();
    await write(runId, ...deltas(11), ending);
    const reader = follow(runId);
    expect(await next(reader)).toMatchObject({ seq: 5, closed: false });
    purge();
    expect(await reader.next()).toEqual({ done: true, value: undefined });
    expect([notifications.listeners(), clock.pending()]).toEqual([0, 0]);
  });

  test('ends a follower that lost its buffer', async () => {
    const { write, follow, purge } = createPurgeable();
    const runId = newRunId();
    await write(runId, ...deltas(2));
    const reader = follow(runId);
    expect(await next(reader)).toMatchObject({ seq: 2, caughtUp: true });
    const pending = reader.next();
    await setImmediate();
    await write(runId, ...deltas(1));
    expect(await pending).toMatchObject({ value: { seq: 3 } });
    await write(runId, ...deltas(9), ending);
    purge();
    expect(await reader.next()).toEqual({ done: true, value: undefined });
  });

  test('ends a follower that no notification told of its end, within two polls', async () => {
    const { write, follow, purge, setMode, clock, notifications } = createPurgeable();
    const runId = newRunId();
    await write(runId, ...deltas(2));
    const reader = follow(runId);
    expect(await next(reader)).toMatchObject({ seq: 2, caughtUp: true });
    const end = reader.next();
    await setImmediate();
    setMode('lost');
    await write(runId, ending);
    purge();
    await clock.advance(10_000);
    await setImmediate();
    expect(notifications.listeners()).toBe(0);
    expect(await end).toEqual({ done: true, value: undefined });
    expect(clock.pending()).toBe(0);
  });
});
