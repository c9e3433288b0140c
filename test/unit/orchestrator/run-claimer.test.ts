import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { Database } from '../../../src/database/database.ts';
import type { OrchestratorDependencies } from '../../../src/orchestrator/dependencies.ts';
import type { Lease } from '../../../src/orchestrator/leases.ts';
import { createRunClaimer } from '../../../src/orchestrator/run-claimer.ts';
import { sequence } from '../../contract/appends.ts';
import { createFakeClock } from '../fake-clock.ts';

/** A search for runs that a test finishes. */
interface Search {
  /** The largest number of runs that it may claim. */
  limit: number;
  finish(runs: number | Error): Promise<void>;
}

/** A claimer over a store whose searches a test finishes one by one. */
function openClaimer({ maxConcurrentRuns = 4 } = {}) {
  const clock = createFakeClock();
  const searches: Search[] = [];
  const started: Lease[] = [];
  const warnings: unknown[] = [];
  const state = { isRunning: true, count: 0, starting: 0, isAnyPending: true, pendingLookups: 0 };
  const query = (async (statement: { writes?: boolean }, ...parameters: unknown[]): Promise<object[]> => {
    if (!statement.writes) {
      state.pendingLookups += 1;
      return [{ pending: state.isAnyPending, suspects: false }];
    }
    return new Promise((resolve, reject) => {
      searches.push({
        limit: Number(parameters.at(-1)),
        async finish(runs) {
          if (runs instanceof Error) reject(runs);
          else resolve(sequence(runs).map((n) => ({ runId: `run_${n}`, sessionId: 'ses_1', epoch: 1, lost: false })));
          await setImmediate();
        },
      });
    });
  }) as Database['query'];
  // The claimer uses nothing else.
  const dependencies = {
    database: { isShared: true, query },
    clock,
    settings: { maxConcurrentRuns },
    logger: { warn: (details: unknown) => warnings.push(details), info: () => undefined },
  } as unknown as OrchestratorDependencies;
  const claimer = createRunClaimer(dependencies, {
    term: () => ({ holder: 'server_1', now: 0, leaseMilliseconds: 1000 }),
    isRunning: () => state.isRunning,
    count: () => state.count,
    startingCount: () => state.starting,
    start: (lease) => void started.push(lease),
  });
  const request = async (scope: 'waiting' | 'open') => {
    claimer.request(scope);
    await setImmediate();
  };
  const search = (index: number): Search => searches[index] ?? expect.unreachable(`There is no search ${index}.`);
  return { claimer, clock, searches, search, started, warnings, state, request };
}

describe('a request', () => {
  test('searches at once for as many runs as there is room for, and starts those that it claims', async () => {
    const { request, search, searches, started, state } = openClaimer({ maxConcurrentRuns: 10 });
    state.count = 3;
    await request('open');
    expect(search(0).limit).toBe(7);
    await search(0).finish(2);
    expect(started.map(({ runId }) => runId)).toEqual(['run_1', 'run_2']);
    expect(searches).toHaveLength(1);
  });

  test('during a search leads to one more search after it, for any number of requests', async () => {
    const { request, search, searches } = openClaimer();
    await request('open');
    for (const scope of ['waiting', 'open', 'waiting'] as const) await request(scope);
    expect(searches).toHaveLength(1);
    await search(0).finish(0);
    expect(searches).toHaveLength(2);
    await search(1).finish(0);
    expect(searches).toHaveLength(2);
  });

  test('for open runs is not replaced by a request for waiting runs', async () => {
    const { request, search, searches, state } = openClaimer();
    state.isAnyPending = false;
    await request('open');
    await request('open');
    await request('waiting');
    await search(0).finish(0);
    expect(searches).toHaveLength(2);
  });

  // The end of a search takes several turns of the microtask queue. A request can arrive in any of them.
  test.each(sequence(12, 0))(
    'that arrives %i microtasks after the last result of a search is not lost',
    async (turns) => {
      const { claimer, request, search, searches } = openClaimer();
      await request('open');
      const finished = search(0).finish(0);
      for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
      claimer.request('open');
      await finished;
      await setImmediate();
      expect(searches).toHaveLength(2);
    },
  );

  test('for waiting runs does not search if no run is pending', async () => {
    const { request, searches, state } = openClaimer();
    state.isAnyPending = false;
    await request('waiting');
    expect(searches).toHaveLength(0);
    state.isAnyPending = true;
    await request('waiting');
    expect(searches).toHaveLength(1);
  });

  test('that arrives during the lookup for pending runs is not lost', async () => {
    const { claimer, searches, state } = openClaimer();
    state.isAnyPending = false;
    claimer.request('waiting');
    claimer.request('open');
    await setImmediate();
    expect(searches).toHaveLength(1);
  });
});

describe('a slot that became free', () => {
  test('leads to a search only if the last one may have left runs', async () => {
    const { claimer, request, search, searches, state } = openClaimer();
    claimer.request('left');
    await setImmediate();
    expect(state.pendingLookups).toBe(0);
    state.count = 4;
    await request('open');
    state.count = 3;
    claimer.request('left');
    await setImmediate();
    expect(searches).toHaveLength(1);
    await search(0).finish(0);
    claimer.request('left');
    await setImmediate();
    expect([searches.length, state.pendingLookups]).toEqual([1, 1]);
  });

  test('during a search leads to one more after it', async () => {
    const { claimer, request, search, searches } = openClaimer();
    await request('open');
    claimer.request('left');
    await search(0).finish(0);
    expect(searches).toHaveLength(2);
  });

  test('after a search that failed leads to another one', async () => {
    const { claimer, request, search, searches } = openClaimer();
    await request('open');
    await search(0).finish(new Error('The database is away.'));
    claimer.request('left');
    await setImmediate();
    expect(searches).toHaveLength(2);
  });
});

