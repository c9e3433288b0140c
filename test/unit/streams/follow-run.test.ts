import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import type { RecordedEvent } from '../../../src/domain/events.ts';
import type { FollowBatch } from '../../../src/streams/follow-run.ts';
import { call, delta, ending, newRunId, opening, readAll, seqsOf, sequence } from '../../contract/appends.ts';
import { createLiveTapes, take, takeAll, type Wakes } from './live-runs.ts';

const deltas = (count: number) => sequence(count).map((n) => delta(`${n}`));
const eventsOf = (batches: FollowBatch[]): RecordedEvent[] => batches.flatMap(({ events }) => events);
const finished = { done: true, value: undefined };

describe('what a reader gets', () => {
  test('B25: the same events before, during and after the run', async () => {
    const { write, follow, journal, bus, clock } = createLiveTapes();
    const runId = newRunId();
    await write(runId, ...opening);
    const early = takeAll(follow(runId));
    await setImmediate();
    await write(runId, ...deltas(12));
    const during = takeAll(follow(runId));
    await setImmediate();
    for (const event of deltas(9)) await write(runId, event);
    await write(runId, delta('last'), ending);
    const late = takeAll(follow(runId));
    const tape = await readAll(journal, runId);
    for (const batches of await Promise.all([early, during, late])) {
      expect(eventsOf(batches)).toEqual(tape);
      expect(batches.map(({ closed }) => closed)).toEqual(batches.map((_, index) => index === batches.length - 1));
      expect(batches.filter(({ caughtUp }) => caughtUp)).toHaveLength(1);
      expect(batches.map(({ seq }) => seq)).toEqual(batches.map(({ events }) => events.at(-1)?.seq));
    }
    expect(bus.listeners()).toBe(0);
    expect(clock.pending()).toBe(0);
  });

  test('caught up in the batch that reaches what was the head at the beginning, and never again', async () => {
    const { write, follow } = createLiveTapes({ pageEvents: 4 });
    const runId = newRunId();
    await write(runId, ...deltas(6));
    const following = follow(runId);
    expect(await take(following)).toMatchObject({ seq: 4, caughtUp: false });
    await write(runId, ...deltas(5));
    expect(await take(following)).toMatchObject({ seq: 8, caughtUp: true });
    expect(await take(following)).toMatchObject({ seq: 11, caughtUp: false });
    await write(runId, delta('live'));
    expect(await take(following)).toMatchObject({ seq: 12, caughtUp: false, closed: false });
  });

  test('nothing but that it has caught up, where it has seen everything', async () => {
    const { write, follow } = createLiveTapes();
    const runId = newRunId();
    await write(runId, ...deltas(3));
    expect(await take(follow(runId, { after: 3 }))).toEqual({ events: [], seq: 3, caughtUp: true, closed: false });
    await write(runId, ending);
    for (const [of, after] of [
      [runId, 4],
      [newRunId(), 0],
    ] as const) {
      const batches = await takeAll(follow(of, { after }));
      expect(batches).toEqual([{ events: [], seq: after, caughtUp: true, closed: true }]);
    }
  });
});

describe('what a reader takes at once', () => {
  test('batches are of the size that it asks for, from pages and live', async () => {
    const { write, follow } = createLiveTapes({ pageEvents: 5, bufferEvents: 20 });
    const runId = newRunId();
    await write(runId, ...deltas(7));
    const following = follow(runId, { maxBatch: 3 });
    const sizes: number[] = [];
    const read = async () => sizes.push((await take(following)).events.length);
    for (const _ of [1, 2, 3]) await read();
    const live = read();
    await write(runId, ...deltas(7), ending);
    await live;
    for (const _ of [1, 2]) await read();
    expect(sizes).toEqual([3, 3, 1, 3, 3, 2]);
    expect(await following.next()).toEqual(finished);
    const pages = (await takeAll(follow(runId, { maxBatch: 100 }))).map(({ events }) => events.length);
    expect(pages).toEqual([5, 5, 5]);
  });

  test('no read for live events, once it has caught up', async () => {
    const { write, follow, reads } = createLiveTapes();
    const runId = newRunId();
    await write(runId, ...deltas(2));
    const following = follow(runId);
    await take(following);
    const before = reads();
    for (const n of sequence(20)) {
      const live = take(following);
      await write(runId, delta(`${n}`));
      expect(seqsOf((await live).events)).toEqual([n + 2]);
    }
    expect(reads()).toBe(before);
  });
});

describe('B29: types', () => {
  test('leave events out, and the position counts them', async () => {
    const { write, follow } = createLiveTapes({ pageEvents: 4 });
    const runId = newRunId();
    await write(runId, delta('1'), call(2), delta('3'), delta('4'), call(5));
    const following = follow(runId, { types: ['tool_call'] });
    expect(await take(following)).toMatchObject({ events: [{ seq: 2 }], seq: 4, caughtUp: false });
    expect(await take(following)).toMatchObject({ events: [{ seq: 5 }], seq: 5, caughtUp: true });
    const live = take(following);
    await write(runId, delta('6'), delta('7'));
    await write(runId, call(8), delta('9'));
    const { events, seq } = await live;
    expect(seqsOf(events)).toEqual([8]);
    const rest = follow(runId, { types: ['tool_call', 'status'], after: seq });
    await write(runId, delta('10'), ending);
    expect(await takeAll(rest)).toMatchObject([{ events: [{ seq: 11 }], seq: 11, caughtUp: true, closed: true }]);
  });

  test('that leave out everything still catch up and end', async () => {
    const { write, follow, bus, clock } = createLiveTapes({ pageEvents: 4 });
    const runId = newRunId();
    await write(runId, ...deltas(10));
    const batches = takeAll(follow(runId, { types: ['compaction'] }));
    await setImmediate();
    await write(runId, ...deltas(3), ending);
    expect(await batches).toEqual([
      { events: [], seq: 10, caughtUp: true, closed: false },
      { events: [], seq: 14, caughtUp: false, closed: true },
    ]);
    expect(bus.listeners() + clock.pending()).toBe(0);
  });

  test('that leave out everything keep nobody busy who has left', async () => {
    const { write, follow, reads } = createLiveTapes({ pageEvents: 1 });
    const runId = newRunId();
    await write(runId, ...deltas(500));
    const following = follow(runId, { types: ['compaction'] });
    const pending = following.next();
    await Promise.resolve();
    await following.return?.();
    expect(await pending).toEqual(finished);
    await setImmediate();
    expect(reads()).toBeLessThan(5);
  });
});

