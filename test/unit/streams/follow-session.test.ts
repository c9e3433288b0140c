import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { StoreError } from '../../../src/database/store-error.ts';
import type { FollowBatch } from '../../../src/streams/follow-run.ts';
import { followSession, type SessionFollowRequest, type SessionRuns } from '../../../src/streams/follow-session.ts';
import { delta, ending, newRunId, opening, sessionId } from '../../contract/appends.ts';
import { collect, createLiveTapes, next } from './live-tapes.ts';

/** A session in memory. Its runs are ordered by the calls of `begin`. */
function createSession() {
  const tapes = createLiveTapes();
  const runIds: string[] = [];
  const session = { isArchived: false };
  let lookups = 0;
  const runs: SessionRuns = {
    async next(_sessionId, runId) {
      lookups += 1;
      return runIds[runId === null ? 0 : runIds.indexOf(runId) + 1] ?? null;
    },
    isArchived: async () => session.isArchived,
  };
  return {
    ...tapes,
    session,
    lookups: () => lookups,
    async begin(): Promise<string> {
      const runId = newRunId();
      runIds.push(runId);
      await tapes.write(runId, ...opening);
      return runId;
    },
    followAll: (options: Partial<SessionFollowRequest> = {}, sessionRuns = runs) =>
      followSession(tapes.dependencies, sessionRuns, {
        reader: 'ada',
        sessionId,
        after: null,
        maxBatch: 100,
        signal: new AbortController().signal,
        ...options,
      })[Symbol.asyncIterator](),
  };
}

const positionsIn = (batches: FollowBatch[]) =>
  batches.flatMap(({ events }) => events.map(({ runId, seq }) => `${runId}/${seq}`));
const positions = (runId: string, ...seqs: number[]) => seqs.map((seq) => `${runId}/${seq}`);

