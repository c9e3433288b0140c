import { join } from 'node:path';
import { openGraphqlSocket } from '../../load/graphql-socket.ts';
import { formatNumber, type Goal, medianOf, type Series } from '../../measure/result.ts';
import { measureInRounds } from '../../measure/rounds.ts';
import { createFolder } from '../../processes/folders.ts';
import { runWorker } from '../../processes/worker.ts';
import { startRuntape } from '../../systems/runtape-server.ts';
import type { BenchContext, Row } from '../row.ts';
import { fillSession, measureSessions } from './sessions.ts';

const SHORT_RUNS = 10;
const LONG_RUNS = { usual: 1000, long: 10_000 };
const SMALL_EVENTS = 1000;
const LARGE_EVENTS = { usual: 100_000, long: 1_000_000 };
/** Short sessions grow while they are measured. With this many, each grows by a few runs only. */
const SHORT_SESSIONS = 40;
const REPETITIONS = 20;
/** Room for a few turns of these sessions, the instructions and the tools. */
const CONTEXT_TOKENS = 4000;
const REQUIRED_RATIO = 1.5;
const STRETCH_RATIO = 1.1;

const formatCount = (count: number) => count.toLocaleString('en');

/** One line of progress: the cost of each operation. */
function formatCosts(costs: Record<string, number>, format: (value: number) => string): string {
  return Object.entries(costs)
    .map(([metric, value]) => `${metric} ${format(value)}`)
    .join(', ');
}

async function measureSessionGrowth(bench: BenchContext) {
  const models = {
    bench: { provider: 'openai-compatible', baseURL: bench.modelUrl, model: 'bench', contextTokens: CONTEXT_TOKENS },
  };
  const server = await startRuntape({ modelUrl: bench.modelUrl, configuration: { models } });
  const client = await openGraphqlSocket(server.url);
  try {
    const runs = bench.isLong ? LONG_RUNS.long : LONG_RUNS.usual;
    bench.log(`writing sessions of ${SHORT_RUNS} and of ${formatCount(runs)} runs`);
    const shortKeys = await Promise.all(Array.from({ length: SHORT_SESSIONS }, () => fillSession(client, SHORT_RUNS)));
    const longKeys = [await fillSession(client, runs)];
    const subjects = [
      { name: `session of ${SHORT_RUNS} runs`, keys: shortKeys },
      { name: `session of ${formatCount(runs)} runs`, keys: longKeys },
    ];
    const notes: string[] = [];
    const measured = await measureInRounds(bench.rounds, subjects, async ({ name, keys }, round) => {
      const range = { from: round * REPETITIONS, repetitions: REPETITIONS };
      const { contextMessages, ...costs } = await measureSessions(client, keys, range);
      if (round === 0) notes.push(`in a ${name}, the context of the model has ${contextMessages} messages`);
      bench.log(`${name}: ${formatCosts(costs, (value) => `${value.toFixed(2)} ms`)}`);
      return { values: Object.entries(costs).map(([metric, value]) => ({ metric, unit: 'ms', value })), errors: 0 };
    });
    return { ...measured, notes };
  } finally {
    client.close();
    await server.stop();
  }
}

async function measureJournalGrowth({ rounds, seconds, isLong, log }: BenchContext) {
  const largeEvents = isLong ? LARGE_EVENTS.long : LARGE_EVENTS.usual;
  const subjects = [SMALL_EVENTS, largeEvents].map((events) => ({
    name: `journal of ${formatCount(events)} events`,
    events,
  }));
  return measureInRounds(rounds, subjects, async ({ name, events }) => {
    const folder = createFolder();
    const url = `file:${join(folder.path, 'runtape.db')}`;
    const costs = await runWorker<Record<string, number>>('journal-growth.mjs', url, seconds, events);
    folder.remove();
    log(`${name}: ${formatCosts(costs, (value) => `${value.toFixed(0)} µs`)}`);
    return { values: Object.entries(costs).map(([metric, value]) => ({ metric, unit: 'µs', value })), errors: 0 };
  });
}

/** Compares the costs of the larger subject with those of the smaller one, for each metric. */
function goalOf(name: string, series: Series[]): Goal {
  const [small = '', large = ''] = [...new Set(series.map(({ subject }) => subject))];
  const metrics = [...new Set(series.map(({ metric }) => metric))];
  const ratios = metrics.map((metric) => ({
    metric,
    ratio: medianOf(series, large, metric) / medianOf(series, small, metric),
  }));
  return {
    name: `${name}: ${large} against ${small}`,
    required: `≤ ${REQUIRED_RATIO} ×`,
    stretch: 'flat',
    measured: ratios.map(({ metric, ratio }) => `${metric} ${formatNumber(ratio)} ×`).join(', '),
    met: ratios.every(({ ratio }) => ratio <= REQUIRED_RATIO),
    stretchMet: ratios.every(({ ratio }) => ratio <= STRETCH_RATIO),
  };
}

export const growthRow: Row = {
  name: 'growth',
  description:
    'cost of an append, a run, a resumption and a context as sessions and the journal grow; --long for the full sizes',
  async measure(bench) {
    const sessions = await measureSessionGrowth(bench);
    const journal = await measureJournalGrowth(bench);
    return {
      row: 'growth',
      series: [...sessions.series, ...journal.series],
      goals: [goalOf('cost in a session', sessions.series), goalOf('cost in a journal', journal.series)],
      errors: sessions.errors + journal.errors,
      notes: sessions.notes,
    };
  },
};
