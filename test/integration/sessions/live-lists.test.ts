import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { expect, inject, onTestFinished, test } from 'vitest';
import { groupRows } from '../../../src/database/batch-statement.ts';
import { deletePassages } from '../../../src/database/search-index.ts';
import { recordSessionChange } from '../../../src/repositories/activity.ts';
import { titlePassages } from '../../../src/repositories/sessions.ts';
import type { TestClient } from '../../client.ts';
import {
  ArchiveSessionDocument,
  BranchSessionDocument,
  CancelRunDocument,
  DecideApprovalDocument,
  FollowActivityDocument,
  PurgeSessionDocument,
  ResolveSessionDocument,
  SendMessageDocument,
  UpdateSessionDocument,
} from '../../generated/graphql.ts';
import { createTestDatabase } from '../../postgres/test-database.ts';
import { createRandom, type Random } from '../../simulation/random.ts';
import { poll } from '../../until.ts';
import { calling, countedTool } from '../counted-tool.ts';
import { startTestGateway, type TestGateway } from '../gateway.ts';
import { applyItem, differencesOf, type Lists, readLists } from './live-lists.ts';

/** `ACTIVITY_CHANGES=20000 ACTIVITY_SEED=7` runs longer, and repeats a run. */
const changes = Number(process.env.ACTIVITY_CHANGES ?? 200);
const seed = Number(process.env.ACTIVITY_SEED ?? Date.now() % 1_000_000);

/** One random command. Returns whether it changed something. */
async function changeSomething(client: TestClient, random: Random, known: Lists, number: number): Promise<boolean> {
  const sessionIds = [...known.sessions.keys()];
  const key = `key-${random.int(0, 40)}`;
  const anySession = { sessionId: sessionIds.length > 0 ? random.pick(sessionIds) : 'ses_none' };
  const runIds = [...known.runs.keys()];
  const waitIds = [...known.openWaits.keys()];
  const outcomes: [weight: number, perform: () => Promise<{ __typename?: string }>][] = [
    [
      30,
      async () =>
        (await client.send(SendMessageDocument, { input: { sessionKey: key, text: '/say yes' } })).sendMessage,
    ],
    [
      14,
      async () => {
        const text = calling(['count', { word: `w${number}` }]);
        return (await client.send(SendMessageDocument, { input: { sessionKey: key, text } })).sendMessage;
      },
    ],
    [
      20,
      async () => {
        const approvalId = waitIds.length > 0 ? random.pick(waitIds) : 'apr_none';
        const decision = random.chance(0.5) ? ('ALLOW' as const) : ('DENY' as const);
        return (await client.send(DecideApprovalDocument, { input: { approvalId, decision } })).decideApproval;
      },
    ],
    [8, async () => (await client.send(ResolveSessionDocument, { input: { key: `new-${number}` } })).resolveSession],
    [
      10,
      async () =>
        (await client.send(UpdateSessionDocument, { input: { ...anySession, title: `title ${number}` } }))
          .updateSession,
    ],
    [6, async () => (await client.send(ArchiveSessionDocument, { input: anySession })).archiveSession],
    [
      4,
      async () => {
        const [confirmKey = ''] = JSON.parse(known.sessions.get(anySession.sessionId)?.shown ?? '[]');
        const input = { ...anySession, confirmKey, withBranches: true };
        return (await client.send(PurgeSessionDocument, { input })).purgeSession;
      },
    ],
    [
      4,
      async () => {
        const runId = runIds.length > 0 ? random.pick(runIds) : 'run_none';
        const input = { sessionId: known.runs.get(runId)?.sessionId ?? '', runId, key: `branch-${number}` };
        return (await client.send(BranchSessionDocument, { input })).branchSession;
      },
    ],
    [
      4,
      async () => {
        const runId = runIds.length > 0 ? random.pick(runIds) : 'run_none';
        return (await client.send(CancelRunDocument, { input: { runId } })).cancelRun;
      },
    ],
  ];
  let left = random.int(0, outcomes.reduce((sum, [weight]) => sum + weight, 0) - 1);
  for (const [weight, perform] of outcomes) {
    if (left < weight) return String((await perform()).__typename).endsWith('Success');
    left -= weight;
  }
  return false;
}

