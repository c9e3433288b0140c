import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Clock } from '../clock.ts';
import * as limits from '../config/limits.ts';
import type { CircuitState } from '../models/circuit.ts';
import type { ObservedFollower, Observer } from '../observer.ts';
import type { OpenWork } from '../projections/open-work.ts';
import { createTapeCounters } from './tape-counters.ts';

/** What is read when the metrics are requested. */
export interface MeasuredServer {
  version: string;
  store: string;
  clock: Clock;
  openWork(): Promise<OpenWork>;
  databaseBytes(): Promise<number>;
  circuits(): readonly { model: string; state: CircuitState }[];
  /** Runs that this server executes. */
  executingRuns(): number;
  maxConcurrentRuns: number;
}

export interface Metrics {
  observer: Observer;
  contentType: string;
  /** All metrics in the text format of Prometheus. Requests within a second get the same text. */
  text(): Promise<string>;
}

/** The metrics of one server. The values of the database are those of all servers; counters are those of this one. */
export function createMetrics(server: MeasuredServer): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: limits.LOOP_DELAY_MILLISECONDS });
  const readDatabase = addDatabaseGauges(registry, server);
  addServerGauges(registry, server);
  const observer = createObserver(registry);
  let cached: { text: Promise<string>; at: number } | null = null;

  async function read(): Promise<string> {
    await readDatabase();
    return registry.metrics();
  }

  return {
    observer,
    contentType: registry.contentType,
    text() {
      const now = server.clock.elapsed();
      if (cached === null || now - cached.at >= limits.METRICS_CACHE_SECONDS * 1000) cached = { text: read(), at: now };
      return cached.text;
    },
  };
}

/** Seconds; from a commit into memory to one behind a slow disk. */
const COMMIT_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5];
const APPEND_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128, 256];

function createObserver(registry: Registry): Observer {
  const registers = [registry];
  const followers = new Set<ObservedFollower>();
  const commitSeconds = new Histogram({
    name: 'runtape_commit_seconds',
    help: 'Duration of the transactions that store appends.',
    buckets: COMMIT_BUCKETS,
    registers,
  });
  const commitAppends = new Histogram({
    name: 'runtape_commit_appends',
    help: 'Appends that share one transaction.',
    buckets: APPEND_BUCKETS,
    registers,
  });
  const refusals = new Counter({
    name: 'runtape_refusals_total',
    help: 'Requests that were refused, by code: GraphQL errors, and errors in the results of mutations.',
    labelNames: ['code'],
    registers,
  });
  const signInFailures = new Counter({
    name: 'runtape_sign_in_failures_total',
    help: 'Requests and connections whose credentials were not accepted, by problem.',
    labelNames: ['problem'],
    registers,
  });
  new Gauge({
    name: 'runtape_followers',
    help: 'Subscriptions of this server that read a tape.',
    registers,
    collect() {
      this.set(followers.size);
    },
  });
  new Gauge({
    name: 'runtape_follower_lag_events',
    help: 'Recorded events that the slowest follower of this server has not read.',
    registers,
    collect() {
      let most = 0;
      for (const follower of followers) most = Math.max(most, follower.lag());
      this.set(most);
    },
  });
  return {
    appended: createTapeCounters(registry),
    committed({ appends, milliseconds }) {
      commitSeconds.observe(milliseconds / 1000);
      commitAppends.observe(appends);
    },
    refused: (code) => refusals.inc({ code }),
    signInFailed: (problem) => signInFailures.inc({ problem }),
    following(follower) {
      followers.add(follower);
      return () => void followers.delete(follower);
    },
  };
}

const circuitStates = ['closed', 'open', 'half-open'] as const satisfies readonly CircuitState[];

function addServerGauges(registry: Registry, server: MeasuredServer): void {
  const registers = [registry];
  const { version, store, maxConcurrentRuns } = server;
  new Gauge({
    name: 'runtape_info',
    help: 'Always 1. Its labels are the release and the store of this server.',
    labelNames: ['version', 'store'],
    registers,
  }).set({ version, store }, 1);
  new Gauge({
    name: 'runtape_executing_runs',
    help: 'Runs that this server executes.',
    registers,
    collect() {
      this.set(server.executingRuns());
    },
  });
  new Gauge({
    name: 'runtape_execution_slots',
    help: 'Runs that this server may execute at a time.',
    registers,
  }).set(maxConcurrentRuns);
  new Gauge({
    name: 'runtape_model_circuit_state',
    help: 'Circuit breaker of each model in this server: 1 for its state, 0 for the others.',
    labelNames: ['model', 'state'],
    registers,
    collect() {
      this.reset();
      for (const { model, state } of server.circuits()) {
        for (const each of circuitStates) this.set({ model, state: each }, each === state ? 1 : 0);
      }
    },
  });
}

/** Returns a function that reads the database. Without it, its gauges are missing and `runtape_database_up` is 0. */
function addDatabaseGauges(registry: Registry, server: MeasuredServer): () => Promise<void> {
  const registers = [registry];
  const up = new Gauge({
    name: 'runtape_database_up',
    help: '1 if the database could be read, otherwise 0.',
    registers,
  });
  const size = new Gauge({
    name: 'runtape_database_bytes',
    help: 'Size of the database; of SQLite without its write-ahead log. Read once a minute.',
    registers,
  });
  const runs = new Gauge({
    name: 'runtape_runs',
    help: 'Runs that have not ended, by state, over all servers. PENDING is the depth of the queue.',
    labelNames: ['state'],
    registers,
  });
  const oldestPending = new Gauge({
    name: 'runtape_queue_oldest_seconds',
    help: 'Age of the oldest run that has not started, over all servers; 0 if there is none.',
    registers,
  });
  const waits = new Gauge({
    name: 'runtape_waits_open',
    help: 'Waits that nobody has settled, by kind, over all servers.',
    labelNames: ['kind'],
    registers,
  });
  const oldestWait = new Gauge({
    name: 'runtape_wait_oldest_seconds',
    help: 'Age of the oldest open wait, by kind, over all servers.',
    labelNames: ['kind'],
    registers,
  });
  let sizeReadAt = Number.NEGATIVE_INFINITY;

  async function readSize(): Promise<void> {
    const now = server.clock.elapsed();
    if (now - sizeReadAt < limits.DATABASE_SIZE_SECONDS * 1000) return;
    size.set(await server.databaseBytes());
    sizeReadAt = now;
  }

  function show(work: OpenWork): void {
    const age = (since: Date) => Math.max(0, server.clock.now() - since.getTime()) / 1000;
    for (const [state, count] of Object.entries(work.runs)) runs.set({ state }, count);
    oldestPending.set(work.oldestPending ? age(work.oldestPending) : 0);
    for (const { kind, count, oldest } of work.waits) {
      waits.set({ kind }, count);
      oldestWait.set({ kind }, age(oldest));
    }
  }

  return async () => {
    for (const gauge of [runs, waits, oldestWait]) gauge.reset();
    try {
      const [work] = await Promise.all([server.openWork(), readSize()]);
      show(work);
      up.set(1);
    } catch {
      up.set(0);
    }
  };
}