describe('wake-ups', () => {
  test.each<{ wakes: Wakes; kind: string }>([
    { wakes: 'heads', kind: 'without events are answered from the journal' },
    { wakes: 'lost', kind: 'that are lost are healed by the poll' },
  ])('$kind', async ({ wakes }) => {
    const { write, follow, tellBy, clock, journal } = createLiveTapes();
    const runId = newRunId();
    await write(runId, ...deltas(3));
    tellBy(wakes);
    const all = takeAll(follow(runId));
    await setImmediate();
    await write(runId, ...deltas(7));
    if (wakes === 'lost') await clock.advance(5000);
    await setImmediate();
    await write(runId, ...deltas(2), ending);
    if (wakes === 'lost') await clock.advance(5000);
    expect(eventsOf(await all)).toEqual(await readAll(journal, runId));
    expect(clock.pending()).toBe(0);
  });

  test('after one that was lost show a hole, which is filled from the journal', async () => {
    const { write, follow, tellBy } = createLiveTapes();
    const runId = newRunId();
    await write(runId, delta('1'));
    const following = follow(runId);
    await take(following);
    tellBy('lost');
    await write(runId, delta('2'), delta('3'));
    tellBy('events');
    const live = take(following);
    await write(runId, delta('4'));
    expect(seqsOf((await live).events)).toEqual([2, 3, 4]);
  });
});

describe('wake-ups at odd moments', () => {
  test('that come twice, late, or with a part bring nothing twice', async () => {
    const { write, follow, bus, tellBy } = createLiveTapes();
    const runId = newRunId();
    const sessionId = 'ses';
    await write(runId, delta('1'));
    const following = follow(runId);
    await take(following);
    tellBy('lost');
    const events = await write(runId, ...deltas(4));
    bus.publish({ runId, sessionId, head: 3, events: events.slice(0, 2), hints: [] });
    bus.publish({ runId, sessionId, head: 3, events: events.slice(0, 2), hints: [] });
    bus.publish({ runId, sessionId, head: 3, events: null, hints: [] });
    bus.publish({ runId, sessionId, head: 5, events, hints: [] });
    expect(seqsOf((await take(following)).events)).toEqual([2, 3, 4, 5]);
    const live = take(following);
    bus.publish({ runId, sessionId, head: 5, events, hints: [] });
    const more = await write(runId, delta('6'), delta('7'));
    bus.publish({ runId, sessionId, head: 7, events: more.slice(0, 1), hints: [] });
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
    const following = follow(runId);
    expect(seqsOf((await take(following)).events)).toEqual([1, 2]);
    expect(seqsOf((await take(following)).events)).toEqual([3]);
  });
});

describe('B27: a reader that stops reading', () => {
  const collectGarbage = () => {
    setFlagsFromString('--expose-gc');
    runInNewContext('gc')();
  };

  test('makes the follower hold no more than its buffer, and gets everything when it reads again', async () => {
    const { write, follow, bus, journal, reads } = createLiveTapes({ pageEvents: 10, bufferEvents: 16 });
    const runId = newRunId();
    await write(runId, delta('1'));
    const following = follow(runId);
    const batches = [await take(following)];
    const heard: WeakRef<RecordedEvent>[] = [];
    bus.onRun(runId, (wake) => {
      for (const event of wake?.events ?? []) heard.push(new WeakRef(event));
    });
    const held: number[] = [];
    for (const n of sequence(100)) {
      await write(runId, delta(`${n}`));
      if (n % 10 !== 0) continue;
      await setImmediate();
      collectGarbage();
      held.push(heard.filter((event) => event.deref() !== undefined).length);
    }
    expect(heard).toHaveLength(100);
    expect(Math.max(...held)).toBeLessThanOrEqual(16);
    expect(Math.max(...held)).toBeGreaterThanOrEqual(10);
    const before = reads();
    await write(runId, ending);
    batches.push(...(await takeAll(following)));
    expect(eventsOf(batches)).toEqual(await readAll(journal, runId));
    expect(reads() - before).toBeGreaterThanOrEqual(10);
  });

  test('in a while too short to fill the buffer costs no read', async () => {
    const { write, follow, reads } = createLiveTapes({ bufferEvents: 8 });
    const runId = newRunId();
    await write(runId, delta('1'));
    const following = follow(runId);
    await take(following);
    const before = reads();
    for (const n of sequence(8)) await write(runId, delta(`${n}`));
    expect(seqsOf((await take(following)).events)).toEqual(sequence(9, 2));
    expect(reads()).toBe(before);
  });
});
