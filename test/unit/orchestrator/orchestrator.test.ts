import { setImmediate } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import { CLAIM_DELAY_MILLISECONDS } from '../../../src/config/limits.ts';
import { StoreError } from '../../../src/database/store-error.ts';
import { createOrchestrator, type Orchestrator } from '../../../src/orchestrator/orchestrator.ts';
import type { ExecutionSlot } from '../../../src/run-store/execution-slot.ts';
import type { Hint } from '../../../src/streams/notifications/hints.ts';
import { newRunId } from '../../contract/appends.ts';
import { callsRequested, inProgress, limits, recordedTape, toolDecision } from '../domain/given.ts';
import { createFakeDependencies, startingSource } from './fake-dependencies.ts';
import { fakeModel, saying } from './fake-model.ts';

/** A started orchestrator, and a slot for a run that is being recorded. */
async function openWithSlot() {
  const { dependencies, clock, storeTape, committed } = createFakeDependencies();
  const orchestrator = createOrchestrator(dependencies, async () => undefined);
  orchestrator.start();
  const runId = newRunId();
  const { sessionId } = await storeTape(runId, {}, inProgress);
  const slot = await orchestrator.claimNow({ runId, sessionId }, 'new');
  if (slot === null) throw new Error('There is no slot.');
  const released = () => committed.map(({ row }) => row.runId);
  return { orchestrator, clock, runId, slot, released };
}

/** Stops the orchestrator. Returns whether it has stopped yet. */
function stop(orchestrator: Orchestrator) {
  const state = { hasStopped: false };
  const stopping = orchestrator.stop(0).then(() => {
    state.hasStopped = true;
  });
  return { state, stopping };
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await setImmediate();
}

describe('stopping waits for a slot whose run is being recorded', () => {
  test.each<[string, (slot: ExecutionSlot) => void, boolean]>([
    ['until it starts; its lease is then released', (slot) => slot.start(), true],
    ['until it is released', (slot) => slot.release(), false],
  ])('%s', async (_name, settleSlot, isReleased) => {
    const { orchestrator, clock, runId, slot, released } = await openWithSlot();
    const { state, stopping } = stop(orchestrator);
    await settle();
    expect(state.hasStopped).toBe(false);
    settleSlot(slot);
    await stopping;
    expect(orchestrator.activeCount()).toBe(0);
    expect(released()).toEqual(isReleased ? [runId] : []);
    expect(clock.pending()).toBe(0);
  });
});

/** A running orchestrator that can claim no run, the writes that it tries, and its time until the first lease of another server ends. */
async function openSearching({ foreignExpiry = null as number | null, check = async () => {} } = {}) {
  const writes: (readonly unknown[])[] = [];
  const { dependencies, clock } = createFakeDependencies({
    executeWrite: async (parameters) => {
      writes.push(parameters);
      return [];
    },
  });
  Object.assign(dependencies.database, {
    check,
    reader: { $queryRawUnsafe: async () => [{ milliseconds: foreignExpiry }] },
  });
  const orchestrator = createOrchestrator(dependencies, async () => undefined);
  orchestrator.start();
  await clock.advance(0);
  writes.length = 0;
  const notify = async (hints: readonly Hint[], isOfThisServer: boolean) => {
    const events = isOfThisServer ? recordedTape(inProgress) : null;
    dependencies.notifications.publish({ runId: 'run_9', sessionId: 'ses_9', head: 3, events, hints });
    await clock.advance(0);
  };
  return { orchestrator, clock, writes, notify, reportLoss: () => dependencies.notifications.reportLoss('*') };
}

