import { setImmediate } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import { StoreError } from '../../../src/database/store-error.ts';
import type { RecordedEvent } from '../../../src/domain/events.ts';
import { createActiveRuns } from '../../../src/orchestrator/active-runs.ts';
import type { Lease } from '../../../src/orchestrator/leases.ts';
import { append, newRunId } from '../../contract/appends.ts';
import { callsRequested, input, limits, status, tape, toolDecision } from '../domain/given.ts';
import { createFakeDependencies, startingSource } from './fake-dependencies.ts';
import { fakeTool } from './fake-tool.ts';

const deltaOf = (text: string) => ({ type: 'output_delta', actor: 'MODEL', payload: { step: 1, text } });

/** Runs in the middle of a call. Their tool is not available yet, or it asks a person and waits. */
function open({ isAsking = false } = {}) {
  const tool = fakeTool('tool_a', async (_input, { ask }) => {
    const question = { prompt: 'Which?', answerSchema: {}, url: null };
    return (await ask?.(question, new AbortController().signal))?.action ?? null;
  });
  const logger = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() };
  const fakes = createFakeDependencies({
    ...(isAsking ? { tools: [tool] } : { sources: [startingSource] }),
    settings: { limits: { ...limits, runSeconds: 3600 } },
    executeWrite: async () => [],
    parts: { logger: logger as never },
  });
  const { dependencies, clock, storeTape, committed } = fakes;
  const requestClaim = vi.fn();
  const activeRuns = createActiveRuns(dependencies, {
    isStopping: () => false,
    requestClaim,
    term: () => ({ holder: 'server_1', now: clock.now(), leaseMilliseconds: 15_000 }),
  });
  async function start(lease: Partial<Lease> = {}): Promise<string> {
    const runId = newRunId();
    activeRuns.start(await storeTape(runId, lease, callsRequested('a'), toolDecision('a', 'ALLOW')));
    await settle();
    return runId;
  }
  /** Announces events of a run, as its appends do. */
  async function notify(runId: string, notified: { events?: readonly unknown[] | null; hints?: string[] }) {
    const { events = null, hints = [] } = notified;
    dependencies.notifications.publish({
      runId,
      sessionId: 'ses_1',
      head: 9,
      events: events as readonly RecordedEvent[] | null,
      hints: hints as never,
    });
    await settle();
  }
  const released = () => committed.map(({ row }) => row.runId);
  return { ...fakes, activeRuns, start, notify, requestClaim, released, logger };
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await setImmediate();
}

describe('an active run', () => {
  test('stops when it is announced that it has ended, and then listens no more', async () => {
    const { activeRuns, start, notify, dependencies, clock, requestClaim } = open();
    const runId = await start();
    await notify(runId, { hints: ['work'] });
    expect(activeRuns.count()).toBe(1);
    requestClaim.mockClear();
    await notify(runId, { hints: ['end'] });
    expect([activeRuns.count(), activeRuns.startingCount()]).toEqual([0, 0]);
    expect([dependencies.notifications.listeners(), clock.pending()]).toEqual([0, 0]);
    expect(requestClaim).toHaveBeenCalled();
  });

  test('reads whether it has ended after notifications were lost', async () => {
    const { activeRuns, start, dependencies, logger } = open();
    const runId = await start();
    const lose = async () => {
      dependencies.notifications.reportLoss(runId);
      await settle();
    };
    await lose();
    expect(activeRuns.count()).toBe(1);
    const { load } = dependencies.runStore;
    const error = new Error('away');
    dependencies.runStore.load = async () => Promise.reject(error);
    await lose();
    expect(activeRuns.count()).toBe(1);
    expect(logger.warn).toHaveBeenCalledWith({ err: error, runId }, 'the state of an active run could not be read');
    dependencies.runStore.load = async () => null;
    await lose();
    expect(activeRuns.count()).toBe(1);
    dependencies.runStore.load = load;
    const cancelled = tape(status('IN_PROGRESS', 'CANCELLED', { reason: null })).map((event) => ({ ...event }));
    const head = (await load(runId))?.head ?? 0;
    await append(dependencies.journal, runId, head, ...(cancelled as never[]));
    await lose();
    expect(activeRuns.count()).toBe(0);
  });

  test('is starting until it has recorded something of a step', async () => {
    const { activeRuns, start, notify, requestClaim } = open();
    const runId = await start();
    expect(activeRuns.startingCount()).toBe(1);
    await notify(runId, { events: null });
    await notify(runId, { events: [input('more'), status(null, 'PENDING')] });
    expect(activeRuns.startingCount()).toBe(1);
    requestClaim.mockClear();
    await notify(runId, { events: [status('PENDING', 'IN_PROGRESS'), deltaOf('So')] });
    expect(activeRuns.startingCount()).toBe(0);
    expect(requestClaim).toHaveBeenCalledOnce();
    await notify(runId, { events: [deltaOf(' far')] });
    expect(requestClaim).toHaveBeenCalledOnce();
    expect(activeRuns.count()).toBe(1);
  });

  test('is starting for one second at most', async () => {
    const { activeRuns, start, clock, requestClaim } = open();
    await start();
    await clock.advance(999);
    expect(activeRuns.startingCount()).toBe(1);
    requestClaim.mockClear();
    await clock.advance(1);
    expect([activeRuns.startingCount(), requestClaim.mock.calls.length]).toEqual([0, 1]);
  });

  test('whose database fails is reported, and its lease is released with the next renewal, once', async () => {
    const { activeRuns, start, dependencies, logger, released } = open();
    const error = new StoreError('unavailable', 'away');
    const { load } = dependencies.runStore;
    dependencies.runStore.load = async () => Promise.reject(error);
    const runId = await start();
    expect(activeRuns.count()).toBe(0);
    expect(logger.error).toHaveBeenCalledWith({ err: error, runId }, 'the execution of a run failed');
    expect(released()).toEqual([]);
    dependencies.runStore.load = load;
    await activeRuns.renew();
    await activeRuns.renew();
    expect(released()).toEqual([runId]);
  });
});

