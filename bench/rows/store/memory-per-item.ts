import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { runChatLoad } from '../../load/chat-load.ts';
import { openFollowers } from '../../load/followers.ts';
import { type GraphqlSocket, openGraphqlSocket } from '../../load/graphql-socket.ts';
import { measureInRounds, type Sample } from '../../measure/rounds.ts';
import { promptText } from '../../model/prompt.ts';
import { FOLLOW_RUN, newSessionKey, resolveSession, runtapeClient, sendMessage } from '../../systems/runtape.ts';
import { type RuntapeServer, startRuntape } from '../../systems/runtape-server.ts';
import type { BenchContext, Row } from '../row.ts';

const ITEMS = 1000;
const CONCURRENT_REQUESTS = 32;
const SETTLE_MILLISECONDS = 1000;
const WARM_UP = { prompt: { tokens: 20, paceMilliseconds: 0 }, clients: 32, seconds: 3 };
const holdText = promptText({ tokens: 1, paceMilliseconds: 0, behaviour: 'hold' });

/** Creates items, a limited number at a time. */
async function createItems(create: () => Promise<unknown>): Promise<void> {
  let created = 0;
  const createNext = async () => {
    while (created < ITEMS) {
      created += 1;
      await create();
    }
  };
  await Promise.all(Array.from({ length: CONCURRENT_REQUESTS }, createNext));
}

function databaseBytes({ folder }: RuntapeServer): number {
  const database = new Database(`${folder}/runtape.db`, { readonly: true });
  const read = (pragma: string) => Number(database.pragma(pragma, { simple: true }));
  const bytes = read('page_count') * read('page_size');
  database.close();
  return bytes;
}

/** What one of many items adds to the live memory of the server and to its database. */
async function bytesPerItem(server: RuntapeServer, add: () => Promise<unknown>): Promise<Sample['values']> {
  const measure = async () => {
    await sleep(SETTLE_MILLISECONDS);
    return { memory: await server.diagnostics.liveBytes(), database: databaseBytes(server) };
  };
  const before = await measure();
  await add();
  const after = await measure();
  return [
    { metric: 'memory', unit: 'bytes', value: (after.memory - before.memory) / ITEMS },
    { metric: 'database', unit: 'bytes', value: (after.database - before.database) / ITEMS },
  ];
}

/** What is added, by name. */
function itemsOf(server: RuntapeServer, client: GraphqlSocket): { name: string; add(): Promise<unknown> }[] {
  return [
    { name: 'a session', add: () => createItems(() => resolveSession(client, newSessionKey())) },
    {
      name: 'an open run with its session',
      add: () => createItems(() => sendMessage(client, { sessionKey: newSessionKey(), text: holdText })),
    },
    {
      name: 'a follower with its connection',
      async add() {
        const { run, cursor } = await sendMessage(client, { sessionKey: newSessionKey(), text: holdText });
        const subscription = { query: FOLLOW_RUN, variables: { runId: run.id, after: cursor } };
        await openFollowers(server.url, { subscription }, ITEMS, () => undefined);
      },
    },
  ];
}

export const memoryPerItemRow: Row = {
  name: 'memory-per-item',
  description: `what each of ${ITEMS} sessions, executed runs and followers adds to live memory and to the database`,
  async measure(bench: BenchContext) {
    const environment = { RUNTAPE_MAX_CONCURRENT_RUNS: '10000' };
    const server = await startRuntape({ modelUrl: bench.modelUrl, environment, hasDiagnostics: true });
    try {
      // Fills the caches, whose size is limited.
      await runChatLoad({ connect: async () => runtapeClient(await openGraphqlSocket(server.url)) }, WARM_UP);
      const client = await openGraphqlSocket(server.url);
      const { series, errors } = await measureInRounds(1, itemsOf(server, client), async ({ name, add }) => {
        const values = await bytesPerItem(server, add);
        bench.log(`${name}: ${values.map(({ metric, value }) => `${value.toFixed(0)} bytes of ${metric}`).join(', ')}`);
        return { values, errors: 0 };
      });
      client.close();
      return {
        row: 'memory-per-item',
        series,
        goals: [],
        errors,
        notes: ['one round, because the server starts once'],
      };
    } finally {
      await server.stop('SIGKILL');
    }
  },
};
