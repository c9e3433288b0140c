import { expect, test } from 'vitest';
import type { Database } from '../../../src/database/database.ts';
import { createExecutionSlots } from '../../../src/orchestrator/execution-slots.ts';
import type { Lease } from '../../../src/orchestrator/leases.ts';

const run = { runId: 'run_1', sessionId: 'ses_1' };

/** @param answers what the store says, one after the other: of the lease before, and of the one that was taken */
function placesOf(...answers: ({ epoch: number } | null | Error)[]) {
  const started: Lease[] = [];
  const looked: string[] = [];
  const room = { is: true };
  // Rows of leases are all that is read.
  const query = (async () => {
    const answer = answers.shift() ?? null;
    if (answer instanceof Error) throw answer;
    return answer ? [answer] : [];
  }) as Database['query'];
  const places = createExecutionSlots(
    { store: { database: { query } } },
    {
      term: () => ({ holder: 'server_1', now: 0, leaseMilliseconds: 1000 }),
      hasRoom: () => room.is,
      start: (lease) => void started.push(lease),
      look: (what) => void looked.push(what),
    },
  );
  return { places, started, looked, room };
}

test('a new run begins under its first lease, with what it is recorded with', () => {
  const { places, started, looked } = placesOf();
  const place = places.first(run);
  expect(place?.lease.row).toMatchObject({ runId: 'run_1', holder: 'server_1' });
  expect([places.count(), places.has('run_1'), places.has('run_2')]).toEqual([1, true, false]);
  place?.begin();
  expect(started).toEqual([{ ...run, epoch: 1, lost: false }]);
  expect([places.count(), places.has('run_1'), looked]).toEqual([0, false, []]);
});

test('a place that is not used is offered to those who wait', () => {
  const { places, started, looked } = placesOf();
  places.first(run)?.release();
  expect([places.count(), started, looked]).toEqual([0, [], ['waiting']]);
});

test('a run that waited goes on under the next lease', async () => {
  const { places, started, looked } = placesOf({ epoch: 3 }, { epoch: 4 });
  const place = await places.next(run);
  expect(place?.lease.row).toMatchObject({ runId: 'run_1', holder: 'server_1', epoch: 4 });
  place?.begin();
  expect(places.count()).toBe(1);
  await places.settled();
  expect(started).toEqual([{ ...run, epoch: 4, lost: false }]);
  expect([places.count(), looked]).toEqual([0, []]);
});

test('where the lease was not taken, or nobody knows, somebody looks, and nothing is started', async () => {
  for (const answer of [null, new Error('The store is gone.')]) {
    const { places, started, looked } = placesOf({ epoch: 3 }, answer);
    (await places.next(run))?.begin();
    await places.settled();
    expect([places.count(), started, looked]).toEqual([0, [], ['open']]);
  }
});

test('there is no place without room, or for a run that somebody executes', async () => {
  const { places, room } = placesOf(null);
  expect(await places.next(run)).toBeNull();
  room.is = false;
  expect([places.first(run), await places.next(run), places.count()]).toEqual([null, null, 0]);
});

test('room that goes while the lease is looked at is no room', async () => {
  const { places, room } = placesOf({ epoch: 1 });
  const place = places.next(run);
  room.is = false;
  expect([await place, places.count()]).toEqual([null, 0]);
});
