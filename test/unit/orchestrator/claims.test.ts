import { setImmediate } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import { CLAIM_DELAY_MILLISECONDS } from '../../../src/config/limits.ts';
import { createOrchestrator } from '../../../src/orchestrator/orchestrator.ts';
import { newRunId } from '../../contract/appends.ts';
import { callsRequested, limits, toolDecision } from '../domain/given.ts';
import { createFakeDependencies, startingSource } from './fake-dependencies.ts';

const TICK = 5000;

async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await setImmediate();
}

/** A started orchestrator of one second server, whose searches for runs are counted. */
async function open({ foreignExpiry = null as number | null, sweep = async () => undefined as unknown } = {}) {
  const searches: number[] = [];
  const logger = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() };
  const fakes = createFakeDependencies({
    sources: [startingSource],
    settings: { limits: { ...limits, runSeconds: 3600 } },
    // A search has a limit at its end; a renewal has a list of runs, all of which are still held.
    async executeWrite(parameters) {
      const [, second, limit] = parameters;
      if (typeof second === 'string') return (JSON.parse(second) as string[]).map((runId) => ({ runId }));
      searches.push(Number(limit));
      return [];
    },
    parts: { logger: logger as never },
  });
  const { dependencies, storeTape } = fakes;
  const { query } = dependencies.database;
  // Some run waits, so that every search looks for runs.
  dependencies.database.query = (async (statement: { sqlite: string }, ...parameters: never[]) =>
    statement.sqlite.includes('SELECT EXISTS')
      ? [{ pending: true, suspects: false }]
      : query(statement as never, ...parameters)) as typeof query;
  Object.assign(dependencies.database.reader, { $queryRawUnsafe: async () => [{ milliseconds: foreignExpiry }] });
  const orchestrator = createOrchestrator(dependencies, sweep);
  orchestrator.start();
  await settle();
  /** Starts a run in the middle of a call. */
  async function startRun() {
    const runId = newRunId();
    const { sessionId } = await storeTape(runId, {}, callsRequested('a'), toolDecision('a', 'ALLOW'));
    const slot = await orchestrator.claimNow({ runId, sessionId }, 'new');
    return { runId, sessionId, slot };
  }
  async function notify(runId: string, hints: string[], isOfThisServer = true) {
    const events = isOfThisServer ? [] : null;
    dependencies.notifications.publish({ runId, sessionId: 'ses_1', head: 1, events, hints: hints as never });
    await settle();
  }
  return { ...fakes, orchestrator, searches, startRun, notify, logger };
}

describe('an orchestrator searches for runs', () => {
  test('when it starts, for as many as it has room for', async () => {
    const { searches, orchestrator, clock } = await open();
    expect(searches).toEqual([4]);
    await orchestrator.stop(0);
    await clock.advance(TICK);
    expect([searches, clock.pending()]).toEqual([[4], 0]);
  });

  test('at once if this server recorded work, unless it has a slot for the run', async () => {
    const { searches, notify, startRun } = await open();
    await notify('run_9', ['work']);
    expect(searches).toEqual([4, 4]);
    await notify('run_9', ['activity']);
    expect(searches).toHaveLength(2);
    const { runId, slot } = await startRun();
    await notify(runId, ['work']);
    expect(searches).toHaveLength(2);
    slot?.release();
    await settle();
    expect(searches).toHaveLength(3);
  });

  test('at once if a run of its own has ended', async () => {
    const { searches, notify } = await open();
    await notify('run_9', ['work', 'end']);
    expect(searches).toHaveLength(2);
  });

  test('a moment later if another server recorded work: that one claims first', async () => {
    const { searches, notify, clock } = await open();
    await notify('run_9', ['work'], false);
    await clock.advance(CLAIM_DELAY_MILLISECONDS - 1);
    expect(searches).toHaveLength(1);
    await clock.advance(1);
    await settle();
    expect(searches).toHaveLength(2);
  });

  test('a moment later if notifications were lost', async () => {
    const { searches, dependencies, clock } = await open();
    dependencies.notifications.reportLoss('*');
    await clock.advance(CLAIM_DELAY_MILLISECONDS);
    await settle();
    expect(searches).toHaveLength(2);
  });

  test('as soon as the lease of another server expires before the next renewal', async () => {
    const { searches, clock } = await open({ foreignExpiry: 2000 });
    await clock.advance(TICK);
    await settle();
    expect(searches).toHaveLength(2);
    await clock.advance(1999);
    expect(searches).toHaveLength(2);
    await clock.advance(1);
    await settle();
    expect(searches).toHaveLength(3);
  });

  test('only at the renewals if no lease of another server expires before', async () => {
    for (const foreignExpiry of [null, TICK]) {
      const { searches, clock } = await open({ foreignExpiry });
      await clock.advance(TICK);
      await settle();
      await clock.advance(TICK - 1);
      await settle();
      expect(searches).toHaveLength(2);
    }
  });

  test('for fewer runs while some are executed or recorded, and for none without room', async () => {
    const { searches, startRun, notify, orchestrator } = await open();
    const first = await startRun();
    first.slot?.start();
    await startRun();
    await notify('run_9', ['work']);
    expect(searches.at(-1)).toBe(2);
    await startRun();
    await startRun();
    expect((await startRun()).slot).toBeNull();
    await notify('run_9', ['work']);
    expect(searches).toHaveLength(2);
    expect(orchestrator.activeCount()).toBe(1);
  });
});