describe('B49: a suspect', () => {
  test('keeps other runs from starting until it makes progress', async () => {
    const { activeRuns, start, notify, requestClaim } = open();
    const runId = await start({ lost: true, suspicion: 1 });
    expect(activeRuns.isReserved()).toBe(true);
    requestClaim.mockClear();
    await notify(runId, { events: [input('more')] });
    expect([activeRuns.isReserved(), requestClaim.mock.calls.length]).toEqual([true, 0]);
    await notify(runId, { events: [deltaOf('So'), input('more')] });
    expect(activeRuns.isReserved()).toBe(false);
    expect(requestClaim).toHaveBeenCalled();
  });

  test('keeps them from starting for one lease time at most, and until it stops', async () => {
    const { activeRuns, start, clock, requestClaim } = open();
    await start({ lost: true, suspicion: 1 });
    await clock.advance(14_999);
    expect(activeRuns.isReserved()).toBe(true);
    requestClaim.mockClear();
    await clock.advance(1);
    expect(activeRuns.isReserved()).toBe(false);
    expect(requestClaim).toHaveBeenCalled();
    const { activeRuns: others, start: startOther, notify: notifyOther } = open();
    await notifyOther(await startOther({ lost: true, suspicion: 1 }), { hints: ['end'] });
    expect(others.isReserved()).toBe(false);
  });

  test('that was lost as one before waits for the other runs of its server', async () => {
    const { activeRuns, start, notify, committed } = open();
    const other = await start();
    await start({ lost: true, suspicion: 1 });
    expect(activeRuns.isReserved()).toBe(false);
    await start({ lost: true, suspicion: 2 });
    expect([activeRuns.isReserved(), activeRuns.count()]).toEqual([true, 3]);
    expect(committed).toEqual([]);
    await notify(other, { hints: ['end'] });
    expect(activeRuns.count()).toBe(2);
  });

  test('a run that is no suspect reserves nothing', async () => {
    const { activeRuns, start, notify } = open();
    const runId = await start();
    expect(activeRuns.isReserved()).toBe(false);
    await notify(runId, { events: [deltaOf('So')] });
    expect(activeRuns.isReserved()).toBe(false);
  });
});

describe('a run whose tool waits for an answer', () => {
  test('uses no slot, and another run may start', async () => {
    const { activeRuns, start, requestClaim } = open({ isAsking: true });
    await start();
    expect(activeRuns.count()).toBe(0);
    expect(requestClaim).toHaveBeenCalled();
    let isSettled = false;
    void activeRuns.settled().then(() => {
      isSettled = true;
    });
    await settle();
    expect(isSettled).toBe(false);
    activeRuns.interruptAsking();
    await settle();
    expect(isSettled).toBe(true);
    expect(activeRuns.count()).toBe(0);
  });

  test('alone is interrupted before the others', async () => {
    const { activeRuns, start } = open();
    await start();
    activeRuns.interruptAsking();
    await settle();
    expect(activeRuns.count()).toBe(1);
  });
});
