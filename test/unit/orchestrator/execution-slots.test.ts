import { expect, test } from 'vitest';
import type { Database } from '../../../src/database/database.ts';
import { createExecutionSlots } from '../../../src/orchestrator/execution-slots.ts';
import type { Lease } from '../../../src/orchestrator/leases.ts';

const run = { runId: 'run_1', sessionId: 'ses_1' };

/** @param answers results of the store's queries, in order: first the previous lease, then the lease that was taken */
function openSlots(...answers: ({ epoch: number } | null | Error)[]) {
  const started: Lease[] = [];
  const requested: string[] = [];
  const room = { isFree: true };
  // The slots read nothing but lease rows.
  const query = (async () => {
    const answer = answers.shift() ?? null;
    if (answer instanceof Error) throw answer;
    return answer ? [answer] : [];
  }) as Database['query'];
  const slots = createExecutionSlots({
    database: { query },
    term: () => ({ holder: 'server_1', now: 0, leaseMilliseconds: 1000 }),
    hasRoom: () => room.isFree,
    start: (lease) => void started.push(lease),
    requestClaim: (scope) => void requested.push(scope),
  });
  return { slots, started, requested, room };
}

test('a new run starts with the first lease, which is written with its events', async () => {
  const { slots, started, requested } = openSlots();
  const slot = await slots.claim(run, 'new');
  expect(slot?.lease.row).toMatchObject({ runId: 'run_1', holder: 'server_1' });
  expect([slots.count(), slots.has('run_1'), slots.has('run_2')]).toEqual([1, true, false]);
  slot?.start();
  expect(started).toEqual([{ ...run, epoch: 1, lost: false, alone: false, suspicion: 0 }]);
  expect([slots.count(), slots.has('run_1'), requested]).toEqual([0, false, []]);
});

test('a slot that is released is offered to waiting runs', async () => {
  const { slots, started, requested } = openSlots();
  (await slots.claim(run, 'new'))?.release();
  expect([slots.count(), started, requested]).toEqual([0, [], ['waiting']]);
});

test('a run that waited continues with the next lease', async () => {
  const { slots, started, requested } = openSlots({ epoch: 3 }, { epoch: 4 });
  const slot = await slots.claim(run, 'waiting');
  expect(slot?.lease.row).toMatchObject({ runId: 'run_1', holder: 'server_1', epoch: 4 });
  slot?.start();
  expect(slots.count()).toBe(1);
  await slots.settled();
  expect(started).toEqual([{ ...run, epoch: 4, lost: false, alone: false, suspicion: 0 }]);
  expect([slots.count(), requested]).toEqual([0, []]);
});

test('when the lease was not taken, or the store cannot tell, a search is requested and nothing starts', async () => {
  for (const answer of [null, new Error('The store is gone.')]) {
    const { slots, started, requested } = openSlots({ epoch: 3 }, answer);
    (await slots.claim(run, 'waiting'))?.start();
    await slots.settled();
    expect([slots.count(), started, requested]).toEqual([0, [], ['open']]);
  }
});

test('there is no slot without room, or for a run that has an executor', async () => {
  const { slots, room } = openSlots(null);
  expect(await slots.claim(run, 'waiting')).toBeNull();
  room.isFree = false;
  expect([await slots.claim(run, 'new'), await slots.claim(run, 'waiting'), slots.count()]).toEqual([null, null, 0]);
});

test('there is no slot when the room is taken while the lease is read', async () => {
  const { slots, room } = openSlots({ epoch: 1 });
  const slot = slots.claim(run, 'waiting');
  room.isFree = false;
  expect([await slot, slots.count()]).toEqual([null, 0]);
});