describe('an orchestrator searches for runs', () => {
  test('with the name of its server, at every renewal of its leases', async () => {
    const { orchestrator, clock, writes } = await openSearching();
    await clock.advance(4999);
    expect(writes).toEqual([]);
    await clock.advance(1);
    expect(writes).toEqual([expect.arrayContaining(['server_1'])]);
    await stop(orchestrator).stopping;
    expect(clock.pending()).toBe(0);
  });

  test('as soon as the lease of another server ends, if that is before the next renewal', async () => {
    const { orchestrator, clock, writes } = await openSearching({ foreignExpiry: 1000 });
    await clock.advance(5000);
    expect(writes).toHaveLength(1);
    await clock.advance(999);
    expect(writes).toHaveLength(1);
    await clock.advance(1);
    expect(writes).toHaveLength(2);
    await stop(orchestrator).stopping;
  });

  test('at once for work that it recorded itself, and a moment later for that of others', async () => {
    const { orchestrator, clock, writes, notify, reportLoss } = await openSearching();
    await notify(['activity'], true);
    expect(writes).toEqual([]);
    await notify(['work'], true);
    expect(writes).toHaveLength(1);
    await notify(['work'], false);
    expect(writes).toHaveLength(1);
    await clock.advance(CLAIM_DELAY_MILLISECONDS);
    expect(writes).toHaveLength(2);
    reportLoss();
    await clock.advance(CLAIM_DELAY_MILLISECONDS);
    expect(writes).toHaveLength(3);
    await stop(orchestrator).stopping;
  });

  test('after the end of a run only if one is waiting', async () => {
    const { orchestrator, writes, notify } = await openSearching();
    // The database says that nothing waits.
    await notify(['work', 'end'], true);
    expect(writes).toEqual([]);
    await stop(orchestrator).stopping;
  });

  test('no more after it was stopped, also if that was during a check of the database', async () => {
    let finish = () => {};
    const check = () =>
      new Promise<void>((resolve) => {
        finish = resolve;
      });
    const { orchestrator, clock, writes } = await openSearching({ check });
    await clock.advance(5000);
    writes.length = 0;
    const { state, stopping } = stop(orchestrator);
    await settle();
    expect(state.hasStopped).toBe(false);
    finish();
    await stopping;
    expect([writes, clock.pending()]).toEqual([[], 0]);
  });
});

test('an orchestrator that was not started claims no slot', () => {
  const { dependencies } = createFakeDependencies();
  const orchestrator = createOrchestrator(dependencies, async () => undefined);
  expect(orchestrator.claimNow({ runId: newRunId(), sessionId: 'ses_1' }, 'new')).toBeNull();
});

test('a run that ends lets the next one start', async () => {
  const writes: (readonly unknown[])[] = [];
  const { dependencies, clock, storeTape } = createFakeDependencies({
    models: [fakeModel('m', [saying('Hello.')])],
    executeWrite: async (parameters) => {
      writes.push(parameters);
      return [];
    },
  });
  const { query } = dependencies.database;
  let isAnyPending = false;
  dependencies.database.query = ((statement: { sqlite: string }, ...parameters: never[]) =>
    statement.sqlite.includes('"suspicion" > 0')
      ? Promise.resolve([{ pending: isAnyPending, suspects: false }])
      : query(statement as never, ...parameters)) as never;
  const orchestrator = createOrchestrator(dependencies, async () => undefined);
  orchestrator.start();
  await clock.advance(0);
  writes.length = 0;
  isAnyPending = true;
  const runId = newRunId();
  const { sessionId } = await storeTape(runId, {}, inProgress);
  const slot = await orchestrator.claimNow({ runId, sessionId }, 'new');
  slot?.start();
  expect(orchestrator.activeCount()).toBe(1);
  await vi.waitFor(() => expect([orchestrator.activeCount(), writes.length]).toEqual([0, 1]));
  await stop(orchestrator).stopping;
});

test('an orchestrator that stops claims no slot', async () => {
  const { orchestrator, slot } = await openWithSlot();
  const { stopping } = stop(orchestrator);
  expect(await orchestrator.claimNow({ runId: newRunId(), sessionId: 'ses_1' }, 'new')).toBeNull();
  slot.release();
  await stopping;
  expect(await orchestrator.claimNow({ runId: newRunId(), sessionId: 'ses_1' }, 'new')).toBeNull();
});

/** One run is in a step that does not end by itself. */
async function openBusy(settings: { leaseSeconds?: number } = {}, sweep = async () => {}) {
  const writes: string[] = [];
  const waitUntilReady = vi.fn(startingSource.waitUntilReady);
  const { dependencies, clock, storeTape, committed } = createFakeDependencies({
    sources: [{ ...startingSource, waitUntilReady }],
    settings: { limits: { ...limits, runSeconds: 3600 }, ...settings },
    executeWrite: async (parameters) => {
      writes.push(JSON.stringify(parameters));
      return [{ runId }];
    },
  });
  const runId = newRunId();
  const orchestrator = createOrchestrator(dependencies, sweep);
  orchestrator.start();
  await clock.advance(0);
  const { sessionId } = await storeTape(runId, {}, callsRequested('a'), toolDecision('a', 'ALLOW'));
  const slot = await orchestrator.claimNow({ runId, sessionId }, 'new');
  slot?.start();
  await vi.waitFor(() => expect(waitUntilReady).toHaveBeenCalled());
  // The first search has claimed the run before it had a tape.
  committed.length = 0;
  const renewals = () => writes.filter((parameters) => parameters.includes(runId));
  const released = () => committed.map(({ row }) => row.runId);
  return { orchestrator, dependencies, clock, runId, renewals, released };
}

