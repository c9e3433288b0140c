import { expect, test } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import type { TestClient } from '../../client.ts';
import {
  CreateAgentDocument,
  DeleteAgentDocument,
  PurgeSessionDocument,
  UsageReportDocument,
  type UsageReportQueryVariables,
} from '../../generated/graphql.ts';
import { converse, send } from '../conversation.ts';
import { startTestGateway, until } from '../gateway.ts';

const scripted = { provider: 'scripted', paceMilliseconds: 0 };
const price = { inputPerMillion: 1_000_000, outputPerMillion: 2_000_000 };
/** Two models, one of which has a price: 1 for an input token and 2 for an output token. */
const file = { models: { scripted, priced: { ...scripted, price } } };

const DAY_MILLISECONDS = 24 * 60 * 60 * 1000;
const since = '2020-01-01T00:00:00Z';

type Report = Partial<UsageReportQueryVariables> & Pick<UsageReportQueryVariables, 'groupBy'>;

async function report(client: TestClient, variables: Report) {
  const { usageReport } = await client.send(UsageReportDocument, { since, ...variables });
  return usageReport;
}

const rowsOf = async (client: TestClient, variables: Report) =>
  (await report(client, variables)).edges.map(({ node }) => node);

const using = (client: TestClient, input: number, output: number, more: { sessionKey?: string; model?: string } = {}) =>
  converse(client, { sessionKey: 'a', text: `/usage ${input} ${output}\n/say hi`, ...more });

/** A gateway whose clock can be moved to a later day. */
async function startOnDays() {
  let time = Date.UTC(2026, 0, 1, 12);
  const started = systemClock.now();
  const clock = { ...systemClock, now: () => time + systemClock.now() - started };
  const gateway = await startTestGateway({ file, clock });
  const nextDay = () => {
    time += DAY_MILLISECONDS;
  };
  return { ...gateway, nextDay };
}

test('usage is summed up by day, model, agent and session, in any combination', async () => {
  const { client, nextDay } = await startOnDays();
  const input = { name: 'poet', instructions: 'Rhyme.' };
  const { createAgent } = await client.send(CreateAgentDocument, { input });
  if (createAgent.__typename !== 'CreateAgentSuccess') throw new Error(createAgent.__typename);
  const { agent } = createAgent;
  await using(client, 10, 1, { model: 'priced' });
  await using(client, 20, 2, { model: 'priced', sessionKey: 'b' });
  nextDay();
  await using(client, 40, 4, { model: 'priced' });
  await using(client, 80, 8);
  const text = '/usage 160 16\n/say hi';
  await converse(client, { sessionKey: 'b', text, model: 'priced', agentId: agent.id });

  const [first, second] = ['2026-01-01T00:00:00.000Z', '2026-01-02T00:00:00.000Z'];
  const none = { day: null, model: null, agent: null, session: null, estimated: false };
  expect(await rowsOf(client, { groupBy: [] })).toEqual([
    { ...none, runs: 5, inputTokens: 310, outputTokens: 31, cost: null },
  ]);
  expect(await rowsOf(client, { groupBy: ['MODEL'] })).toEqual([
    { ...none, model: 'priced', runs: 4, inputTokens: 230, outputTokens: 23, cost: 276 },
    { ...none, model: 'scripted', runs: 1, inputTokens: 80, outputTokens: 8, cost: null },
  ]);
  expect(await rowsOf(client, { groupBy: ['DAY'] })).toEqual([
    { ...none, day: second, runs: 3, inputTokens: 280, outputTokens: 28, cost: null },
    { ...none, day: first, runs: 2, inputTokens: 30, outputTokens: 3, cost: 36 },
  ]);
  expect(await rowsOf(client, { groupBy: ['AGENT', 'DAY', 'AGENT'] })).toMatchObject([
    { day: second, agent: null, runs: 2 },
    { day: second, agent: { id: agent.id, name: 'poet' }, runs: 1, cost: 192 },
    { day: first, agent: null, runs: 2 },
  ]);
  const all = await rowsOf(client, { groupBy: ['SESSION', 'MODEL', 'DAY', 'AGENT'] });
  expect(all.map(({ day, session, model }) => [day, session?.key, model])).toEqual([
    [second, 'b', 'priced'],
    [second, 'a', 'priced'],
    [second, 'a', 'scripted'],
    [first, 'b', 'priced'],
    [first, 'a', 'priced'],
  ]);
  await client.send(DeleteAgentDocument, { input: { agentId: agent.id } });
  expect(await rowsOf(client, { groupBy: ['AGENT'] })).toMatchObject([
    { agent: null, runs: 4 },
    { agent: null, runs: 1, inputTokens: 160 },
  ]);
  for (const epoch of ['1969-01-01T00:00:00Z', '1970-01-01T00:00:00Z']) {
    expect(await rowsOf(client, { groupBy: [], since: epoch })).toMatchObject([{ runs: 5 }]);
  }
  const until = '2026-01-02T00:00:00Z';
  expect(await rowsOf(client, { groupBy: [], until })).toMatchObject([{ runs: 2 }]);
  expect(await rowsOf(client, { groupBy: [], since: until })).toMatchObject([{ runs: 3 }]);
  expect(await rowsOf(client, { groupBy: ['DAY'], since: '2026-01-03T00:00:00Z' })).toEqual([]);
  expect(await rowsOf(client, { groupBy: [], since: '2026-01-03T00:00:00Z' })).toEqual([]);
});