/** On Postgres, another program that changes sessions in transactions that stay open for a while. */
async function holdTransactions(url: string, random: Random, known: Lists, isRunning: () => boolean): Promise<void> {
  const client = new pg.Client({ connectionString: url, application_name: 'holder' });
  client.on('error', () => undefined);
  await client.connect();
  onTestFinished(() => client.end());
  while (isRunning()) {
    const ids = [...known.sessions.keys()];
    if (ids.length === 0) await sleep(5);
    else {
      const sessionId = random.pick(ids);
      await client.query('BEGIN');
      const title = `held ${random.int(0, 1e6)}`;
      const updateTitle = 'UPDATE "Session" SET "title" = $1 WHERE "id" = $2';
      const { rowCount } = await client.query(updateTitle, [title, sessionId]);
      const change = recordSessionChange('SESSION_UPDATED', { sessionId, at: Date.now() });
      const writes = rowCount ? [deletePassages(sessionId), ...titlePassages(sessionId, title), change] : [];
      for (const { sql, rows } of groupRows(writes)) await client.query(sql, [rows]);
      await sleep(random.int(0, 120));
      await client.query(random.chance(0.8) ? 'COMMIT' : 'ROLLBACK');
    }
  }
}

test('B64: lists that follow the feed of changes alone equal a fresh query after random changes, cuts and restarts', {
  timeout: 60_000 + changes * 100,
}, async () => {
  const random = createRandom(seed);
  const options = { tools: [countedTool({ risk: 'HIGH' })], environment: { RUNTAPE_LEASE_SECONDS: '2' } };
  const postgresUrl = inject('store') === 'postgresql' ? await createTestDatabase() : null;
  const first = await startTestGateway(options, postgresUrl ?? undefined);
  const others = postgresUrl ? [await first.startSecondServer(), await first.startSecondServer()] : [];
  /** Null while it restarts. */
  const servers: (TestGateway | null)[] = [first, ...others];
  const running = () => servers.filter((server) => server !== null);
  const anyServer = async () => random.pick(await poll(() => running().length > 0 && running()));
  let performed = 0;
  let hasEnded = false;

  const lists: Lists = { sessions: new Map(), runs: new Map(), openWaits: new Map() };
  let isRead = false;
  let cuts = 0;

  /** A client that reads the lists once, and then keeps them by the feed. */
  async function follow(): Promise<void> {
    let cursor: string | null = null;
    while (!hasEnded) {
      try {
        const { client } = await anyServer();
        for await (const { activity } of client.follow(FollowActivityDocument, { after: cursor })) {
          ({ cursor } = activity);
          if (!isRead) {
            // The cursor is older than what the queries return, so no change between the two is lost.
            const read = await poll(() => readLists(client).catch(() => null));
            for (const name of ['sessions', 'runs', 'openWaits'] as const) {
              for (const [id, row] of read[name]) lists[name].set(id, row);
            }
            isRead = true;
          }
          for (const item of activity.items) applyItem(lists, item);
          if (hasEnded) break;
          if (random.chance(0.05)) {
            cuts += 1;
            break;
          }
        }
      } catch {
        // The server has stopped.
        cuts += 1;
      }
    }
  }

  async function work(): Promise<void> {
    while (performed < changes) {
      const { client } = await anyServer();
      const isChanged = await changeSomething(client, random, lists, performed).catch(() => false);
      if (isChanged) performed += 1;
    }
  }

  /** Restarts a random server after each fifth of the changes. */
  async function restart(): Promise<number> {
    let restarts = 0;
    for (let next = changes / 5; next < changes; next += changes / 5) {
      await poll(() => performed >= next, { seconds: 60 });
      const index = random.int(0, servers.length - 1);
      const server = servers[index];
      if (!server) continue;
      servers[index] = null;
      await server.gateway.close(0);
      servers[index] = await server.startSecondServer();
      restarts += 1;
    }
    return restarts;
  }

  const restarting = restart();
  const following = follow();
  const isRunning = () => performed < changes;
  const holding = postgresUrl
    ? Promise.all([1, 2].map(() => holdTransactions(postgresUrl, random, lists, isRunning)))
    : null;
  await Promise.all(Array.from({ length: 4 }, work));
  const restarts = await restarting;
  await holding;
  const { client } = await anyServer();
  let differences: string[] = [];
  await poll(
    async () => {
      differences = differencesOf(lists, await readLists(client));
      return differences.length === 0;
    },
    { description: () => `equal lists; seed ${seed}: ${differences.slice(0, 5).join('; ')}` },
  );
  hasEnded = true;
  await client.send(ResolveSessionDocument, { input: { key: 'the end' } });
  await following;
  expect(lists.sessions.size).toBeGreaterThan(0);
  expect({ performed, restarts, cuts, seed }).toMatchObject({ restarts: 4 });
  expect(cuts).toBeGreaterThan(restarts);
});
