import { expect, test } from 'vitest';
import type { Lease } from '../../../src/orchestrator/leases.ts';
import { createReservation } from '../../../src/orchestrator/reservation.ts';
import { createFakeClock } from '../fake-clock.ts';

const LEASE_MILLISECONDS = 15_000;

const suspect = (suspicion: number): Lease => ({
  runId: 'run_1',
  sessionId: 'ses_1',
  epoch: 3,
  lost: true,
  alone: false,
  suspicion,
});
const endless = new Promise<void>(() => undefined);
const { signal } = new AbortController();

function open() {
  const clock = createFakeClock();
  const state = { freed: 0, begun: false };
  const reservation = createReservation({
    clock,
    leaseMilliseconds: () => LEASE_MILLISECONDS,
    onEnd: () => {
      state.freed += 1;
    },
  });
  const begin = (lease: Lease, others: Promise<void>[]) => {
    void reservation.begin(lease, others, signal).then(() => {
      state.begun = true;
    });
    return clock.advance(0);
  };
  return { clock, state, reservation, begin };
}

test('B49: a suspect on an idle server is alone until it makes progress', async () => {
  const { reservation, begin, state, clock } = open();
  const lease = suspect(1);
  await begin(lease, []);
  expect([state.begun, reservation.isHeld()]).toEqual([true, true]);
  reservation.end(suspect(1));
  expect(reservation.isHeld()).toBe(true);
  reservation.end(lease);
  expect([reservation.isHeld(), clock.pending()]).toEqual([false, 0]);
});

test('B49: a suspect without progress is alone for one lease time, so that other runs do not wait for ever', async () => {
  const { reservation, begin, state, clock } = open();
  await begin(suspect(1), []);
  await clock.advance(LEASE_MILLISECONDS - 1);
  expect([reservation.isHeld(), state.freed]).toEqual([true, 0]);
  await clock.advance(1);
  expect([reservation.isHeld(), state.freed]).toEqual([false, 1]);
});

test('B49: the first time, a suspect does not disturb the other runs of its server', async () => {
  const { reservation, begin, state } = open();
  await begin(suspect(1), [endless]);
  expect([state.begun, reservation.isHeld()]).toEqual([true, false]);
});

test('B49: a suspect that was lost again waits for the other runs of its server, and then is alone', async () => {
  const { reservation, begin, state, clock } = open();
  let stop = () => {};
  const other = new Promise<void>((resolve) => {
    stop = resolve;
  });
  await begin(suspect(2), [other]);
  expect([state.begun, reservation.isHeld()]).toEqual([false, true]);
  stop();
  await clock.advance(0);
  expect([state.begun, reservation.isHeld()]).toEqual([true, true]);
});

test('B49: it waits for one lease time at the most', async () => {
  const { begin, state, clock } = open();
  await begin(suspect(2), [endless]);
  await clock.advance(LEASE_MILLISECONDS - 1);
  expect(state.begun).toBe(false);
  await clock.advance(1);
  await clock.advance(0);
  expect(state.begun).toBe(true);
});
