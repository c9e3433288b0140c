import { describe, expect, test } from 'vitest';
import { createMetrics, type MeasuredServer } from '../../../src/observation/metrics.ts';
import type { OpenWork } from '../../../src/projections/open-work.ts';
import { samplesOf } from '../../integration/observation/exposition.ts';
import { inProgress, recordedTape } from '../domain/given.ts';
import { createFakeClock } from '../fake-clock.ts';

const idle: OpenWork = { runs: { PENDING: 0, IN_PROGRESS: 0, AWAITING_APPROVAL: 0 }, oldestPending: null, waits: [] };

function createMeasured(server: Partial<MeasuredServer> = {}) {
  const clock = createFakeClock(1_000_000);
  const metrics = createMetrics({
    version: '1.2.3',
    store: 'sqlite',
    clock,
    openWork: async () => idle,
    databaseBytes: async () => 4096,
    circuits: () => [],
    executingRuns: () => 2,
    maxConcurrentRuns: 8,
    ...server,
  });
  /** The samples of the gateway that begin with one of the names. Buckets are left out. */
  async function samples(...names: string[]) {
    const own = [...samplesOf(await metrics.text())].filter(
      ([sample]) => names.some((name) => sample.startsWith(`runtape_${name}`)) && !sample.includes('_bucket'),
    );
    return Object.fromEntries(own.map(([sample, value]) => [sample.slice('runtape_'.length), value]));
  }
  return { clock, metrics, samples };
}

describe('the metrics of a server', () => {
  test('name its release and store, and how much it may and does execute', async () => {
    const { samples, metrics } = createMeasured();
    expect(metrics.contentType).toContain('text/plain');
    expect(await samples('info', 'execut')).toEqual({
      'info{version="1.2.3",store="sqlite"}': 1,
      executing_runs: 2,
      execution_slots: 8,
    });
  });

  test('have one state of each circuit', async () => {
    const circuits = [
      { model: 'a', state: 'closed' as const },
      { model: 'b', state: 'half-open' as const },
    ];
    const { samples, clock } = createMeasured({ circuits: () => circuits });
    expect(await samples('model_circuit')).toEqual({
      'model_circuit_state{model="a",state="closed"}': 1,
      'model_circuit_state{model="a",state="open"}': 0,
      'model_circuit_state{model="a",state="half-open"}': 0,
      'model_circuit_state{model="b",state="closed"}': 0,
      'model_circuit_state{model="b",state="open"}': 0,
      'model_circuit_state{model="b",state="half-open"}': 1,
    });
    circuits.pop();
    await clock.advance(1000);
    expect(Object.keys(await samples('model_circuit'))).toHaveLength(3);
  });

  test('count commits, refusals, failed sign-ins and events', async () => {
    const { samples, metrics } = createMeasured();
    const { observer } = metrics;
    observer.committed({ appends: 3, milliseconds: 1500 });
    observer.committed({ appends: 1, milliseconds: 500 });
    observer.refused('NOT_FOUND');
    observer.signInFailed('expired');
    observer.appended(recordedTape(inProgress));
    expect(await samples('commit', 'refusals', 'sign_in', 'messages')).toEqual({
      commit_seconds_sum: 2,
      commit_seconds_count: 2,
      commit_appends_sum: 4,
      commit_appends_count: 2,
      'refusals_total{code="NOT_FOUND"}': 1,
      'sign_in_failures_total{problem="expired"}': 1,
      'messages_total{kind="new"}': 1,
    });
  });

  test('count followers, and how far the slowest one is behind', async () => {
    const { samples, metrics, clock } = createMeasured();
    expect(await samples('follower')).toEqual({ followers: 0, follower_lag_events: 0 });
    const ends = [5, 7, 6].map((lag) => metrics.observer.following({ lag: () => lag }));
    await clock.advance(1000);
    expect(await samples('follower')).toEqual({ followers: 3, follower_lag_events: 7 });
    ends[1]?.();
    await clock.advance(1000);
    expect(await samples('follower')).toEqual({ followers: 2, follower_lag_events: 6 });
  });

  test('are read once a second at most', async () => {
    const { metrics, clock } = createMeasured();
    await clock.advance(5000);
    const text = await metrics.text();
    metrics.observer.refused('NOT_FOUND');
    await clock.advance(999);
    expect(await metrics.text()).toBe(text);
    await clock.advance(1);
    expect(await metrics.text()).not.toBe(text);
  });
});

describe('the metrics of the database', () => {
  test('are the work that is open, with its age', async () => {
    const work: OpenWork = {
      runs: { PENDING: 1, IN_PROGRESS: 2, AWAITING_APPROVAL: 3 },
      oldestPending: new Date(995_000),
      waits: [{ kind: 'APPROVAL', count: 3, oldest: new Date(990_000) }],
    };
    const { samples } = createMeasured({ openWork: async () => work });
    expect(await samples('runs{', 'queue', 'wait', 'database')).toEqual({
      'runs{state="PENDING"}': 1,
      'runs{state="IN_PROGRESS"}': 2,
      'runs{state="AWAITING_APPROVAL"}': 3,
      queue_oldest_seconds: 5,
      'waits_open{kind="APPROVAL"}': 3,
      'wait_oldest_seconds{kind="APPROVAL"}': 10,
      database_up: 1,
      database_bytes: 4096,
    });
  });

  test('have no age before the clock of this server, and none without work', async () => {
    const work = { ...idle, oldestPending: new Date(1_005_000) };
    const { samples } = createMeasured({ openWork: async () => work });
    expect(await samples('queue')).toEqual({ queue_oldest_seconds: 0 });
    expect(await createMeasured().samples('queue', 'wait')).toEqual({ queue_oldest_seconds: 0 });
  });

  test('are missing while it cannot be read', async () => {
    let isAway = false;
    const work = { ...idle, waits: [{ kind: 'QUESTION' as const, count: 1, oldest: new Date(0) }] };
    const openWork = async () => {
      if (isAway) throw new Error('away');
      return work;
    };
    const { samples, clock } = createMeasured({ openWork });
    expect(Object.keys(await samples('runs{', 'wait'))).toHaveLength(5);
    isAway = true;
    await clock.advance(1000);
    expect(await samples('runs{', 'wait', 'database_up')).toEqual({ database_up: 0 });
    isAway = false;
    await clock.advance(1000);
    expect(await samples('database_up')).toEqual({ database_up: 1 });
  });

  test('have its size of the last minute', async () => {
    let bytes = 100;
    const { samples, clock } = createMeasured({ databaseBytes: async () => bytes });
    expect(await samples('database_bytes')).toEqual({ database_bytes: 100 });
    bytes = 200;
    await clock.advance(59_000);
    expect(await samples('database_bytes')).toEqual({ database_bytes: 100 });
    await clock.advance(1000);
    expect(await samples('database_bytes')).toEqual({ database_bytes: 200 });
  });
});