describe('the runs of a session', () => {
  test('follow one another, each with all its events, whichever grows first', async () => {
    const { begin, write, followAll, session, notifications, clock } = createSession();
    const [first, second] = [await begin(), await begin()];
    await write(second, delta('early'), ending);
    const all = collect(followAll());
    await setImmediate();
    await write(first, delta('late'), ending);
    session.isArchived = true;
    expect(positionsIn(await all)).toEqual([...positions(first, 1, 2, 3, 4), ...positions(second, 1, 2, 3, 4)]);
    expect([notifications.listeners(), clock.pending()]).toEqual([0, 0]);
  });

  test('are charged to the reader, but for the first one', async () => {
    const { begin, write, followAll, session, dependencies } = createSession();
    for (let count = 0; count < 3; count += 1) await write(await begin(), ending);
    session.isArchived = true;
    const charges: unknown[] = [];
    dependencies.admitRead = (...[reader, events]) => {
      charges.push([reader, events]);
      return null;
    };
    await collect(followAll());
    expect(charges).toEqual(Array(3).fill(['ada', 0]));
  });

  test('are charged to nobody after the follower was closed', async () => {
    const { begin, write, followAll, dependencies } = createSession();
    for (let count = 0; count < 2; count += 1) await write(await begin(), ending);
    const states: boolean[] = [];
    let ask = () => {};
    dependencies.admitRead = (_reader, _events, isOpen) => {
      ask = () => void states.push(isOpen());
      ask();
      return new Promise(() => {});
    };
    const reader = followAll();
    await reader.next();
    void reader.next();
    await setImmediate();
    await reader.return?.();
    ask();
    expect(states).toEqual([true, false]);
  });

  test('B24: continue after a cursor in the middle, then with the later runs', async () => {
    const { begin, write, followAll, session } = createSession();
    const runIds = [await begin(), await begin(), await begin()] as const;
    for (const runId of runIds) await write(runId, delta('3'), ending);
    session.isArchived = true;
    const [, second, third] = runIds;
    const rest = positions(third, 1, 2, 3, 4);
    const continueAfter = async (runId: string, seq: number) =>
      positionsIn(await collect(followAll({ after: { runId, seq } })));
    expect(await continueAfter(second, 2)).toEqual([...positions(second, 3, 4), ...rest]);
    expect(await continueAfter(second, 4)).toEqual(rest);
    expect(await continueAfter(second, 0)).toEqual([...positions(second, 1, 2, 3, 4), ...rest]);
    expect(await continueAfter(third, 4)).toEqual([]);
  });

  test('end when the session is purged while one of them is read', async () => {
    const { begin, write, followAll, session, journal, notifications, clock } = createSession();
    const runId = await begin();
    await write(runId, ...['3', '4', '5', '6'].map((text) => delta(text)), ending);
    const reader = followAll();
    expect(await next(reader)).toMatchObject({ runId, seq: 5 });
    journal.read = async () => [];
    session.isArchived = true;
    expect(await collect(reader)).toEqual([{ runId, seq: 5, events: [], caughtUp: true, closed: true }]);
    expect([notifications.listeners(), clock.pending()]).toEqual([0, 0]);
  });

  test('are awaited until the session is archived and its last run has ended', async () => {
    const { begin, write, followAll, session, clock, setMode, notifications } = createSession();
    const reader = followAll();
    const waiting = next(reader);
    await setImmediate();
    const first = await begin();
    expect(positionsIn([await waiting])).toEqual(positions(first, 1, 2));
    await write(first, ending);
    expect(positionsIn([await next(reader)])).toEqual(positions(first, 3));
    const later = next(reader);
    await setImmediate();
    setMode('lost');
    const second = await begin();
    await clock.advance(10_000);
    expect(positionsIn([await later])).toEqual(positions(second, 1, 2));
    session.isArchived = true;
    const rest = collect(reader);
    await setImmediate();
    setMode('events');
    await write(second, delta('continues although archived'), ending);
    expect(positionsIn(await rest)).toEqual(positions(second, 3, 4));
    expect([notifications.listeners(), clock.pending()]).toEqual([0, 0]);
  });

  test('that begin during the lookup are not missed', async () => {
    const { begin, followAll } = createSession();
    const runIds: string[] = [];
    const reader = followAll(undefined, {
      isArchived: async () => false,
      async next() {
        const found = runIds[0] ?? null;
        if (found === null) runIds.push(await begin());
        return found;
      },
    });
    expect(positionsIn([await next(reader)])).toEqual(positions(runIds[0] ?? '', 1, 2));
  });

  test('that begin between the two parts of the lookup are not missed, also if the session is archived then', async () => {
    const { begin, write, followAll, session } = createSession();
    const runIds: string[] = [];
    let lookups = 0;
    /** Called in each part of the first lookup, after it has read. */
    const change = async () => {
      lookups += 1;
      if (lookups !== 1) return;
      const runId = await begin();
      await write(runId, ending);
      runIds.push(runId);
      session.isArchived = true;
    };
    const reader = followAll(undefined, {
      async isArchived() {
        const { isArchived } = session;
        await change();
        return isArchived;
      },
      async next(_sessionId, after) {
        const found = runIds[after === null ? 0 : runIds.indexOf(after) + 1] ?? null;
        await change();
        return found;
      },
    });
    const batches = await collect(reader);
    expect(positionsIn(batches)).toEqual(positions(runIds[0] ?? '', 1, 2, 3));
  });

  test('B29: without events of the requested types are passed over', async () => {
    const { begin, write, followAll, session } = createSession();
    const [first, second] = [await begin(), await begin()];
    await write(first, ending);
    await write(second, delta('3'), ending);
    session.isArchived = true;
    expect(positionsIn(await collect(followAll({ types: ['output_delta'] })))).toEqual(positions(second, 3));
  });
});

describe('a batch of a session', () => {
  const flagsIn = (batches: FollowBatch[]) =>
    batches.map(({ events, caughtUp, closed }) => [events.length, caughtUp, closed]);

  test('says once that the reader has caught up: in the first run that has not ended', async () => {
    const { begin, write, followAll } = createSession();
    const [first, second, third] = [await begin(), await begin(), await begin()];
    await write(first, ending);
    const reader = followAll();
    // The third run waits for the second one, whose events come first.
    expect(flagsIn([await next(reader), await next(reader)])).toEqual([
      [3, false, false],
      [2, true, false],
    ]);
    await write(second, ending);
    expect(flagsIn([await next(reader), await next(reader)])).toEqual([
      [1, false, false],
      [2, false, false],
    ]);
    await write(third, delta('3'));
    expect(flagsIn([await next(reader)])).toEqual([[1, false, false]]);
    await reader.return?.();
  });

  test('says so without events if the newest run has ended, and once at the position that the reader has', async () => {
    const { begin, write, followAll } = createSession();
    const [first, second] = [await begin(), await begin()];
    for (const runId of [first, second]) await write(runId, ending);
    const reader = followAll();
    const batches = [await next(reader), await next(reader), await next(reader)];
    expect(flagsIn(batches)).toEqual([
      [3, false, false],
      [3, false, false],
      [0, true, false],
    ]);
    expect(batches[2]).toMatchObject({ runId: second, seq: 3 });
    await reader.return?.();
    const resumed = [second, first].map((runId) => followAll({ after: { runId, seq: 3 }, types: ['output_delta'] }));
    for (const batch of await Promise.all(resumed.map(next))) {
      expect(batch).toMatchObject({ runId: second, seq: 3, events: [], caughtUp: true, closed: false });
    }
    await write(await begin(), delta('new'), ending);
    for (const batch of await Promise.all(resumed.map(next))) expect(flagsIn([batch])).toEqual([[1, false, false]]);
    await Promise.all(resumed.map((each) => each.return?.()));
  });

  test('says so in the first batch if the session had no run', async () => {
    const { begin, followAll } = createSession();
    const reader = followAll();
    const waiting = next(reader);
    await setImmediate();
    await begin();
    expect(flagsIn([await waiting])).toEqual([[2, true, false]]);
    await reader.return?.();
  });

  test('is the last one when the session is archived and its last run has ended', async () => {
    const { begin, write, followAll, session } = createSession();
    const run = await begin();
    const reader = followAll();
    expect(flagsIn([await next(reader)])).toEqual([[2, true, false]]);
    session.isArchived = true;
    await write(run, ending);
    expect(flagsIn(await collect(reader))).toEqual([
      [1, false, false],
      [0, false, true],
    ]);
    expect(flagsIn(await collect(followAll()))).toEqual([
      [3, false, false],
      [0, true, true],
    ]);
    const empty = createSession();
    empty.session.isArchived = true;
    expect(await collect(empty.followAll())).toEqual([]);
  });
});

