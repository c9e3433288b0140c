import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { RecordedEvent } from '../../../src/domain/events.ts';
import { followSession, type SessionFollowRequest, type SessionRuns } from '../../../src/streams/follow-session.ts';
import { delta, ending, newRunId, opening, sessionId } from '../../contract/appends.ts';
import { createLiveTapes, take, takeAll } from './live-runs.ts';

/** A session in memory: runs in the order in which they are begun. */
function createSession() {
  const tapes = createLiveTapes();
  const runIds: string[] = [];
  const session = { archived: false };
  const runs: SessionRuns = {
    next: async (_sessionId, runId) => runIds[runId === null ? 0 : runIds.indexOf(runId) + 1] ?? null,
    isArchived: async () => session.archived,
  };
  return {
    ...tapes,
    session,
    async begin(): Promise<string> {
      const runId = newRunId();
      runIds.push(runId);
      await tapes.write(runId, ...opening);
      return runId;
    },
    followAll: (more: Partial<SessionFollowRequest> = {}) =>
      followSession(tapes.dependencies, runs, {
        sessionId,
        after: null,
        maxBatch: 100,
        signal: new AbortController().signal,
        ...more,
      }),
  };
}

const places = (batches: RecordedEvent[][]) => batches.flat().map(({ runId, seq }) => `${runId}/${seq}`);
const placesOf = (runId: string, ...seqs: number[]) => seqs.map((seq) => `${runId}/${seq}`);

test('runs come one after the other, each whole, whichever grows first', async () => {
  const { begin, write, followAll, session, bus, clock } = createSession();
  const [first, second] = [await begin(), await begin()];
  await write(second, delta('early'), ending);
  const all = takeAll(followAll());
  await setImmediate();
  await write(first, delta('late'), ending);
  session.archived = true;
  expect(places(await all)).toEqual([...placesOf(first, 1, 2, 3, 4), ...placesOf(second, 1, 2, 3, 4)]);
  expect([bus.listeners(), clock.pending()]).toEqual([0, 0]);
});

test('B24: a cursor in the middle is continued behind it, and with the runs that follow', async () => {
  const { begin, write, followAll, session } = createSession();
  const runIds = [await begin(), await begin(), await begin()] as const;
  for (const runId of runIds) await write(runId, delta('3'), ending);
  session.archived = true;
  const [, second, third] = runIds;
  const rest = placesOf(third, 1, 2, 3, 4);
  const from = async (seq: number) => places(await takeAll(followAll({ after: { runId: second, seq } })));
  expect(await from(2)).toEqual([...placesOf(second, 3, 4), ...rest]);
  expect(await from(4)).toEqual(rest);
  expect(await from(0)).toEqual([...placesOf(second, 1, 2, 3, 4), ...rest]);
  expect(places(await takeAll(followAll({ after: { runId: third, seq: 4 } })))).toEqual([]);
});

test('it waits for the next run, and ends after the session was archived', async () => {
  const { begin, write, followAll, session, clock, tellBy, bus } = createSession();
  const following = followAll();
  const waiting = take(following);
  await setImmediate();
  const first = await begin();
  expect(places([await waiting])).toEqual(placesOf(first, 1, 2));
  await write(first, ending);
  expect(places([await take(following)])).toEqual(placesOf(first, 3));
  const next = take(following);
  await setImmediate();
  tellBy('lost');
  const second = await begin();
  await clock.advance(10_000);
  expect(places([await next])).toEqual(placesOf(second, 1, 2));
  session.archived = true;
  const rest = takeAll(following);
  await setImmediate();
  tellBy('events');
  await write(second, delta('goes on although archived'), ending);
  expect(places(await rest)).toEqual(placesOf(second, 3, 4));
  expect([bus.listeners(), clock.pending()]).toEqual([0, 0]);
});

test('a run that begins while the list of runs is read is not missed', async () => {
  const { begin, dependencies } = createSession();
  const runIds: string[] = [];
  const runs: SessionRuns = {
    isArchived: async () => false,
    async next() {
      const known = runIds[0] ?? null;
      if (known === null) runIds.push(await begin());
      return known;
    },
  };
  const { signal } = new AbortController();
  const following = followSession(dependencies, runs, { sessionId, after: null, maxBatch: 10, signal });
  expect(places([await take(following)])).toEqual(placesOf(runIds[0] ?? '', 1, 2));
});

test('B29: types that leave out whole runs lead on to the next', async () => {
  const { begin, write, followAll, session } = createSession();
  const [first, second] = [await begin(), await begin()];
  await write(first, ending);
  await write(second, delta('3'), ending);
  session.archived = true;
  expect(places(await takeAll(followAll({ types: ['output_delta'] })))).toEqual(placesOf(second, 3));
});

test.each(['return', 'throw', 'signal'])('a reader who leaves by its %s takes the tape it is on along', async (way) => {
  const { begin, followAll, bus, clock } = createSession();
  await begin();
  const leaving = new AbortController();
  const following = followAll({ signal: leaving.signal });
  await take(following);
  const pending = following.next();
  await setImmediate();
  expect(bus.listeners()).toBe(2);
  if (way === 'return') await following.return?.();
  else if (way === 'throw') await following.throw?.(new Error('the reader failed')).catch(() => undefined);
  else leaving.abort();
  expect(await pending).toEqual({ done: true, value: undefined });
  await setImmediate();
  expect([bus.listeners(), clock.pending()]).toEqual([0, 0]);
});

test('a list of runs that can not be read ends the reader with its error', async () => {
  const { dependencies, bus } = createLiveTapes();
  const runs: SessionRuns = { next: () => Promise.reject(new Error('gone')), isArchived: async () => false };
  const { signal } = new AbortController();
  const following = followSession(dependencies, runs, { sessionId, after: null, maxBatch: 10, signal });
  await expect(following.next()).rejects.toThrow('gone');
  expect(bus.listeners()).toBe(0);
});