describe('leases are renewed', () => {
  test.each([
    ['fails', () => Promise.reject(new StoreError('unavailable', 'no free connection'))],
    ['does not answer', () => new Promise<void>(() => undefined)],
  ])('also if the check of the database %s', async (_, check) => {
    const { dependencies, clock, renewals } = await openBusy();
    Object.assign(dependencies.database, { check });
    await clock.advance(5000);
    expect(renewals()).toHaveLength(1);
  });
});

test('a renewal that fails is reported, and the next one takes place', async () => {
  const { dependencies, clock, runId, renewals } = await openBusy();
  const warn = vi.spyOn(dependencies.logger, 'warn');
  const query = vi.spyOn(dependencies.database, 'query');
  query.mockRejectedValue(new StoreError('unavailable', 'away'));
  await clock.advance(5000);
  expect(warn.mock.calls.map(([, text]) => text)).toContainEqual(expect.stringContaining('renewing leases failed'));
  query.mockRestore();
  await clock.advance(5000);
  expect(renewals()).toEqual([expect.stringContaining(runId)]);
});

describe('an orchestrator that stops', () => {
  test('keeps its leases until the steps in progress have ended', async () => {
    const { orchestrator, clock, runId, renewals, released } = await openBusy({ leaseSeconds: 6 });
    const stopping = orchestrator.stop(10_000);
    await clock.advance(9999);
    expect([renewals().length, released()]).toEqual([4, []]);
    await clock.advance(1);
    await stopping;
    expect([released(), clock.pending()]).toEqual([[runId], 0]);
  });

  test('hands back its leases although a sweep takes long, and waits for that as well', async () => {
    let finish = () => {};
    const sweep = () =>
      new Promise<void>((resolve) => {
        finish = resolve;
      });
    const { orchestrator, clock, runId, released } = await openBusy({ leaseSeconds: 6 }, sweep);
    await clock.advance(2000);
    const { state, stopping } = stop(orchestrator);
    await clock.advance(0);
    expect(released()).toContain(runId);
    expect(state.hasStopped).toBe(false);
    finish();
    await stopping;
  });

  test.each([1, 2])(
    'hands back a lease whose release failed, if the database works again: %i failures',
    async (failures) => {
      const { orchestrator, dependencies, clock, runId, released } = await openBusy();
      const commit = vi.spyOn(dependencies.database, 'commit');
      for (let times = 0; times < failures; times += 1) commit.mockRejectedValueOnce(new StoreError('busy', 'locked'));
      const { stopping } = stop(orchestrator);
      await clock.advance(0);
      await stopping;
      expect(released()).toEqual(failures === 1 ? [runId] : []);
    },
  );
});

test('a sweep that takes long delays no renewal, and no second one begins meanwhile', async () => {
  const renewals: unknown[] = [];
  const { dependencies, clock, storeTape } = createFakeDependencies({
    sources: [startingSource],
    settings: { limits: { ...limits, runSeconds: 3600 } },
    executeWrite: async (parameters) => {
      renewals.push(parameters);
      return [{ runId }];
    },
  });
  const runId = newRunId();
  let sweeps = 0;
  const orchestrator = createOrchestrator(dependencies, () => {
    sweeps += 1;
    return new Promise(() => undefined);
  });
  orchestrator.start();
  await clock.advance(0);
  const { sessionId } = await storeTape(runId, {}, callsRequested('a'), toolDecision('a', 'ALLOW'));
  const slot = await orchestrator.claimNow({ runId, sessionId }, 'new');
  slot?.start();
  await clock.advance(0);
  renewals.length = 0;
  // Three renewals in a lease of 15 s.
  await clock.advance(15_000);
  expect(renewals.filter((parameters) => JSON.stringify(parameters).includes(runId))).toHaveLength(3);
  expect(sweeps).toBe(1);
});
