import { describe, expect, test } from 'vitest';
import type { TestClient } from '../../client.ts';
import { CancelRunDocument, MemoriesDocument, RememberDocument } from '../../generated/graphql.ts';
import { compact, createAgent } from '../context/session-operations.ts';
import { converse, follow, runById, send } from '../conversation.ts';
import { calling, countedTool } from '../counted-tool.ts';
import { startTestGateway, type TestGateway, until } from '../gateway.ts';
import { sendEvents, startProvider, stopChunk, textChunk, usageChunk } from '../providers/fake-provider.ts';
import { startFakeEmbeddings } from '../search/fake-embeddings.ts';

const principalTokens = (tokens: number) => ({ budgets: [{ appliesTo: 'principal', period: 'day', tokens }] });

/** What the ledger of the server's database holds. */
async function ledger({ gateway }: TestGateway) {
  const { reader } = gateway.parts.database;
  // In this order: a settled reservation is charged.
  const reservations = await reader.budgetReservation.count();
  const uses = await reader.budgetUse.findMany({ orderBy: { key: 'asc' } });
  return { spent: uses.map(({ spent }) => spent), reservations };
}

describe('B94: a budget', () => {
  test('is shared by all runs of a principal, and ends the run whose next call does not fit', async () => {
    const started = await startTestGateway({ file: principalTokens(1000), tools: [countedTool()] });
    const text = '/usage 400 100\n/say Done.';
    expect((await converse(started.client, { sessionKey: 'a', text })).run.state).toBe('DONE');
    expect((await converse(started.client, { sessionKey: 'b', text })).run.state).toBe('DONE');
    const { run } = await converse(started.client, { sessionKey: 'c', text });
    expect(run).toMatchObject({ state: 'FAILED', error: { code: 'BUDGET', retryable: false }, steps: 0 });
    expect(run.error?.message).toMatch(
      /^The next model call does not fit into the budget of the principal today \(UTC\): tokens used 1000 of 1000, and the call needs up to \d+\.$/,
    );
    expect(await ledger(started)).toEqual({ spent: [1000], reservations: 0 });
    const other = await converse(started.clientOf('ben'), { sessionKey: 'c', text });
    expect(other.run.state).toBe('DONE');
  });

  test('applies to a run, a session or an agent', async () => {
    const budgets = [
      { appliesTo: 'run', tokens: 700 },
      { appliesTo: 'session', tokens: 1200 },
      { appliesTo: 'agent', tokens: 1 },
    ];
    const { client } = await startTestGateway({ file: { budgets }, tools: [countedTool()] });
    const twoSteps = `/usage 400 100\n${calling(['count', { word: 'a' }])}`;
    const { run } = await converse(client, { sessionKey: 'a', text: `${twoSteps}\n/usage 400 100` });
    expect(run).toMatchObject({ state: 'FAILED', error: { code: 'BUDGET' }, steps: 1 });
    expect(run.error?.message).toContain('the budget of the run: tokens used 500 of 700');
    expect((await converse(client, { sessionKey: 'a', text: '/usage 400 100\n/say Hello.' })).run.state).toBe('DONE');
    const third = await converse(client, { sessionKey: 'a', text: '/usage 400 100\n/say Hello.' });
    expect(third.run.error?.message).toContain('the budget of the session: tokens used 1000 of 1200');
    expect((await converse(client, { sessionKey: 'b', text: '/usage 400 100\n/say Hello.' })).run.state).toBe('DONE');
  });

  test('of one agent, named by the configuration, applies to no other', async () => {
    const budgets = [{ appliesTo: 'agent', agent: 'spender', tokens: 10 }];
    const { client } = await startTestGateway({ file: { budgets } });
    const stateWith = async (name: string) => {
      const { id: agentId } = await createAgent(client, { name, instructions: '' });
      return (await converse(client, { sessionKey: name, agentId, text: '/say Done.' })).run;
    };
    expect(await stateWith('spender')).toMatchObject({ state: 'FAILED', error: { code: 'BUDGET' } });
    expect(await stateWith('saver')).toMatchObject({ state: 'DONE' });
    expect((await converse(client, { sessionKey: 'none', text: '/say Done.' })).run.state).toBe('DONE');
    const refused = { file: { budgets: [{ appliesTo: 'run', agent: 'spender', tokens: 10 }] } };
    await expect(startTestGateway(refused)).rejects.toThrow('Set "appliesTo" to "agent"');
  });

  test('of cost counts the price of the model', async () => {
    const price = { inputPerMillion: 1000, outputPerMillion: 10_000 };
    const started = await startTestGateway({
      file: {
        budgets: [{ appliesTo: 'principal', cost: 5 }],
        models: { scripted: { provider: 'scripted', paceMilliseconds: 0, price } },
      },
    });
    const { run } = await converse(started.client, { sessionKey: 'a', text: '/usage 1000 100\n/say Done.' });
    expect(run).toMatchObject({ state: 'DONE', usage: { cost: 2 } });
    expect(await ledger(started)).toEqual({ spent: [2], reservations: 0 });
  });

  test('is never exceeded by runs that start at the same time', async () => {
    const started = await startTestGateway({ file: principalTokens(5000) });
    const text = '/usage 300 100\n/say Done.';
    const sessions = Array.from({ length: 15 }, (_, index) => `session-${index}`);
    const ended = await Promise.all(sessions.map((sessionKey) => converse(started.client, { sessionKey, text })));
    const states = ended.map(({ run }) => run.state);
    const { spent, reservations } = await ledger(started);
    expect(spent[0]).toBe(400 * states.filter((state) => state === 'DONE').length);
    expect(spent[0]).toBeLessThanOrEqual(5000);
    expect(spent[0]).toBeGreaterThan(2500);
    expect(reservations).toBe(0);
  });

  test('is charged with an estimate when a run is cancelled during a call', async () => {
    const started = await startTestGateway({ file: principalTokens(100_000) });
    const { run } = await send(started.client, { sessionKey: 'a', text: '/say Once upon a time.\n/hang' });
    await follow(started.client, run.id, { isLast: ({ type }) => type === 'OUTPUT_DELTA' });
    expect(await ledger(started)).toMatchObject({ reservations: 1 });
    await started.client.send(CancelRunDocument, { input: { runId: run.id } });
    const settled = await until(async () => {
      const state = await ledger(started);
      return state.reservations === 0 && state;
    });
    expect(settled.spent[0]).toBeGreaterThan(5);
    expect(settled.spent[0]).toBeLessThan(1000);
  });

  test('shortens the answer that a provider is asked for to what is left', async () => {
    const provider = await startProvider((response) => {
      sendEvents(response, textChunk('Done.'), stopChunk(), usageChunk, '[DONE]');
      response.end();
    });
    const { client } = await startTestGateway({
      file: {
        ...principalTokens(2000),
        defaultModel: 'local',
        models: { local: { provider: 'openai-compatible', baseURL: provider.baseURL, model: 'any' } },
      },
    });
    const { runId } = await converse(client, { sessionKey: 'a', text: 'Hello' });
    expect(await runById(client, runId)).toMatchObject({ state: 'DONE' });
    const { max_tokens: most } = JSON.parse(provider.requests[0]?.body ?? '{}');
    expect(most).toBeGreaterThan(1000);
    expect(most).toBeLessThan(2000);
  });
});

