import { expect, test } from 'vitest';
import type { TestClient } from '../client.ts';
import {
  AnswerQuestionDocument,
  ApprovalsDocument,
  DecideApprovalDocument,
  DecideBudgetDocument,
  MemoriesDocument,
  OpenClientToolCallsDocument,
  OpenQuestionsDocument,
  SessionByKeyDocument,
  SubmitToolResultDocument,
  WaitsDocument,
} from '../generated/graphql.ts';
import { follow, runById, send, typesOf } from '../integration/conversation.ts';
import { until } from '../integration/gateway.ts';
import { bundledServer } from '../integration/tools/bundled-server.ts';
import { collectRun, expectIntact, serverFolder, withClient } from './fixtures.ts';

const shortLease = { RUNTAPE_LEASE_SECONDS: '1' };

test('B26, B48: events that a subscriber received before kill -9 are on the tape, and the run ends', async () => {
  const { start, folder } = await serverFolder();
  const first = await start(shortLease);
  const text = '/pace 20\n/words 120';
  const { run, received } = await withClient(first, async (client) => {
    const sent = await send(client, { sessionKey: 'crash', text });
    const { events, until, ended } = collectRun(client, sent.run.id);
    await until(({ seq }) => seq >= 12);
    expect(await first.stop('SIGKILL')).toBe('SIGKILL');
    await ended;
    return { run: sent.run, received: events };
  });
  const second = await start(shortLease);
  await withClient(second, async (client) => {
    const tape = await follow(client, run.id);
    expect(received.length).toBeGreaterThanOrEqual(12);
    expect(tape.slice(0, received.length)).toEqual(received);
    expect(tape.map(({ seq }) => seq)).toEqual(tape.map((_, index) => index + 1));
    expect(typesOf(tape).filter((type) => type === 'RESUMPTION')).toHaveLength(1);
    expect(tape.at(-1)).toMatchObject({ to: 'DONE' });
    const { resumptions, output } = await runById(client, run.id);
    expect({ resumptions, words: output?.split(' ').length }).toEqual({ resumptions: 1, words: 120 });
  });
  expect(await second.stop('SIGTERM')).toBe(0);
  await expectIntact(folder);
});

test('B38, B48: an approval that is open during kill -9 is decided afterwards by another client', async () => {
  const { start, folder } = await serverFolder();
  const first = await start(shortLease);
  const text = '/call memory_save {"text":"I like green tea"}\n/then\n/say Saved.';
  const { run } = await withClient(first, async (client) => {
    const sent = await send(client, { sessionKey: 'crash', text });
    await follow(client, sent.run.id, { isLast: ({ type }) => type === 'APPROVAL_REQUEST' });
    return sent;
  });
  await first.stop('SIGKILL');
  const second = await start(shortLease);
  await withClient(second, async (client) => {
    const { approvals } = await client.send(ApprovalsDocument, { filter: { statuses: ['PENDING'] } });
    expect(approvals.edges).toMatchObject([{ node: { tool: 'memory_save', runId: run.id } }]);
    const approvalId = approvals.edges[0]?.node.id ?? '';
    const { decideApproval } = await client.send(DecideApprovalDocument, { input: { approvalId, decision: 'ALLOW' } });
    expect(decideApproval.__typename).toBe('DecideApprovalSuccess');
    const tape = await follow(client, run.id);
    expect(tape.at(-1)).toMatchObject({ to: 'DONE' });
    expect(typesOf(tape).filter((type) => type === 'TOOL_START')).toHaveLength(1);
    const { memories } = await client.send(MemoriesDocument, {});
    expect(memories.edges.map(({ node }) => node.text)).toEqual(['I like green tea']);
  });
  expect(await second.stop('SIGTERM')).toBe(0);
  await expectIntact(folder);
});