test('a check of the database that fails is reported, and the next one takes place', async () => {
  const { dependencies, clock, logger } = await open();
  const check = vi.fn(async () => Promise.reject(new Error('away')));
  dependencies.database.check = check;
  await clock.advance(TICK);
  await settle();
  await clock.advance(TICK);
  await settle();
  expect(check).toHaveBeenCalledTimes(2);
  const texts = [...logger.warn.mock.calls, ...logger.error.mock.calls].map((call) => JSON.stringify(call));
  expect(texts).toHaveLength(1);
  expect(texts[0]).toContain('checking the database');
  dependencies.database.check = async () => undefined;
  await clock.advance(TICK);
  await settle();
  expect([...logger.info.mock.calls, ...logger.warn.mock.calls].map((call) => JSON.stringify(call)).join()).toContain(
    'checking the database',
  );
});

test('a sweep that fails is reported, and the next one takes place', async () => {
  const sweep = vi.fn(async () => Promise.reject(new Error('away')));
  const { clock, logger } = await open({ sweep });
  for (let ticks = 0; ticks < 2; ticks += 1) {
    await clock.advance(TICK);
    await settle();
  }
  expect(sweep).toHaveBeenCalledTimes(2);
  expect(JSON.stringify([...logger.warn.mock.calls, ...logger.error.mock.calls])).toContain('expiring approvals');
});

describe('stopping', () => {
  test('lets a step finish within the grace time, and then interrupts it', async () => {
    const { orchestrator, startRun, clock, committed } = await open();
    const { slot, runId } = await startRun();
    slot?.start();
    await settle();
    let hasStopped = false;
    const stopping = orchestrator.stop(3000).then(() => {
      hasStopped = true;
    });
    await settle();
    await clock.advance(2999);
    await settle();
    expect(hasStopped).toBe(false);
    await clock.advance(1);
    await stopping;
    expect(committed.map(({ row }) => row.runId)).toEqual([runId]);
    expect([orchestrator.activeCount(), clock.pending()]).toEqual([0, 0]);
  });

  test('waits for the sweep in progress', async () => {
    const ends: (() => void)[] = [];
    const sweep = () => new Promise<void>((resolve) => void ends.push(resolve));
    const { orchestrator, clock } = await open({ sweep });
    await clock.advance(TICK);
    await settle();
    let hasStopped = false;
    const stopping = orchestrator.stop(0).then(() => {
      hasStopped = true;
    });
    await settle();
    expect(hasStopped).toBe(false);
    for (const end of ends) end();
    await stopping;
  });
});
