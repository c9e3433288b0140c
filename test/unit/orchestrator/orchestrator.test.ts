import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { createOrchestrator, type Orchestrator } from '../../../src/orchestrator/orchestrator.ts';
import type { ExecutionSlot } from '../../../src/run-store/execution-slot.ts';
import { newRunId } from '../../contract/appends.ts';
import { callsRequested, inProgress, limits, toolDecision } from '../domain/given.ts';
import { createFakeDependencies, startingSource } from './fake-dependencies.ts';

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

test('an orchestrator that stops claims no slot', async () => {
  const { orchestrator, slot } = await openWithSlot();
  const { stopping } = stop(orchestrator);
  expect(await orchestrator.claimNow({ runId: newRunId(), sessionId: 'ses_1' }, 'new')).toBeNull();
  slot.release();
  await stopping;
  expect(await orchestrator.claimNow({ runId: newRunId(), sessionId: 'ses_1' }, 'new')).toBeNull();
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
