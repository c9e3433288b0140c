import { cpSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeOpenRuns } from '../../contestants/open-runs.ts';
import { newSessionKey, talk } from '../../contestants/runtape.ts';
import { startRuntape } from '../../contestants/runtape-server.ts';
import { openGraphqlSocket } from '../../load/graphql-socket.ts';
import { now } from '../../measure/clock.ts';
import { type Claim, medianOf, type Series, shown } from '../../measure/result.ts';
import { inTurns, type Sample } from '../../measure/turns.ts';
import { promptText } from '../../model/prompt.ts';
import { makeFolder } from '../../processes/places.ts';
import type { Bench, Row } from '../row.ts';

/** With the new one 10,000, which is as many as one server can be told to work on at a time. */
const OPEN_RUNS = 9999;
const PATIENCE_MILLISECONDS = 120_000;
const LOOK_MILLISECONDS = 10;
/** Of a round: more, and one round must do. */
const LONG_SECONDS = 20;
const FIRST = 'first taken up';
const LISTENS = 'it listens';
const NEW_RUN = 'first new run live';
const TAKEN_UP = 'all taken up';

/** Requests that the fake model has had. */
async function requestsOf(modelUrl: string): Promise<number> {
  return Number(await (await fetch(new URL('/', modelUrl))).text());
}

/** When the model was asked for the first run, and when for the last, the new one too. */
async function watchRequests(modelUrl: string, before: number): Promise<{ firstAt: number; lastAt: number }> {
  const end = now() + PATIENCE_MILLISECONDS;
  let firstAt = Number.NaN;
  while (now() < end) {
    const requests = (await requestsOf(modelUrl)) - before;
    if (requests > 0 && Number.isNaN(firstAt)) firstAt = now();
    if (requests > OPEN_RUNS) return { firstAt, lastAt: now() };
    await sleep(LOOK_MILLISECONDS);
  }
  return { firstAt, lastAt: Number.NaN };
}

async function startOnce({ modelUrl, say }: Bench, from: string): Promise<Sample> {
  const folder = makeFolder();
  cpSync(from, folder.path, { recursive: true });
  const before = await requestsOf(modelUrl);
  const environment = { RUNTAPE_MAX_CONCURRENT_RUNS: '10000' };
  const server = await startRuntape({ modelUrl, folder: folder.path, environment });
  const seconds = (time: number) => (time - server.startedAt) / 1000;
  const listensAt = now();
  const asked = watchRequests(modelUrl, before);
  const client = await openGraphqlSocket(server.url);
  const ride = await talk(client, newSessionKey(), promptText({ tokens: 20, pace: 0 }), false);
  const { firstAt, lastAt } = await asked;
  client.close();
  await server.stop('SIGKILL');
  folder.remove();
  const times = { [LISTENS]: listensAt, [FIRST]: firstAt, [NEW_RUN]: ride.firstAt, [TAKEN_UP]: lastAt };
  const values = Object.entries(times).map(([what, time]) => ({ what, unit: 's', value: seconds(time) }));
  say(values.map(({ what, value }) => `${what}: ${value.toFixed(2)} s`).join(', '));
  return { values, errors: ride.isDone && !Number.isNaN(lastAt) ? 0 : 1 };
}

function claim(series: Series[]): Claim {
  const [live, all] = [medianOf(series, 'Runtape', NEW_RUN), medianOf(series, 'Runtape', TAKEN_UP)];
  return {
    what: 'start with 10,000 open runs: first run live; all taken up',
    asked: '≤ 1 s; ≤ 5 s',
    stretch: '0.3 s; 1.5 s',
    measured: `${shown(live)} s; ${shown(all)} s`,
    met: live <= 1 && all <= 5,
    stretchMet: live <= 0.3 && all <= 1.5,
  };
}

export const startRow: Row = {
  name: 'start-10000',
  about:
    "from the process's start with 10,000 open runs in as many sessions, until the model has been asked for all of them",
  async measure(bench) {
    bench.say(`writing ${OPEN_RUNS} open runs`);
    const folder = await writeOpenRuns(bench.modelUrl, OPEN_RUNS);
    try {
      const subjects = [{ name: 'Runtape' }];
      const first = await inTurns(1, subjects, () => startOnce(bench, folder.path));
      const isSlow = !(medianOf(first.series, 'Runtape', TAKEN_UP) < LONG_SECONDS);
      const { series, errors } = isSlow
        ? first
        : await inTurns(bench.rounds, subjects, () => startOnce(bench, folder.path));
      const notes = isSlow ? [`one round only: it takes longer than ${LONG_SECONDS} s`] : [];
      return { row: 'start-10000', series, claims: [claim(series)], errors, notes };
    } finally {
      folder.remove();
    }
  },
};
