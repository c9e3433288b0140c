import { join } from 'node:path';
import { startRuntape } from '../../contestants/runtape-server.ts';
import { openGraphqlSocket } from '../../load/graphql-socket.ts';
import { type Claim, medianOf, type Series, shown } from '../../measure/result.ts';
import { inTurns } from '../../measure/turns.ts';
import { makeFolder } from '../../processes/places.ts';
import { work } from '../../processes/work.ts';
import type { Bench, Row } from '../row.ts';
import { fillSession, measureSessions } from './sessions.ts';

const SHORT_RUNS = 10;
const LONG_RUNS = { usual: 1000, long: 10_000 };
const SMALL_EVENTS = 1000;
const LARGE_EVENTS = { usual: 100_000, long: 1_000_000 };
/** Short sessions grow while they are measured: with as many, each by a few runs. */
const SHORT_SESSIONS = 40;
const TIMES = 20;
/** Holds a few turns of these sessions beside the instructions and the tools. */
const CONTEXT_TOKENS = 4000;
const ASKED = 1.5;
const FLAT = 1.1;

const thousands = (count: number) => count.toLocaleString('en');

async function sessionSeries(bench: Bench): Promise<{ series: Series[]; errors: number; notes: string[] }> {
  const models = {
    bench: { provider: 'openai-compatible', baseURL: bench.modelUrl, model: 'bench', contextTokens: CONTEXT_TOKENS },
  };
  const server = await startRuntape({ modelUrl: bench.modelUrl, configuration: { models } });
  const client = await openGraphqlSocket(server.url);
  try {
    const runs = bench.isLong ? LONG_RUNS.long : LONG_RUNS.usual;
    bench.say(`writing sessions of ${SHORT_RUNS} and of ${thousands(runs)} runs`);
    const short = await Promise.all(Array.from({ length: SHORT_SESSIONS }, () => fillSession(client, SHORT_RUNS)));
    const long = [await fillSession(client, runs)];
    const subjects = [
      { name: `session of ${SHORT_RUNS} runs`, keys: short },
      { name: `session of ${thousands(runs)} runs`, keys: long },
    ];
    const notes: string[] = [];
    const measured = await inTurns(bench.rounds, subjects, async ({ name, keys }, round) => {
      const { shown: messages, ...costs } = await measureSessions(client, keys, { from: round * TIMES, times: TIMES });
      if (round === 0) notes.push(`in a ${name} the model is shown ${messages} messages`);
      bench.say(
        `${name}: ${Object.entries(costs)
          .map(([what, value]) => `${what} ${value.toFixed(2)} ms`)
          .join(', ')}`,
      );
      return { values: Object.entries(costs).map(([what, value]) => ({ what, unit: 'ms', value })), errors: 0 };
    });
    return { ...measured, notes };
  } finally {
    client.close();
    await server.stop();
  }
}

async function journalSeries({ rounds, seconds, isLong, say }: Bench): Promise<{ series: Series[]; errors: number }> {
  const large = isLong ? LARGE_EVENTS.long : LARGE_EVENTS.usual;
  const subjects = [SMALL_EVENTS, large].map((events) => ({ name: `journal of ${thousands(events)} events`, events }));
  return inTurns(rounds, subjects, async ({ name, events }) => {
    const folder = makeFolder();
    const url = `file:${join(folder.path, 'runtape.db')}`;
    const costs = await work<Record<string, number>>('journal-growth.mjs', url, seconds, events);
    folder.remove();
    say(
      `${name}: ${Object.entries(costs)
        .map(([what, value]) => `${what} ${value.toFixed(0)} µs`)
        .join(', ')}`,
    );
    return { values: Object.entries(costs).map(([what, value]) => ({ what, unit: 'µs', value })), errors: 0 };
  });
}

/** How much more it costs in the larger one, thing by thing. */
function claim(what: string, series: Series[]): Claim {
  const [small = '', large = ''] = [...new Set(series.map(({ who }) => who))];
  const things = [...new Set(series.map((one) => one.what))];
  const ratios = things.map((thing) => ({
    thing,
    ratio: medianOf(series, large, thing) / medianOf(series, small, thing),
  }));
  return {
    what: `${what}: ${large} against ${small}`,
    asked: `≤ ${ASKED} ×`,
    stretch: 'flat',
    measured: ratios.map(({ thing, ratio }) => `${thing} ${shown(ratio)} ×`).join(', '),
    met: ratios.every(({ ratio }) => ratio <= ASKED),
    stretchMet: ratios.every(({ ratio }) => ratio <= FLAT),
  };
}

export const growthRow: Row = {
  name: 'growth',
  about:
    'what an append, a run, a resumption and a context cost as sessions and the journal grow; --long for the full sizes',
  async measure(bench) {
    const sessions = await sessionSeries(bench);
    const journal = await journalSeries(bench);
    return {
      row: 'growth',
      series: [...sessions.series, ...journal.series],
      claims: [claim('cost in a session', sessions.series), claim('cost in a journal', journal.series)],
      errors: sessions.errors + journal.errors,
      notes: sessions.notes,
    };
  },
};