test('followers that are notified together share the lookups of the next run', async () => {
  const { begin, write, followAll, lookups } = createSession();
  const first = await begin();
  const readers = Array.from({ length: 50 }, () => followAll());
  await Promise.all(readers.map(next));
  expect(lookups()).toBe(1);
  await write(first, ending);
  await Promise.all(readers.map(next));
  const waiting = readers.map(next);
  await setImmediate();
  const before = lookups();
  const second = await begin();
  const batches = await Promise.all(waiting);
  for (const batch of batches) expect(positionsIn([batch])).toEqual(positions(second, 1, 2));
  expect(lookups()).toBe(before + 1);
  await Promise.all(readers.map((reader) => reader.return?.()));
});

describe('a session follower', () => {
  test('finds an event of its run whose notification was lost', async () => {
    const { begin, write, followAll, setMode, clock } = createSession();
    const runId = await begin();
    const reader = followAll();
    await next(reader);
    const waiting = next(reader);
    await setImmediate();
    setMode('lost');
    await write(runId, delta('3'));
    await clock.advance(10_000);
    expect(positionsIn([await waiting])).toEqual(positions(runId, 3));
    await reader.return?.();
  });

  test.each(['return', 'throw', 'signal'])('that is closed by %s also leaves the run it reads', async (way) => {
    const { begin, followAll, notifications, clock } = createSession();
    await begin();
    const controller = new AbortController();
    const reader = followAll({ signal: controller.signal });
    await next(reader);
    const pending = reader.next();
    await setImmediate();
    expect(notifications.listeners()).toBe(2);
    if (way === 'return') await reader.return?.();
    else if (way === 'throw') await reader.throw?.(new Error('the reader failed')).catch(() => undefined);
    else controller.abort();
    expect(await pending).toEqual({ done: true, value: undefined });
    await setImmediate();
    expect([notifications.listeners(), clock.pending()]).toEqual([0, 0]);
  });

  test('that is closed during the lookup does not follow the run that was found', async () => {
    const { begin, followAll, notifications, clock } = createSession();
    await begin();
    const reader = followAll();
    const pending = reader.next();
    await reader.return?.();
    expect(await pending).toEqual({ done: true, value: undefined });
    await setImmediate();
    await setImmediate();
    expect([notifications.listeners(), clock.pending()]).toEqual([0, 0]);
  });

  test('ends with the error of a lookup that fails', async () => {
    const { followAll, notifications } = createSession();
    const reader = followAll(undefined, {
      next: () => Promise.reject(new Error('no such table')),
      isArchived: async () => false,
    });
    await expect(reader.next()).rejects.toThrow('no such table');
    expect(notifications.listeners()).toBe(0);
  });

  test('B52: outlasts an outage at the start of a run without losing its events', async () => {
    const { begin, write, followAll, journal, clock, session } = createSession();
    const first = await begin();
    const reader = followAll();
    await next(reader);
    const { head } = journal;
    journal.head = () => Promise.reject(new StoreError('unavailable', 'connection refused'));
    await write(first, ending);
    expect(positionsIn([await next(reader)])).toEqual(positions(first, 3));
    const waiting = next(reader);
    const second = await begin();
    await clock.advance(20_000);
    journal.head = head;
    await clock.advance(10_000);
    expect(positionsIn([await waiting])).toEqual(positions(second, 1, 2));
    session.isArchived = true;
    await write(second, ending);
    expect(positionsIn(await collect(reader))).toEqual(positions(second, 3));
  });
});
