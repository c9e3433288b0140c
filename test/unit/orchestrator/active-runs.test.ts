import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { createActiveRuns } from '../../../src/orchestrator/active-runs.ts';
import type { Lease } from '../../../src/orchestrator/leases.ts';
import { newRunId } from '../../contract/appends.ts';
import { callsRequested, limits, toolDecision } from '../domain/given.ts';
import { createFakeDependencies, startingSource } from './fake-dependencies.ts';

const LEASE_MILLISECONDS = 15_000;

/** What a renewal reports: the runs that this server still holds, or the failure of the database. */
type RenewalOutcome = readonly string[] | Error;

/** Runs whose tool calls do not end, and renewals that a test answers. */
async function openActiveRuns() {
  const renewals: ((outcome: RenewalOutcome) => void)[] = [];
  const { dependencies, clock, committed, storeTape } = createFakeDependencies({
    sources: [startingSource],
    settings: { limits: { ...limits, runSeconds: 3600 } },
    executeWrite: () =>
      new Promise((resolve, reject) => {
        renewals.push((outcome) => {
          if (outcome instanceof Error) reject(outcome);
          else resolve(outcome.map((runId) => ({ runId })));
        });
      }),
  });
  /** The searches for runs that were requested. */
  const claims: string[] = [];
  const activeRuns = createActiveRuns(dependencies, {
    isStopping: () => false,
    requestClaim: (scope) => void claims.push(scope),
    term: () => ({ holder: 'server_1', now: clock.now(), leaseMilliseconds: LEASE_MILLISECONDS }),
  });
  async function start(lease: Partial<Lease> = {}): Promise<string> {
    const runId = newRunId();
    activeRuns.start(await storeTape(runId, lease, callsRequested('a'), toolDecision('a', 'ALLOW')));
    await settle();
    return runId;
  }
  /** Renews and answers at once. Returns the error of a renewal that failed. */
  async function renew(outcome: RenewalOutcome): Promise<unknown> {
    const renewing = activeRuns.renew();
    renewals.shift()?.(outcome);
    const error = await renewing.catch((thrown: unknown) => thrown);
    await settle();
    return error;
  }
  /** Runs whose lease was released. */
  const released = () => committed.map(({ row }) => row.runId);
  async function end(runId: string): Promise<void> {
    dependencies.notifications.publish({ runId, sessionId: 'ses_1', head: 99, events: null, hints: ['end'] });
    await settle();
  }
  return { activeRuns, clock, renewals, start, renew, released, claims, end };
}

/** Waits for all that needs no time. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await setImmediate();
}

describe('when an execution is over, the server searches', () => {
  test('for the runs that were left out before if the run has ended, because its session was searched at its end', async () => {
    const { start, end, claims, activeRuns } = await openActiveRuns();
    await end(await start());
    expect([claims, activeRuns.count()]).toEqual([['left'], 0]);
  });

  test.each<[string, Partial<Lease>, boolean]>([
    ['the run has not ended', {}, false],
    ['the run was a suspect, beside which no other run was started', { lost: true, alone: true, suspicion: 1 }, true],
  ])('for all that waits if %s', async (_name, lease, hasEnded) => {
    const { start, end, claims, activeRuns } = await openActiveRuns();
    const runId = await start(lease);
    claims.length = 0;
    if (hasEnded) await end(runId);
    else activeRuns.interrupt();
    await settle();
    expect([claims.at(-1), activeRuns.count()]).toEqual(['waiting', 0]);
  });
});

const outage = new Error('The database is away.');

describe('while the database is away', () => {
  test('a run is executed until its lease ends by the clock of this server, and no longer', async () => {
    const { activeRuns, clock, start, renew, released } = await openActiveRuns();
    await start();
    for (const milliseconds of [5000, 5000, 4999]) {
      await clock.advance(milliseconds);
      expect(await renew(outage)).toBe(outage);
      expect(activeRuns.count()).toBe(1);
    }
    await clock.advance(1);
    expect(await renew(outage)).toBe(outage);
    expect(activeRuns.count()).toBe(0);
    // Another server may hold it.
    expect(released()).toEqual([]);
  });

  test('a run stops when its lease ends, although the renewal gets no answer', async () => {
    const { activeRuns, clock, start, renewals } = await openActiveRuns();
    await start();
    await clock.advance(5000);
    const renewing = activeRuns.renew();
    await clock.advance(9999);
    await settle();
    expect(activeRuns.count()).toBe(1);
    await clock.advance(1);
    await settle();
    expect(activeRuns.count()).toBe(0);
    renewals.shift()?.(outage);
    await expect(renewing).rejects.toBe(outage);
    expect(clock.pending()).toBe(0);
  });

  test('a server that was suspended for longer than a lease asks who holds the run before it stops it', async () => {
    const { activeRuns, clock, start, renewals } = await openActiveRuns();
    const runId = await start();
    await clock.advance(60_000);
    const renewing = activeRuns.renew();
    await settle();
    expect(activeRuns.count()).toBe(1);
    renewals.shift()?.([runId]);
    await renewing;
    expect(activeRuns.count()).toBe(1);
  });

  test('a lease that was renewed ends later, counted from the beginning of its renewal', async () => {
    const { activeRuns, clock, start, renew, renewals } = await openActiveRuns();
    const runId = await start();
    await clock.advance(5000);
    const renewing = activeRuns.renew();
    // The database may have renewed the lease at any time in between.
    await clock.advance(3000);
    renewals.shift()?.([runId]);
    await renewing;
    await clock.advance(11_999);
    await renew(outage);
    expect(activeRuns.count()).toBe(1);
    await clock.advance(1);
    await renew(outage);
    expect(activeRuns.count()).toBe(0);
  });

  test('only the runs whose lease has ended stop', async () => {
    const { activeRuns, clock, start, renew } = await openActiveRuns();
    await start();
    await clock.advance(10_000);
    const later = await start();
    await clock.advance(5000);
    await renew(outage);
    expect(activeRuns.count()).toBe(1);
    await renew([later]);
    expect(activeRuns.count()).toBe(1);
  });
});

describe('a renewal', () => {
  test('stops the runs whose lease another server holds, and no other', async () => {
    const { activeRuns, start, renew, released } = await openActiveRuns();
    const [lost, held] = [await start(), await start()];
    await renew([held]);
    expect(activeRuns.count()).toBe(1);
    await renew([]);
    expect(activeRuns.count()).toBe(0);
    expect(released()).toEqual([]);
    expect(lost).not.toBe(held);
  });

  test('leaves no timer when the runs have stopped', async () => {
    const { activeRuns, clock, start, renew } = await openActiveRuns();
    const runId = await start();
    await renew([runId]);
    activeRuns.interrupt();
    await activeRuns.settled();
    expect([activeRuns.count(), clock.pending()]).toEqual([0, 0]);
  });

  test('asks the database nothing if there is no run', async () => {
    const { activeRuns, renewals } = await openActiveRuns();
    await activeRuns.renew();
    expect(renewals).toHaveLength(0);
  });
});

test('a run that is interrupted because the server stops releases its lease', async () => {
  const { activeRuns, start, released } = await openActiveRuns();
  const runId = await start();
  activeRuns.interrupt();
  await activeRuns.settled();
  expect([activeRuns.count(), released()]).toEqual([0, [runId]]);
});