test('B97, B98: a call of a client tool that is open during kill -9 gets its result afterwards, once', async () => {
  const { start, folder } = await serverFolder();
  const first = await start(shortLease);
  const text = '/call pick {"title":"Which?"}\n/then\n/echo';
  const clientTools = [{ name: 'pick', description: 'Picks a file.', inputSchema: { type: 'object' } }];
  const { run } = await withClient(first, async (client) => {
    const sent = await send(client, { sessionKey: 'crash', text, clientTools });
    await follow(client, sent.run.id, { isLast: ({ type }) => type === 'WAIT_REQUEST' });
    return sent;
  });
  await first.stop('SIGKILL');
  const second = await start(shortLease);
  const submit = (client: TestClient, clientToolCallId: string, output: unknown) =>
    client.send(SubmitToolResultDocument, { input: { clientToolCallId, output } });
  const id = await withClient(second, async (client) => {
    const { waits } = await client.send(OpenClientToolCallsDocument, {});
    expect(waits.edges).toMatchObject([{ node: { tool: 'pick', runId: run.id } }]);
    const openId = waits.edges[0]?.node.id ?? '';
    const { submitToolResult } = await submit(client, openId, 'a.txt');
    expect(submitToolResult.__typename).toBe('SubmitToolResultSuccess');
    await second.stop('SIGKILL');
    return openId;
  });
  const third = await start(shortLease);
  await withClient(third, async (client) => {
    expect((await submit(client, id, 'a.txt')).submitToolResult.__typename).toBe('SubmitToolResultSuccess');
    expect((await submit(client, id, 'b.txt')).submitToolResult.__typename).toBe('WaitSettledError');
    const tape = await follow(client, run.id);
    expect(tape.at(-1)).toMatchObject({ to: 'DONE' });
    expect(typesOf(tape).filter((type) => type === 'WAIT_SETTLED')).toHaveLength(1);
    expect((await runById(client, run.id)).output).toContain('a.txt');
  });
  expect(await third.stop('SIGTERM')).toBe(0);
  await expectIntact(folder);
});

test('B95, B98: a budget that is asked for during kill -9 is raised afterwards, once', async () => {
  const budgets = [{ appliesTo: 'principal', period: 'day', tokens: 10, onLimit: 'ask' }];
  const { start, folder } = await serverFolder({ budgets });
  const first = await start(shortLease);
  const { run } = await withClient(first, async (client) => {
    const sent = await send(client, { sessionKey: 'crash', text: '/usage 400 100\n/say Done.' });
    await follow(client, sent.run.id, { isLast: ({ type }) => type === 'WAIT_REQUEST' });
    return sent;
  });
  await first.stop('SIGKILL');
  const allow = async (client: TestClient, budgetRequestId: string) => {
    const input = { budgetRequestId, decision: 'ALLOW', increase: 30_000 } as const;
    return (await client.send(DecideBudgetDocument, { input })).decideBudget.__typename;
  };
  const second = await start(shortLease);
  const id = await withClient(second, async (client) => {
    const { waits } = await client.send(WaitsDocument, { filter: { kinds: ['BUDGET'], states: ['OPEN'] } });
    expect(waits.edges).toMatchObject([{ node: { runId: run.id, appliesTo: 'PRINCIPAL', spent: 0, allowance: 10 } }]);
    const openId = waits.edges[0]?.node.id ?? '';
    expect(await allow(client, openId)).toBe('DecideBudgetSuccess');
    await second.stop('SIGKILL');
    return openId;
  });
  const third = await start(shortLease);
  await withClient(third, async (client) => {
    const tape = await follow(client, run.id);
    expect(tape.at(-1)).toMatchObject({ to: 'DONE' });
    expect(typesOf(tape).filter((type) => type === 'WAIT_SETTLED')).toHaveLength(1);
    expect(await allow(client, id)).toBe('DecideBudgetSuccess');
  });
  expect(await third.stop('SIGTERM')).toBe(0);
  await expectIntact(folder);
});

