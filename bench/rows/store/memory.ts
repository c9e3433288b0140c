import { setTimeout as sleep } from 'node:timers/promises';
import { newSessionKey, resolveSession, talk } from '../../contestants/runtape.ts';
import { type RuntapeServer, startRuntape } from '../../contestants/runtape-server.ts';
import { openFollowers } from '../../load/followers.ts';
import { openGraphqlSocket } from '../../load/graphql-socket.ts';
import { talkTo } from '../../load/talking.ts';
import type { Claim } from '../../measure/result.ts';
import { type Prompt, promptText } from '../../model/prompt.ts';
import { megabytes } from '../../processes/usage.ts';
import type { Bench, Row } from '../row.ts';

const FOLLOWERS = 1000;
/** What each of the stalled ones is owed: a megabyte, for more would be much of what the system lends all connections together. */
const OWED: Prompt = { tokens: 130, pace: 1, width: 1500 };
const OWED_RUNS = 5;
const FOLLOW_SESSION = `subscription Follow($sessionId: ID!) {
  sessionEvents(sessionId: $sessionId) { __typename runId seq cursor type ... on OutputDeltaEvent { text } }
}`;
const NOTE = "each stalled follower is owed 1 MB, of which the system's own buffers hold what they can";
const QUIET_SECONDS = 3;
/** Of each kind of load, for each second of a measurement. */
const LOAD_FACTOR = 4;

const loads: { prompt: Prompt; users: number }[] = [
  { prompt: { tokens: 20, pace: 0 }, users: 64 },
  { prompt: { tokens: 200, pace: 5 }, users: 32 },
  { prompt: { tokens: 5000, pace: 0 }, users: 4 },
];

const quiet = () => sleep(QUIET_SECONDS * 1000);

async function putUnderLoad(bench: Bench, server: RuntapeServer): Promise<number> {
  let errors = 0;
  const talker = {
    processId: server.processId,
    stop: server.stop,
    async connect() {
      const client = await openGraphqlSocket(server.url);
      return {
        talk: (text: string, timed: boolean) => talk(client, newSessionKey(), text, timed),
        close: client.close,
      };
    },
  };
  for (const load of loads) {
    const talked = await talkTo(talker, { ...load, seconds: bench.seconds * LOAD_FACTOR });
    errors += talked.errors;
    bench.say(`${talked.rides.length} runs of ${load.prompt.tokens} tokens, ${load.users} at a time`);
  }
  return errors;
}

/** How much the server holds for followers that have stopped reading while their session went on. */
async function stall(server: RuntapeServer): Promise<number> {
  const client = await openGraphqlSocket(server.url);
  const sessionKey = newSessionKey();
  const subscription = { query: FOLLOW_SESSION, variables: { sessionId: await resolveSession(client, sessionKey) } };
  const sockets = await openFollowers(server.url, { subscription }, FOLLOWERS, () => undefined);
  await quiet();
  for (const socket of sockets) socket.pause();
  const before = megabytes(server.processId);
  for (let run = 0; run < OWED_RUNS; run += 1) await talk(client, sessionKey, promptText(OWED), false);
  await quiet();
  const grown = megabytes(server.processId) - before;
  for (const socket of [...sockets, client]) socket.close();
  return grown;
}

function claim(what: string, measured: number, asked: number, stretch: number): Claim {
  return {
    what,
    asked: `≤ ${asked} MB`,
    stretch: `${stretch} MB`,
    measured: `${measured.toFixed(0)} MB`,
    met: measured <= asked,
    stretchMet: measured <= stretch,
  };
}

export const memoryRow: Row = {
  name: 'memory',
  about: `resident memory: at start, after load, and what ${FOLLOWERS} followers that stop reading add`,
  async measure(bench) {
    const server = await startRuntape({ modelUrl: bench.modelUrl });
    try {
      await quiet();
      const atStart = megabytes(server.processId);
      bench.say(`at start: ${atStart.toFixed(0)} MB`);
      const errors = await bench.watch.during('memory', () => putUnderLoad(bench, server));
      await quiet();
      const afterLoad = megabytes(server.processId);
      bench.say(`after load: ${afterLoad.toFixed(0)} MB`);
      const stalled = await stall(server);
      const values = { 'at start': atStart, 'after load': afterLoad, [`${FOLLOWERS} stalled followers add`]: stalled };
      return {
        row: 'memory',
        errors,
        notes: ['one round: a server is started once', NOTE],
        series: Object.entries(values).map(([what, value]) => ({ who: 'Runtape', what, unit: 'MB', values: [value] })),
        claims: [
          claim('memory at start', atStart, 120, 90),
          claim('memory after the load of this row', afterLoad, 220, 160),
          claim(`memory for ${FOLLOWERS} stalled followers`, stalled, 30, 10),
        ],
      };
    } finally {
      await server.stop();
    }
  },
};