test('a report is paged in both groups and days, and pages stay in place while runs are added', async () => {
  const { client, nextDay } = await startOnDays();
  for (let day = 0; day < 4; day += 1) {
    for (const model of ['priced', 'scripted']) await using(client, 1, 1, { model });
    nextDay();
  }
  const groupBy: Report['groupBy'] = ['DAY', 'MODEL'];
  const expected = (await rowsOf(client, { groupBy })).map(({ day, model }) => `${day} ${model}`);
  expect(expected).toHaveLength(8);
  const seen: string[] = [];
  let after: string | null = null;
  do {
    const page: Awaited<ReturnType<typeof report>> = await report(client, { groupBy, first: 3, after });
    expect(page.pageInfo.hasPreviousPage).toBe(after !== null);
    seen.push(...page.edges.map(({ node }) => `${node.day} ${node.model}`));
    after = page.pageInfo.hasNextPage ? (page.pageInfo.endCursor ?? null) : null;
    await using(client, 1, 1);
  } while (after !== null);
  expect(seen).toEqual(expected);
});

test('a report has the runs of the viewer only, and none of a purged session', async () => {
  const { client, clientOf } = await startTestGateway();
  await using(client, 10, 1);
  const theirs = await using(clientOf('bob'), 20, 2);
  expect(await rowsOf(client, { groupBy: ['SESSION'] })).toMatchObject([{ runs: 1, inputTokens: 10 }]);
  const [row] = await rowsOf(clientOf('bob'), { groupBy: ['SESSION'] });
  expect(row).toMatchObject({ runs: 1, inputTokens: 20, session: { key: 'a' } });
  const sessionId = row?.session?.id ?? '';
  await client.send(PurgeSessionDocument, { input: { sessionId, confirmKey: 'a' } });
  expect(await rowsOf(clientOf('bob'), { groupBy: [] })).toMatchObject([{ runs: 1 }]);
  await clientOf('bob').send(PurgeSessionDocument, { input: { sessionId, confirmKey: 'a' } });
  expect(await rowsOf(clientOf('bob'), { groupBy: [] })).toEqual([]);
  expect(theirs.run.usage.inputTokens).toBe(20);
});

test('a sum is estimated if one of its runs is, and runs without a model call cost nothing', async () => {
  const { client } = await startTestGateway({ file });
  await using(client, 10, 1, { model: 'priced' });
  const { run } = await send(client, { sessionKey: 'b', text: '/hang', model: 'priced' });
  await until(async () => (await rowsOf(client, { groupBy: [] }))[0]?.runs === 2);
  expect(await rowsOf(client, { groupBy: ['MODEL'] })).toMatchObject([{ runs: 2, cost: 12, estimated: false }]);
  await converse(client, { sessionKey: 'c', text: '/usage none\n/say hi', model: 'priced' });
  expect(await rowsOf(client, { groupBy: ['MODEL'] })).toMatchObject([{ runs: 3, estimated: true }]);
  expect(run.state).not.toBe('DONE');
});

test('a cursor of another report, and a period that ends before it begins, are refused with the reason', async () => {
  const { client } = await startTestGateway();
  await using(client, 1, 1);
  const { pageInfo } = await report(client, { groupBy: ['DAY'] });
  const refused = (message: RegExp) => ({ code: 'BAD_USER_INPUT', message: expect.stringMatching(message) });
  for (const after of ['x', 'bnVsbA', Buffer.from('{"day":1}').toString('base64url')]) {
    await expect(report(client, { groupBy: ['DAY'], after })).rejects.toMatchObject(refused(/is not a cursor of this/));
  }
  const other: Report = { groupBy: ['MODEL'], after: pageInfo.endCursor };
  await expect(report(client, other)).rejects.toMatchObject(refused(/is not a cursor of this report/));
  await expect(report(client, { groupBy: [], until: since })).rejects.toMatchObject(refused(/`until` must be after/));
  await expect(report(client, { groupBy: [], first: 101 })).rejects.toMatchObject(refused(/from 1 to 100/));
});