describe('a call that no run makes', () => {
  test('is charged: summaries that a client requests, which are refused if they do not fit', async () => {
    const started = await startTestGateway({ file: principalTokens(100_000) });
    const { client } = started;
    const long = 'and so on '.repeat(30);
    for (let turn = 0; turn < 8; turn += 1) {
      await converse(client, { sessionKey: 'a', text: `/usage 10 10\n/say ${long}` });
    }
    const { run, session } = await send(client, { sessionKey: 'a', text: '/usage 10 10\n/say Done.' });
    await follow(client, run.id);
    await until(async () => (await ledger(started)).spent[0] === 180);
    const { artifact } = await compact(client, session.id, true);
    const { usage } = artifact ?? {};
    expect(usage?.totalTokens).toBeGreaterThan(100);
    expect(await ledger(started)).toEqual({ spent: [180 + (usage?.totalTokens ?? 0)], reservations: 0 });
    const second = await started.restart({ file: principalTokens(1000) });
    expect(await compact(second.client, session.id)).toMatchObject({
      artifact: null,
      stored: false,
      reason: expect.stringContaining('does not fit into the budget of the principal today (UTC): tokens used'),
    });
  });

  test('is charged: embeddings, and texts that do not fit are embedded later and searched as text', async () => {
    const fake = await startFakeEmbeddings();
    fake.promptTokens = 30;
    const embeddings = { provider: 'openai-compatible', baseURL: fake.baseURL, model: 'letters' };
    const started = await startTestGateway({ file: { ...principalTokens(100), embeddings } });
    const remember = (client: TestClient, text: string) => client.send(RememberDocument, { input: { text } });
    const find = async (client: TestClient, query: string) =>
      (await client.send(MemoriesDocument, { query, sessionId: null, first: 5 })).memories.edges.length;
    await remember(started.client, 'Strawberries are in the refrigerator.');
    await until(async () => (await ledger(started)).spent[0] === 30);
    expect(await find(started.client, 'strawberry')).toBe(1);
    expect(await ledger(started)).toEqual({ spent: [60], reservations: 0 });
    const calls = fake.calls.length;
    await remember(started.client, `The moon is far. ${'Very far. '.repeat(40)}`);
    await remember(started.clientOf('ben'), 'The sun is near.');
    await until(async () => (await ledger(started)).spent[1] === 30);
    expect(fake.calls.slice(calls).map(({ input }) => input.join())).toEqual(['The sun is near.']);
    expect((await ledger(started)).spent).toEqual([60, 30]);
    expect(await find(started.client, 'moon')).toBe(1);
  });
});

test('B100: a budget of cost is refused at the start if a model has no price', async () => {
  const file = {
    budgets: [{ appliesTo: 'run', cost: 1 }],
    models: { local: { provider: 'openai-compatible', baseURL: 'http://127.0.0.1:1/v1', model: 'any' } },
  };
  await expect(startTestGateway({ file })).rejects.toThrow(
    'budgets.0.cost: cannot limit the cost of models without a price: "local". Set models.local.price, or limit tokens',
  );
  const embeddings = { provider: 'openai-compatible', baseURL: 'http://127.0.0.1:1/v1', model: 'any' };
  await expect(startTestGateway({ file: { budgets: file.budgets, embeddings } })).rejects.toThrow(
    'cannot limit the cost of models without a price: that of embeddings. Set embeddings.price, or limit tokens',
  );
});