describe('a search that claims as many runs as it may', () => {
  test('is followed by another one, until one claims fewer', async () => {
    const { request, search, searches, started } = openClaimer();
    await request('open');
    await search(0).finish(4);
    expect(searches).toHaveLength(2);
    await search(1).finish(4);
    expect(searches).toHaveLength(3);
    await search(2).finish(3);
    expect([searches.length, started.length]).toEqual([3, 11]);
  });

  test('is followed by another one when there is room again, although no run is pending', async () => {
    const { request, search, searches, state } = openClaimer();
    state.isAnyPending = false;
    await request('open');
    state.count = 4;
    await search(0).finish(4);
    expect(searches).toHaveLength(1);
    state.count = 3;
    await request('waiting');
    expect(search(1).limit).toBe(1);
    await search(1).finish(0);
    // The last search found every run, so the next one is not needed.
    await request('waiting');
    expect(searches).toHaveLength(2);
  });
});

describe('without room', () => {
  test('nothing is searched, and the first request after that searches, although no run is pending', async () => {
    const { request, search, searches, state } = openClaimer();
    Object.assign(state, { count: 4, isAnyPending: false });
    await request('open');
    expect(searches).toHaveLength(0);
    state.count = 2;
    await request('waiting');
    expect(search(0).limit).toBe(2);
  });

  test('for half of the runs that may start together, a search waits until more of them have started', async () => {
    const { request, search, searches, state } = openClaimer({ maxConcurrentRuns: 200 });
    Object.assign(state, { count: 40, starting: 33 });
    await request('open');
    expect(searches).toHaveLength(0);
    state.starting = 32;
    await request('waiting');
    expect(search(0).limit).toBe(32);
  });

  test('for more than a few runs, a search uses the little room that there is', async () => {
    const { request, search, state } = openClaimer({ maxConcurrentRuns: 200 });
    Object.assign(state, { count: 197, starting: 40 });
    await request('open');
    expect(search(0).limit).toBe(3);
  });
});

describe('a delayed request', () => {
  test('searches when it is due', async () => {
    const { claimer, clock, searches } = openClaimer();
    claimer.requestAfter(100);
    await clock.advance(99);
    expect(searches).toHaveLength(0);
    await clock.advance(1);
    await setImmediate();
    expect(searches).toHaveLength(1);
  });

  test.each([
    ['a later one', [100, 200]],
    ['an earlier one', [200, 100]],
    ['an equal one', [100, 100]],
  ])('and %s lead to one search, at the earlier time', async (_name, delays) => {
    const { claimer, clock, search, searches } = openClaimer();
    for (const delay of delays) claimer.requestAfter(delay);
    expect(clock.pending()).toBe(1);
    await clock.advance(100);
    await setImmediate();
    await search(0).finish(0);
    await clock.advance(1000);
    await setImmediate();
    expect([searches.length, clock.pending()]).toEqual([1, 0]);
  });

  test('that comes after the one before was due searches again', async () => {
    const { claimer, clock, search, searches } = openClaimer();
    claimer.requestAfter(100);
    await clock.advance(100);
    await setImmediate();
    await search(0).finish(0);
    claimer.requestAfter(500);
    await clock.advance(500);
    await setImmediate();
    expect(searches).toHaveLength(2);
  });
});

describe('a store that fails', () => {
  test('does not end the claimer: the next request searches again, and the outage is logged once', async () => {
    const { claimer, request, search, searches, started, warnings } = openClaimer();
    await request('open');
    await search(0).finish(new Error('The store is gone.'));
    await request('open');
    await search(1).finish(new Error('The store is gone.'));
    expect([searches.length, warnings.length]).toEqual([2, 1]);
    await claimer.idle();
    await request('open');
    await search(2).finish(1);
    expect(started).toHaveLength(1);
  });

  test('does not lose a request that arrived during the search', async () => {
    const { request, search, searches } = openClaimer();
    await request('open');
    await request('open');
    await search(0).finish(new Error('The store is gone.'));
    expect(searches).toHaveLength(2);
  });
});

describe('a server that stops', () => {
  test('waits for the search in progress, starts what it claimed, and does not search again', async () => {
    const { claimer, request, search, searches, started, state } = openClaimer();
    await request('open');
    await request('open');
    state.isRunning = false;
    let isIdle = false;
    const idle = claimer.idle().then(() => {
      isIdle = true;
    });
    await setImmediate();
    expect(isIdle).toBe(false);
    // An execution that starts now releases its lease at once.
    await search(0).finish(4);
    await idle;
    expect([searches.length, started.length]).toEqual([1, 4]);
  });

  test('does not search for requests that come later', async () => {
    const { claimer, clock, request, searches, state } = openClaimer();
    claimer.requestAfter(100);
    state.isRunning = false;
    await request('open');
    await clock.advance(100);
    await setImmediate();
    await claimer.idle();
    expect(searches).toHaveLength(0);
  });
});
