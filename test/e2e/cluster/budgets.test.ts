import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { send } from '../../integration/conversation.ts';
import { until } from '../../integration/gateway.ts';
import { sendEvents, startProvider, stopChunk, textChunk } from '../../integration/providers/fake-provider.ts';
import { withClient } from '../fixtures.ts';
import type { ServerProcess } from '../server-process.ts';
import { startCluster } from './cluster.ts';

/** A long campaign has more: `RUNTAPE_BUDGET_RUNS=200 RUNTAPE_BUDGET_KILLS=12 npx vitest run --project e2e budgets`. */
const RUNS = Number(process.env.RUNTAPE_BUDGET_RUNS ?? 60);
const KILLS = Number(process.env.RUNTAPE_BUDGET_KILLS ?? 3);
const PROMPT_TOKENS = 20;
const PIECES = 8;
/** Calls of killed servers are charged as a whole, so this may not be enough for all runs. */
const ALLOWANCE = RUNS * 40;

/** Streams an answer, and counts every token that a provider would charge for, whether anybody reads it or not. */
function createBill() {
  let tokens = 0;
  return {
    tokens: () => tokens,
    async answer(response: ServerResponse) {
      tokens += PROMPT_TOKENS;
      for (let piece = 0; piece < PIECES && !response.destroyed; piece += 1) {
        tokens += 1;
        sendEvents(response, textChunk('word '));
        await sleep(5);
      }
      const usage = { prompt_tokens: PROMPT_TOKENS, completion_tokens: PIECES };
      sendEvents(response, stopChunk(), { choices: [], usage }, '[DONE]');
      response.end();
    },
  };
}

test('B94: runs of one principal on three servers that are killed never use more than their budget', async () => {
  const bill = createBill();
  const provider = await startProvider((response) => bill.answer(response));
  const configuration = {
    defaultModel: 'fake',
    models: {
      fake: { provider: 'openai-compatible', baseURL: provider.baseURL, model: 'fake', maxOutputTokens: 50 },
    },
    budgets: [{ appliesTo: 'principal', period: 'total', tokens: ALLOWANCE }],
  };
  const cluster = await startCluster({ configuration, environment: { RUNTAPE_LEASE_SECONDS: '1' } });
  const servers: ServerProcess[] = await Promise.all([cluster.start(), cluster.start(), cluster.start()]);
  const [first] = servers;
  if (!first) throw new Error('No server started.');
  await withClient(first, (client) =>
    Promise.all(
      Array.from({ length: RUNS }, (_, index) => send(client, { sessionKey: `session-${index}`, text: 'Hello' })),
    ),
  );
  for (let kill = 0; kill < KILLS; kill += 1) {
    const index = kill % servers.length;
    await servers[index]?.stop('SIGKILL');
    servers[index] = await cluster.start();
  }
  const open = () =>
    cluster.query(`SELECT "id" FROM "Run" WHERE "state" NOT IN ('DONE', 'FAILED', 'CANCELLED') LIMIT 1`);
  await until(async () => (await open()).length === 0, 'all runs to end', 120);
  const reserved = () => cluster.query('SELECT "key" FROM "BudgetReservation"');
  await until(async () => (await reserved()).length === 0);
  const [use] = await cluster.query<{ spent: number }>('SELECT "spent" FROM "BudgetUse"');
  expect(use?.spent).toBeLessThanOrEqual(ALLOWANCE);
  expect(bill.tokens()).toBeLessThanOrEqual(use?.spent ?? 0);
  const ended = await cluster.query<{ state: string; errorCode: string | null; runs: number }>(
    `SELECT "state", "errorCode", count(*)::int AS "runs" FROM "Run" GROUP BY 1, 2 ORDER BY 1, 2`,
  );
  expect(ended.filter(({ errorCode }) => errorCode !== null && errorCode !== 'BUDGET')).toEqual([]);
  expect(ended.find(({ state }) => state === 'DONE')?.runs).toBeGreaterThan(0);
  console.log(`billed ${bill.tokens()}, charged ${use?.spent} of ${ALLOWANCE}: ${JSON.stringify(ended)}`);
});