test('B14, B48: messages that were acknowledged right before kill -9 are stored, and run', async () => {
  const { start } = await serverFolder();
  const first = await start(shortLease);
  const inputs = Array.from({ length: 20 }, (_, index) => ({
    sessionKey: `crash ${index % 4}`,
    text: `/say answer ${index}`,
    idempotencyKey: `message ${index}`,
  }));
  const acknowledged = await withClient(first, async (client) => {
    const runs: { index: number; id: string }[] = [];
    const sending = inputs.map(async (input, index) => {
      const { run } = await send(client, input);
      runs.push({ index, id: run.id });
      if (runs.length === 10) void first.stop('SIGKILL');
    });
    await Promise.allSettled(sending);
    return runs;
  });
  expect(acknowledged.length).toBeGreaterThanOrEqual(10);
  await first.exited;
  const second = await start(shortLease);
  await withClient(second, async (client) => {
    for (const { index, id } of acknowledged) {
      expect((await follow(client, id)).at(-1)).toMatchObject({ to: 'DONE' });
      expect(await runById(client, id)).toMatchObject({ output: `answer ${index}` });
    }
    const repeated = await Promise.all(inputs.map((input) => send(client, input)));
    for (const { index, id } of acknowledged) expect(repeated[index]).toMatchObject({ created: false, run: { id } });
    const { session } = await client.send(SessionByKeyDocument, { key: 'crash 0' });
    expect(session).toBeTruthy();
  });
  expect(await second.stop('SIGTERM')).toBe(0);
});

test('B96, B98: during kill -9, a question of the model stays open; one of an MCP server is withdrawn, and asked again', async () => {
  const shop = { command: process.execPath, args: [bundledServer('asking-server')], elicitation: true };
  const { start, folder } = await serverFolder({ askPerson: true, mcpServers: { shop } });
  const first = await start(shortLease);
  await first.untilPrinted('an MCP server is ready');
  const runs = await withClient(first, async (client) => {
    const ids: string[] = [];
    for (const call of ['ask_person {"prompt":"Which size?"}', 'shop__ask {}']) {
      const { run } = await send(client, { sessionKey: call, text: `/call ${call}\n/then\n/echo` });
      await follow(client, run.id, { isLast: ({ type }) => type === 'WAIT_REQUEST' });
      ids.push(run.id);
    }
    return ids;
  });
  await first.stop('SIGKILL');
  const second = await start(shortLease);
  await withClient(second, async (client) => {
    const questions = await until(async () => {
      const { waits } = await client.send(OpenQuestionsDocument, {});
      const events = await follow(client, runs[1] ?? '', { isLast: ({ type }) => type === 'WAIT_REQUEST' });
      const isNew = (id: string) =>
        !events.some((event) => event.__typename === 'WaitRequestEvent' && event.wait.id === id);
      const open = waits.edges.flatMap(({ node }) => (node.__typename === 'Question' ? [node] : []));
      return open.length === 2 && open.some(({ id, source }) => source === 'shop' && isNew(id)) && open;
    }, 'the question is asked again');
    for (const { id: questionId, source } of questions) {
      const answer = source === 'shop' ? { size: 'M' } : 'M';
      const input = { questionId, action: 'ANSWER' as const, answer };
      expect((await client.send(AnswerQuestionDocument, { input })).answerQuestion.__typename).toBe(
        'AnswerQuestionSuccess',
      );
    }
    for (const runId of runs) {
      expect((await follow(client, runId)).at(-1)).toMatchObject({ to: 'DONE' });
      expect((await runById(client, runId)).output).toContain('M');
    }
    const tape = await follow(client, runs[1] ?? '');
    const outcomes = tape.flatMap((event) => (event.__typename === 'WaitSettledEvent' ? [event.outcome] : []));
    expect(outcomes).toEqual(['WITHDRAWN', 'ANSWERED']);
    expect(typesOf(tape).filter((type) => type === 'TOOL_RESULT')).toHaveLength(1);
  });
  expect(await second.stop('SIGTERM')).toBe(0);
  await expectIntact(folder);
});
