import { describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import type { Overrides } from '../../../src/server/gateway.ts';
import { createAskPerson } from '../../../src/tools/ask-person.ts';
import { createSchemaChecker } from '../../../src/tools/json-schema/schema-checker.ts';
import type { TestClient } from '../../client.ts';
import {
  ActivityPageDocument,
  AnswerQuestionDocument,
  CancelRunDocument,
  DecideApprovalDocument,
  DecideBudgetDocument,
  type DecideBudgetInput,
  NodeByIdDocument,
  PendingWaitsDocument,
  WaitByIdDocument,
  WaitsDocument,
} from '../../generated/graphql.ts';
import { converse, follow, runById, send, transitionsOf, typesOf } from '../conversation.ts';
import { calling, countedTool } from '../counted-tool.ts';
import { startTestGateway, type TestGateway, until } from '../gateway.ts';
import { sendEvents, startProvider, stopChunk, textChunk, usageChunk } from '../providers/fake-provider.ts';

/** Eve decides for everybody. */
const authenticate: Overrides['authenticate'] = ({ headers, connectionParams }) => {
  const principal = String(connectionParams['x-principal'] ?? headers['x-principal'] ?? 'ada');
  return { principal, scopes: ['read', 'write', 'approve', ...(principal === 'eve' ? ['approve:any'] : [])] };
};

const asking = (appliesTo: string, tokens: number, more = {}) => ({
  budgets: [{ appliesTo, tokens, onLimit: 'ask', ...more }],
});

const start = (file: Record<string, unknown>, more = {}) => startTestGateway({ file, authenticate, ...more });

/** A message whose model call uses 500 tokens. */
const text = '/usage 400 100\n/say Done.';

/** Waits until the run waits for more budget. Returns the open request. */
async function requestOf(client: TestClient, runId: string) {
  await until(async () => (await runById(client, runId)).state === 'AWAITING_APPROVAL', 'the run waits');
  const { waits } = await client.send(WaitsDocument, { filter: { runId, kinds: ['BUDGET'], states: ['OPEN'] } });
  const [request] = waits.edges.map(({ node }) => node);
  if (request?.__typename !== 'BudgetRequest') throw new Error('There is no budget request.');
  return request;
}

/** Uses up the budget with one run, and takes another one of the session to its request. */
async function reach(client: TestClient, sessionKey = 'a') {
  await converse(client, { sessionKey, text });
  const { run } = await send(client, { sessionKey, text });
  return { runId: run.id, request: await requestOf(client, run.id) };
}

const decide = async (client: TestClient, input: DecideBudgetInput) =>
  (await client.send(DecideBudgetDocument, { input })).decideBudget;

/** What the ledger of the server's database holds. */
async function ledger({ gateway }: TestGateway) {
  const { reader } = gateway.parts.database;
  const reservations = await reader.budgetReservation.count();
  const uses = await reader.budgetUse.findMany({ orderBy: { key: 'asc' } });
  return { spent: uses.map(({ spent }) => spent), reservations };
}

describe('B95: a budget that asks', () => {
  test('lets the run wait, and continue with what its call needs, and is explained on the tape', async () => {
    const started = await start(asking('session', 1200));
    const { client } = started;
    const { runId, request } = await reach(client);
    expect(request).toMatchObject({
      kind: 'BUDGET',
      state: 'OPEN',
      outcome: null,
      runId,
      startedBy: 'ada',
      budget: 'TOKENS',
      appliesTo: 'SESSION',
      period: 'TOTAL',
      spent: 500,
      allowance: 1200,
      granted: null,
      summary: expect.stringMatching(
        /^The next model call does not fit into the budget of the session: tokens used 500/,
      ),
    });
    expect(request.needed).toBeGreaterThan(256);
    const { id, needed } = request;
    expect((await client.send(NodeByIdDocument, { id })).node).toMatchObject({ __typename: 'BudgetRequest', id });
    expect((await client.send(WaitByIdDocument, { id })).wait).toMatchObject({ id, run: { id: runId } });
    expect((await client.send(PendingWaitsDocument, { runId })).run?.pendingWaits).toMatchObject([{ id }]);
    expect(await decide(client, { budgetRequestId: id, decision: 'ALLOW' })).toMatchObject({
      __typename: 'DecideBudgetSuccess',
      request: { state: 'SETTLED', outcome: 'ALLOWED', granted: needed, decidedBy: 'ada' },
      run: { id: runId },
    });
    for (const increase of [undefined, needed]) {
      const repeated = { budgetRequestId: id, decision: 'ALLOW', increase } as const;
      expect(await decide(client, repeated)).toMatchObject({ __typename: 'DecideBudgetSuccess' });
    }
    for (const other of [{ decision: 'DENY' }, { decision: 'ALLOW', increase: 1 }] as const) {
      expect(await decide(client, { budgetRequestId: id, ...other })).toMatchObject({
        __typename: 'WaitSettledError',
        wait: { id, outcome: 'ALLOWED', granted: needed },
      });
    }
    const events = await follow(client, runId);
    expect(typesOf(events).join()).toContain('STATUS,WAIT_REQUEST,STATUS,WAIT_SETTLED,STATUS,CONTEXT');
    expect(transitionsOf(events).at(-1)).toBe('IN_PROGRESS→DONE');
    expect(events.find(({ type }) => type === 'WAIT_REQUEST')?.payload).toMatchObject({ callId: null });
    expect(await ledger(started)).toEqual({ spent: [500, 500], reservations: 0 });
  });

  test('gives the run exactly the increase, and asks again when that is used up', async () => {
    const provider = await startProvider((response) => {
      sendEvents(response, textChunk('Done.'), stopChunk(), usageChunk, '[DONE]');
      response.end();
    });
    const local = { provider: 'openai-compatible', baseURL: provider.baseURL, model: 'any' };
    const { client } = await start({ ...asking('run', 10), defaultModel: 'local', models: { local } });
    const { run } = await send(client, { sessionKey: 'a', text: 'Hello' });
    const first = await requestOf(client, run.id);
    await decide(client, { budgetRequestId: first.id, decision: 'ALLOW', increase: 2 });
    await until(async () => (await requestOf(client, run.id)).id !== first.id, 'the run asks again');
    const second = await requestOf(client, run.id);
    expect(second).toMatchObject({ spent: 0, allowance: 12 });
    await decide(client, { budgetRequestId: second.id, decision: 'ALLOW', increase: 2000 });
    expect(transitionsOf(await follow(client, run.id)).at(-1)).toBe('IN_PROGRESS→DONE');
    const { max_tokens: most } = JSON.parse(provider.requests[0]?.body ?? '{}');
    expect(most).toBeGreaterThan(1000);
    expect(most).toBeLessThan(2002);
    expect(provider.requests).toHaveLength(1);
  });

  test('fails the run with BUDGET when it is denied, and tells the reason', async () => {
    const { client } = await start(asking('session', 1200));
    const { runId, request } = await reach(client);
    const denial = { budgetRequestId: request.id, decision: 'DENY', reason: 'Too dear.' } as const;
    expect(await decide(client, denial)).toMatchObject({
      request: { outcome: 'DENIED', reason: 'Too dear.', granted: null },
      run: { state: 'FAILED' },
    });
    expect(await decide(client, denial)).toMatchObject({ __typename: 'DecideBudgetSuccess' });
    expect(await decide(client, { budgetRequestId: request.id, decision: 'ALLOW' })).toMatchObject({
      __typename: 'WaitSettledError',
      wait: { id: request.id, outcome: 'DENIED' },
    });
    const error = { code: 'BUDGET', message: expect.stringContaining('a person did not raise it: Too dear.') };
    expect(await runById(client, runId)).toMatchObject({ state: 'FAILED', error });
  });

  test('fails the run with BUDGET when nobody decides in time', async () => {
    const approvals = { expiresAfterSeconds: 1 };
    const { client } = await start({ ...asking('run', 10), approvals });
    const { run, events } = await converse(client, { sessionKey: 'a', text });
    expect(run).toMatchObject({ state: 'FAILED', error: { code: 'BUDGET' } });
    const settled = events.find((event) => event.__typename === 'WaitSettledEvent');
    expect(settled).toMatchObject({ outcome: 'EXPIRED', actor: 'SYSTEM' });
    const budgetRequestId = settled?.__typename === 'WaitSettledEvent' ? settled.wait.id : '';
    expect(await decide(client, { budgetRequestId, decision: 'ALLOW' })).toMatchObject({
      __typename: 'WaitSettledError',
      wait: { outcome: 'EXPIRED' },
    });
  });

  test('is withdrawn with its run, and refuses what is no amount', async () => {
    const { client } = await start(asking('run', 10));
    const { run } = await send(client, { sessionKey: 'a', text });
    const { id: budgetRequestId } = await requestOf(client, run.id);
    const bad = [{ increase: 0 }, { increase: -1 }, { increase: 1e13 }, { reason: 'x'.repeat(2001) }];
    for (const more of [...bad, { decision: 'DENY', increase: 5 } as const]) {
      const answer = await decide(client, { budgetRequestId, decision: 'ALLOW', ...more });
      expect([more, answer]).toMatchObject([more, { __typename: 'InvalidInputError' }]);
    }
    for (const increase of [Number.NaN, 'much', [5]]) {
      const input = { budgetRequestId, decision: 'ALLOW', increase } as unknown as DecideBudgetInput;
      const sent = JSON.stringify(increase) === 'null' ? { ...input, increase: '1e999' as never } : input;
      await expect(decide(client, sent)).rejects.toThrow('Float');
    }
    for (const id of ['bud_x', run.id, 'nonsense', 'a\0b']) {
      const answer = await decide(client, { budgetRequestId: id, decision: 'ALLOW' });
      expect(answer).toMatchObject({ __typename: 'NotFoundError' });
    }
    expect(await runById(client, run.id)).toMatchObject({ state: 'AWAITING_APPROVAL' });
    await client.send(CancelRunDocument, { input: { runId: run.id } });
    expect(await decide(client, { budgetRequestId, decision: 'ALLOW' })).toMatchObject({
      wait: { outcome: 'WITHDRAWN', state: 'WITHDRAWN' },
    });
  });

  test('does not ask if another budget fails the run', async () => {
    const { budgets } = asking('principal', 1200);
    const { client } = await start({ budgets: [...budgets, { appliesTo: 'principal', tokens: 1300 }] });
    await converse(client, { sessionKey: 'a', text });
    const { run } = await converse(client, { sessionKey: 'a', text });
    expect(run).toMatchObject({ state: 'FAILED', error: { message: expect.stringContaining('500 of 1300') } });
  });
});

describe('B3: a request for the budget of a principal or agent', () => {
  test('is seen and settled by approvers, and not by the principal who started the run', async () => {
    const { client, clientOf } = await start(asking('principal', 1200, { period: 'day' }));
    const [eve, ben] = [clientOf('eve'), clientOf('ben')];
    const { runId, request } = await reach(client);
    const input = { budgetRequestId: request.id, decision: 'ALLOW', increase: 20_000 } as const;
    for (const decision of ['ALLOW', 'DENY'] as const) {
      expect(await decide(client, { budgetRequestId: request.id, decision })).toMatchObject({
        __typename: 'InvalidInputError',
        issues: [{ path: ['budgetRequestId'], message: expect.stringContaining('`approve:any`') }],
      });
    }
    expect(await decide(ben, input)).toMatchObject({ __typename: 'NotFoundError' });
    expect((await ben.send(WaitByIdDocument, { id: request.id })).wait).toBeNull();
    const seen = { id: request.id, runId, startedBy: 'ada' };
    expect((await eve.send(WaitByIdDocument, { id: request.id })).wait).toMatchObject({ ...seen, run: null });
    expect((await eve.send(WaitsDocument, {})).waits.edges.map(({ node }) => node)).toMatchObject([
      { ...seen, appliesTo: 'PRINCIPAL', period: 'DAY' },
    ]);
    const activity = async (of: TestClient) =>
      (await of.send(ActivityPageDocument, { first: 100 })).activity.edges.map(({ node }) => node);
    expect(await activity(eve)).toMatchObject([
      { kind: 'WAIT_OPENED', waitId: request.id, runId, sessionId: null, run: null },
    ]);
    expect(await activity(ben)).toEqual([]);
    expect(await decide(eve, input)).toMatchObject({
      request: { granted: 20_000, decidedBy: 'eve', startedBy: 'ada' },
      run: null,
    });
    expect(transitionsOf(await follow(client, runId)).at(-1)).toBe('IN_PROGRESS→DONE');
    expect(await activity(eve)).toMatchObject([{ kind: 'WAIT_OPENED' }, { kind: 'WAIT_SETTLED', waitId: request.id }]);
    // Only that run may use more.
    const { run } = await send(client, { sessionKey: 'b', text });
    expect(await requestOf(client, run.id)).toMatchObject({ spent: 500, allowance: 1200 });
  });

  test('of one run is settled by its owner, but not where that needs a second principal', async () => {
    const separate = { approvals: { separateApprover: true } };
    const { client, clientOf } = await start({ ...asking('run', 10), ...separate, ...jwt });
    const { run } = await send(client, { sessionKey: 'a', text });
    const { id: budgetRequestId } = await requestOf(client, run.id);
    expect(await decide(client, { budgetRequestId, decision: 'ALLOW' })).toMatchObject({
      issues: [{ path: ['decision'] }],
    });
    expect(await decide(clientOf('eve'), { budgetRequestId, decision: 'ALLOW' })).toMatchObject({
      request: { outcome: 'ALLOWED' },
    });
    expect(transitionsOf(await follow(client, run.id)).at(-1)).toBe('IN_PROGRESS→DONE');
  });
});

/** The configuration wants accounts; the tests authenticate in another way. */
const jwt = { auth: { mode: 'jwt', jwksUrl: 'http://127.0.0.1:1/keys', issuer: 'test', audience: 'test' } };

test('B98: of a hundred decisions about a budget one is accepted, and the request survives a restart', async () => {
  const first = await start(asking('session', 1200));
  const { runId, request } = await reach(first.client);
  const { client, gateway } = await first.restart();
  const outcomes = await Promise.all(
    Array.from({ length: 100 }, (_, index) =>
      decide(client, { budgetRequestId: request.id, decision: 'ALLOW', increase: 20_000 + index }),
    ),
  );
  const names = outcomes.map(({ __typename }) => __typename);
  expect(names.filter((name) => name === 'DecideBudgetSuccess')).toHaveLength(1);
  expect(names.filter((name) => name === 'WaitSettledError')).toHaveLength(99);
  const events = await follow(client, runId);
  expect(typesOf(events).filter((type) => type === 'WAIT_SETTLED')).toHaveLength(1);
  expect(transitionsOf(events).slice(-2)).toEqual(['AWAITING_APPROVAL→IN_PROGRESS', 'IN_PROGRESS→DONE']);

  await gateway.parts.commands.audit.close();
  const entries = await gateway.parts.database.reader.auditEntry.findMany({ orderBy: { event: 'asc' } });
  const decisions = entries.filter(({ details }) => details.includes(request.id));
  expect(decisions.map(({ event, principal, count }) => `${event} ${principal} ${count}`)).toEqual([
    'budget-decided ada 1',
    'decision-refused ada 99',
  ]);
});

test('B99: a budget, an approval and a question of one step are settled by different people', async () => {
  const tools = [countedTool({ risk: 'HIGH' }), createAskPerson(createSchemaChecker(systemClock))];
  const { client, clientOf } = await start(asking('principal', 10), { tools });
  const eve = clientOf('eve');
  const calls = calling(['count', { word: 'a' }], ['ask_person', { prompt: 'Why?' }]);
  const { run } = await send(client, { sessionKey: 'a', text: `/usage 2500 100\n${calls}` });
  const allow = async (increase: number) => {
    const { id: budgetRequestId } = await requestOf(client, run.id);
    expect(await decide(eve, { budgetRequestId, decision: 'ALLOW', increase })).toMatchObject({ run: null });
  };
  await allow(3000);
  const others = await until(async () => {
    const { waits } = await client.send(WaitsDocument, { filter: { runId: run.id, states: ['OPEN'] } });
    return waits.edges.length === 2 && waits.edges.map(({ node }) => node);
  });
  const idOf = (kind: string) => others.find((wait) => wait.kind === kind)?.id ?? '';
  const answer = { questionId: idOf('QUESTION'), action: 'ANSWER', answer: 'Because.' } as const;
  expect((await client.send(AnswerQuestionDocument, { input: answer })).answerQuestion).toMatchObject({
    run: { state: 'AWAITING_APPROVAL' },
  });
  const approval = { approvalId: idOf('APPROVAL'), decision: 'ALLOW' } as const;
  await eve.send(DecideApprovalDocument, { input: approval });
  await allow(20_000);
  const events = await follow(client, run.id);
  expect(transitionsOf(events).filter((each) => each === 'AWAITING_APPROVAL→IN_PROGRESS')).toHaveLength(3);
  expect(transitionsOf(events).at(-1)).toBe('IN_PROGRESS→DONE');
  expect((await runById(client, run.id)).output).toContain('Because.');
});
