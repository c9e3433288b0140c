import { cpSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { openGraphqlSocket } from '../../load/graphql-socket.ts';
import { now } from '../../measure/clock.ts';
import { formatNumber, type Goal, medianOf, type Series } from '../../measure/result.ts';
import { measureInRounds, type Sample } from '../../measure/rounds.ts';
import { promptText } from '../../model/prompt.ts';
import { createFolder } from '../../processes/folders.ts';
import { writeOpenRuns } from '../../systems/open-runs.ts';
import { newSessionKey, sendAndFollow } from '../../systems/runtape.ts';
import { startRuntape } from '../../systems/runtape-server.ts';
import type { BenchContext, Row } from '../row.ts';

/** With one new run there are 10,000, the maximum of concurrent runs of one server. */
const OPEN_RUNS = 9999;
const TIMEOUT_MILLISECONDS = 120_000;
const POLL_MILLISECONDS = 10;
/** Above this, one round is measured only. */
const LONG_ROUND_SECONDS = 10;
const LISTENS = 'it listens';
const FIRST_RESUMED = 'first taken up';
const NEW_RUN = 'first new run live';
const ALL_RESUMED = 'all taken up';

/** The number of requests that the fake model has received. */
async function modelRequests(modelUrl: string): Promise<number> {
  return Number(await (await fetch(new URL('/', modelUrl))).text());
}

/** Resolves with the times of the first and of the last model request, the new run included; NaN after the timeout. */
async function watchModelRequests(modelUrl: string, before: number): Promise<{ firstAt: number; lastAt: number }> {
  const end = now() + TIMEOUT_MILLISECONDS;
  let firstAt = Number.NaN;
  while (now() < end) {
    const requests = (await modelRequests(modelUrl)) - before;
    if (requests > 0 && Number.isNaN(firstAt)) firstAt = now();
    if (requests > OPEN_RUNS) return { firstAt, lastAt: now() };
    await sleep(POLL_MILLISECONDS);
  }
  return { firstAt, lastAt: Number.NaN };
}

async function measureStart({ modelUrl, log }: BenchContext, openRunsFolder: string): Promise<Sample> {
  const folder = createFolder();
  cpSync(openRunsFolder, folder.path, { recursive: true });
  const requestsBefore = await modelRequests(modelUrl);
  const environment = { RUNTAPE_MAX_CONCURRENT_RUNS: '10000' };
  const server = await startRuntape({ modelUrl, folder: folder.path, environment });
  const listensAt = now();
  const requestTimes = watchModelRequests(modelUrl, requestsBefore);
  const client = await openGraphqlSocket(server.url);
  const text = promptText({ tokens: 20, paceMilliseconds: 0 });
  const timing = await sendAndFollow(client, { sessionKey: newSessionKey(), text });
  const { firstAt, lastAt } = await requestTimes;
  client.close();
  await server.stop('SIGKILL');
  folder.remove();
  const times = {
    [LISTENS]: listensAt,
    [FIRST_RESUMED]: firstAt,
    [NEW_RUN]: timing.firstAt,
    [ALL_RESUMED]: lastAt,
  };
  const values = Object.entries(times).map(([metric, time]) => ({
    metric,
    unit: 's',
    value: (time - server.startedAt) / 1000,
  }));
  log(values.map(({ metric, value }) => `${metric}: ${value.toFixed(2)} s`).join(', '));
  return { values, errors: timing.isDone && !Number.isNaN(lastAt) ? 0 : 1 };
}

function goalOf(series: Series[]): Goal {
  const [newRun, all] = [medianOf(series, 'Runtape', NEW_RUN), medianOf(series, 'Runtape', ALL_RESUMED)];
  return {
    name: 'start with 10,000 open runs: first run live; all taken up',
    required: '≤ 1 s; ≤ 5 s',
    stretch: '0.3 s; 1.5 s',
    measured: `${formatNumber(newRun)} s; ${formatNumber(all)} s`,
    met: newRun <= 1 && all <= 5,
    stretchMet: newRun <= 0.3 && all <= 1.5,
  };
}

export const startRow: Row = {
  name: 'start-10000',
  description:
    'from the start of a process with 10,000 open runs, each in its own session, until the model has a request of each',
  async measure(bench) {
    bench.log(`writing ${OPEN_RUNS} open runs`);
    const folder = await writeOpenRuns(bench.modelUrl, OPEN_RUNS);
    try {
      const subjects = [{ name: 'Runtape' }];
      const first = await measureStart(bench, folder.path);
      const allResumed = first.values.find(({ metric }) => metric === ALL_RESUMED)?.value ?? Number.NaN;
      const isSlow = !(allResumed < LONG_ROUND_SECONDS);
      const rounds = isSlow ? 1 : bench.rounds;
      const { series, errors } = await measureInRounds(rounds, subjects, async (_, round) =>
        round === 0 ? first : measureStart(bench, folder.path),
      );
      const notes = isSlow ? [`one round only, because it takes longer than ${LONG_ROUND_SECONDS} s`] : [];
      return { row: 'start-10000', series, goals: [goalOf(series)], errors, notes };
    } finally {
      folder.remove();
    }
  },
};
