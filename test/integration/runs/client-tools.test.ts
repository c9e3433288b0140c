import { describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import type { Policy } from '../../../src/policy/policy.ts';
import { createAskPerson } from '../../../src/tools/ask-person.ts';
import { createSchemaChecker } from '../../../src/tools/json-schema/schema-checker.ts';
import type { TestClient } from '../../client.ts';
import {
  ActivityPageDocument,
  AnswerQuestionDocument,
  CancelRunDocument,
  CreateAgentDocument,
  DecideApprovalDocument,
  NodeByIdDocument,
  OpenClientToolCallsDocument,
  OpenQuestionsDocument,
  PendingWaitsDocument,
  RetryRunDocument,
  RunContextAtDocument,
  SendMessageDocument,
  SubmitToolResultDocument,
  ToolCallsDocument,
  UpdateAgentDocument,
} from '../../generated/graphql.ts';
import { converse, decideNextApproval, follow, runById, send, transitionsOf, typesOf } from '../conversation.ts';
import { calling, countedTool } from '../counted-tool.ts';
import { startTestGateway, until } from '../gateway.ts';

const pick = {
  name: 'pick_file',
  description: 'Lets the user pick a file.',
  inputSchema: { type: 'object', properties: { title: { type: 'string' } }, required: ['title'] },
};
const word = { ...pick, name: 'ask_word' };
const text = calling(['pick_file', { title: 'Which?' }]);

/** Sends a message whose run calls the client tools `pick_file`, and waits until they are all open. */
async function open(client: TestClient, sessionKey: string, options: { text?: string; calls?: number } = {}) {
  const { run } = await send(client, { sessionKey, text: options.text ?? text, clientTools: [pick, word] });
  await until(async () => (await runById(client, run.id)).state === 'AWAITING_APPROVAL', 'the run waits');
  const pending = await client.send(PendingWaitsDocument, { runId: run.id });
  const ids = (pending.run?.pendingWaits ?? []).flatMap(({ kind, id }) => (kind === 'CLIENT_TOOL' ? [id] : []));
  expect(ids).toHaveLength(options.calls ?? 1);
  return { runId: run.id, ids, id: ids[0] ?? '' };
}

const submit = async (client: TestClient, clientToolCallId: string, result: { output?: unknown; error?: string }) =>
  (await client.send(SubmitToolResultDocument, { input: { clientToolCallId, ...result } })).submitToolResult;

describe('a tool that the client of a message runs', () => {
  test('B97: the call suspends the run; its result is accepted once, and the run continues', async () => {
    const { client, gateway } = await startTestGateway();
    const { runId, id } = await open(client, 'pick');
    await until(() => gateway.parts.orchestrator.activeCount() === 0);
    const { waits } = await client.send(OpenClientToolCallsDocument, {});
    const call = { id, tool: 'pick_file', input: { title: 'Which?' }, output: null, error: null, state: 'OPEN' };
    expect(waits.edges).toMatchObject([{ node: { ...call, kind: 'CLIENT_TOOL', startedBy: 'ada', runId } }]);
    expect(waits.edges[0]?.node.summary).toContain('pick_file(title: "Which?")');
    expect((await client.send(NodeByIdDocument, { id })).node).toMatchObject({ __typename: 'ClientToolCall', id });
    const output = { path: 'a.txt', empty: null };
    expect(await submit(client, id, { output })).toMatchObject({
      __typename: 'SubmitToolResultSuccess',
      call: { id, state: 'SETTLED', outcome: 'COMPLETED', decidedBy: 'ada', output, error: null },
      run: { id: runId },
    });
    const events = await follow(client, runId);
    const types = ['TOOL_CALL', 'TOOL_DECISION', 'WAIT_REQUEST', 'STATUS', 'WAIT_SETTLED', 'TOOL_RESULT', 'STATUS'];
    expect(typesOf(events).join()).toContain(types.join());
    expect(transitionsOf(events).slice(-3)).toEqual([
      'IN_PROGRESS→AWAITING_APPROVAL',
      'AWAITING_APPROVAL→IN_PROGRESS',
      'IN_PROGRESS→DONE',
    ]);
    expect((await runById(client, runId)).output).toContain('a.txt');
    expect(await submit(client, id, { output })).toMatchObject({ __typename: 'SubmitToolResultSuccess' });
    for (const other of [{ output: 1 }, { error: 'It failed.' }]) {
      expect(await submit(client, id, other)).toMatchObject({
        __typename: 'WaitSettledError',
        wait: { id, outcome: 'COMPLETED', output },
      });
    }
    const [toolCall] = (await client.send(ToolCallsDocument, { runId })).run?.toolCalls ?? [];
    expect(toolCall).toMatchObject({ state: 'SUCCEEDED', output, approval: null, waits: [{ id }] });
    const { activity } = await client.send(ActivityPageDocument, { first: 50 });
    expect(activity.edges.flatMap(({ node }) => (node.waitId === id ? [node.kind] : []))).toEqual([
      'WAIT_OPENED',
      'WAIT_SETTLED',
    ]);
  });

  test('B97, B98: of a hundred different results one is accepted', async () => {
    const { client } = await startTestGateway();
    const { runId, id } = await open(client, 'many');
    const outcomes = await Promise.all(
      Array.from({ length: 100 }, (_, index) => submit(client, id, { output: index })),
    );
    const names = outcomes.map(({ __typename }) => __typename);
    expect(names.filter((name) => name === 'SubmitToolResultSuccess')).toHaveLength(1);
    expect(names.filter((name) => name === 'WaitSettledError')).toHaveLength(99);
    const events = await follow(client, runId);
    expect(typesOf(events).filter((type) => type === 'WAIT_SETTLED')).toHaveLength(1);
    expect(transitionsOf(events).filter((each) => each === 'AWAITING_APPROVAL→IN_PROGRESS')).toHaveLength(1);
  });

  test('B97: an error, an expired call and a null output are results for the model', async () => {
    const { client } = await startTestGateway({ file: { approvals: { onExpiry: 'fail' } } });
    const failed = await open(client, 'failed');
    expect(await submit(client, failed.id, { error: 'No file was picked.' })).toMatchObject({
      call: { outcome: 'FAILED', error: 'No file was picked.', output: null },
    });
    await follow(client, failed.runId);
    expect((await runById(client, failed.runId)).output).toContain('No file was picked.');
    const none = await open(client, 'none');
    expect(await submit(client, none.id, { output: null })).toMatchObject({ call: { outcome: 'COMPLETED' } });
    await follow(client, none.runId);
    expect((await runById(client, none.runId)).output).toContain('null');
    const late = await converse(client, { sessionKey: 'late', text, clientTools: [{ ...pick, timeoutSeconds: 1 }] });
    expect(late.run).toMatchObject({ state: 'DONE', output: expect.stringContaining('submitted no result in time') });
    const request = late.events.find((event) => event.__typename === 'WaitRequestEvent');
    const lateId = request?.__typename === 'WaitRequestEvent' ? request.wait.id : '';
    expect(await submit(client, lateId, { output: 1 })).toMatchObject({
      __typename: 'WaitSettledError',
      wait: { state: 'EXPIRED', outcome: 'EXPIRED', output: null },
    });
  });

  test('cancelling the run withdraws the call', async () => {
    const { client } = await startTestGateway();
    const { runId, id } = await open(client, 'cancel');
    await client.send(CancelRunDocument, { input: { runId } });
    expect(await submit(client, id, { output: 1 })).toMatchObject({
      __typename: 'WaitSettledError',
      wait: { state: 'WITHDRAWN', outcome: 'WITHDRAWN', decidedBy: null },
    });
    const [call] = (await client.send(ToolCallsDocument, { runId })).run?.toolCalls ?? [];
    expect(call?.state).toBe('CANCELLED');
  });

  test('B3: another principal neither sees the call nor gives its result', async () => {
    const { client, clientOf } = await startTestGateway();
    const { id } = await open(client, 'own');
    const stranger = clientOf('bob');
    expect(await submit(stranger, id, { output: 1 })).toMatchObject({ __typename: 'NotFoundError', id });
    expect((await stranger.send(OpenClientToolCallsDocument, {})).waits.edges).toEqual([]);
    expect((await stranger.send(NodeByIdDocument, { id })).node).toBeNull();
    expect(await submit(client, 'ctc_x', { output: 1 })).toMatchObject({ __typename: 'NotFoundError' });
  });

  test('a result that is missing, given twice or too long is refused, and the call stays open', async () => {
    const { client } = await startTestGateway();
    const { runId, id } = await open(client, 'bad');
    for (const bad of [{}, { output: 1, error: 'no' }, { error: ' ' }, { error: 'x'.repeat(2001) }]) {
      expect(await submit(client, id, bad)).toMatchObject({ __typename: 'InvalidInputError' });
    }
    const long = 'word '.repeat(20_000);
    expect(await submit(client, id, { output: long })).toMatchObject({ __typename: 'SubmitToolResultSuccess' });
    expect(await submit(client, id, { output: long })).toMatchObject({ __typename: 'SubmitToolResultSuccess' });
    expect(await submit(client, id, { output: `${long}!` })).toMatchObject({ __typename: 'WaitSettledError' });
    await follow(client, runId);
    expect((await runById(client, runId)).output).toContain('The output continues: 100000 bytes in total.');
  });

  test('credentials in a result are masked', async () => {
    const { client } = await startTestGateway();
    const { runId, id } = await open(client, 'secret');
    const secret = `ghp_${'a1B2'.repeat(9)}`;
    expect(await submit(client, id, { output: { token: secret } })).toMatchObject({ call: { outcome: 'COMPLETED' } });
    expect(JSON.stringify(await follow(client, runId))).not.toContain(secret);
    expect(await submit(client, id, { output: { token: secret } })).toMatchObject({ call: { outcome: 'COMPLETED' } });
  });

  test('an input that does not fit the schema gets an error result without a wait', async () => {
    const { client } = await startTestGateway();
    const sent = { sessionKey: 'unfit', text: calling(['pick_file', { title: 1 }]), clientTools: [pick] };
    const { run, events } = await converse(client, sent);
    expect(run).toMatchObject({ state: 'DONE', output: expect.stringContaining('input/title must be string') });
    expect(typesOf(events)).not.toContain('WAIT_REQUEST');
  });

  test('where policy asks, an approval comes first, and an edited input is what the client gets', async () => {
    const asked: unknown[] = [];
    const policy: Policy = {
      evaluate({ tool }) {
        asked.push(tool);
        return { effect: 'ASK', reason: 'By policy.', rules: ['ask'] };
      },
    };
    const { client } = await startTestGateway({ policy });
    const { run } = await send(client, { sessionKey: 'asked', text, clientTools: [pick] });
    const request = (await follow(client, run.id, { isLast: ({ type }) => type === 'APPROVAL_REQUEST' })).at(-1);
    if (request?.__typename !== 'ApprovalRequestEvent') throw new Error('No approval was requested.');
    const { cursor, approval } = request;
    const decide = async (editedInput: unknown) => {
      const input = { approvalId: approval.id, decision: 'ALLOW', editedInput } as const;
      return (await client.send(DecideApprovalDocument, { input })).decideApproval.__typename;
    };
    expect(await decide({ title: 2 })).toBe('InvalidInputError');
    expect(await decide({ title: 'Which one?' })).toBe('DecideApprovalSuccess');
    await until(async () => (await client.send(OpenClientToolCallsDocument, {})).waits.edges.length === 1);
    expect(asked[0]).toMatchObject({ name: 'pick_file', source: 'client', risk: 'LOW', isOwn: true });
    const { waits } = await client.send(OpenClientToolCallsDocument, {});
    expect(waits.edges[0]?.node).toMatchObject({ input: { title: 'Which one?' } });
    expect(await submit(client, waits.edges[0]?.node.id ?? '', { output: 'picked' })).toMatchObject({
      call: { outcome: 'COMPLETED', input: { title: 'Which one?' } },
    });
    const rest = await follow(client, run.id, { after: cursor });
    expect(transitionsOf(rest).at(-1)).toBe('IN_PROGRESS→DONE');
  });

  test('B99: waits of several kinds in one step are settled in any order, and the run continues once', async () => {
    const tool = countedTool({ risk: 'HIGH' });
    const tools = [tool, createAskPerson(createSchemaChecker(systemClock))];
    const { client } = await startTestGateway({ tools });
    const calls = calling(['pick_file', { title: 'a' }], ['count', { word: 'w' }], ['ask_person', { prompt: 'Why?' }]);
    const orders = [
      ['client', 'approval', 'question'],
      ['approval', 'question', 'client'],
      ['question', 'client', 'approval'],
    ] as const;
    for (const order of orders) {
      const { runId, id } = await open(client, `mixed-${order.join()}`, { text: calls });
      const { waits } = await client.send(OpenQuestionsDocument, {});
      const settle = {
        client: () => submit(client, id, { output: 'result of the client' }),
        approval: () => decideNextApproval(client, runId, 'ALLOW'),
        question: () => {
          const input = { questionId: waits.edges[0]?.node.id ?? '', action: 'ANSWER', answer: 'Because.' } as const;
          return client.send(AnswerQuestionDocument, { input });
        },
      };
      for (const kind of order) {
        expect((await runById(client, runId)).state).toBe('AWAITING_APPROVAL');
        await settle[kind]();
      }
      const events = await follow(client, runId);
      expect(transitionsOf(events).filter((change) => change === 'AWAITING_APPROVAL→IN_PROGRESS')).toHaveLength(1);
      expect((await runById(client, runId)).output).toMatch(/result of the client[\s\S]*counted w[\s\S]*Because\./);
    }
    expect(tool.executions).toHaveLength(3);
  });

  test('a call that waits is answered after a restart; contexts with client tools are rebuilt; a retry has the tools', async () => {
    const first = await startTestGateway();
    const { runId, id } = await open(first.client, 'restart');
    const { client } = await first.restart();
    await submit(client, id, { output: 'after the restart' });
    await follow(client, runId);
    expect((await runById(client, runId)).output).toContain('after the restart');
    for (const step of [1, 2]) {
      const { run } = await client.send(RunContextAtDocument, { id: runId, step });
      expect(run?.contextAt).toMatchObject({ isExact: true, missing: [] });
      expect(run?.contextAt?.tools).toEqual(expect.arrayContaining(['pick_file', 'ask_word']));
    }
    const { retryRun } = await client.send(RetryRunDocument, { input: { runId } });
    if (retryRun.__typename !== 'RetryRunSuccess') throw new Error(retryRun.__typename);
    await until(async () => (await client.send(OpenClientToolCallsDocument, {})).waits.edges.length === 1);
  });
});

test('the tools of an agent are offered in its runs; those of the message come first', async () => {
  const { client, clientOf } = await startTestGateway({ tools: [countedTool()] });
  const agent = { name: 'desk', instructions: '', tools: ['count'] };
  const create = async (more: object) =>
    (await client.send(CreateAgentDocument, { input: { ...agent, ...more } as never })).createAgent;
  expect(await create({ clientTools: [{ ...pick, name: 'count' }] })).toMatchObject({
    __typename: 'InvalidInputError',
  });
  const created = await create({ clientTools: [{ ...pick, timeoutSeconds: 60 }, word] });
  if (created.__typename !== 'CreateAgentSuccess') throw new Error(created.__typename);
  const { id: agentId, clientTools } = created.agent;
  expect(clientTools).toEqual([
    { ...pick, timeoutSeconds: 60 },
    { ...word, timeoutSeconds: null },
  ]);
  const described = { ...pick, description: 'Of the message.' };
  const { run } = await send(client, {
    sessionKey: 'desk',
    text: `/tools\n${text}`,
    agentId,
    clientTools: [described],
  });
  await until(async () => (await runById(client, run.id)).state === 'AWAITING_APPROVAL');
  const { waits } = await client.send(OpenClientToolCallsDocument, {});
  expect(waits.edges[0]?.node.summary).toContain('Of the message.');
  const update = async (input: object) =>
    (await client.send(UpdateAgentDocument, { input: { agentId, ...input } as never })).updateAgent;
  expect(await update({ clientTools: [] })).toMatchObject({ agent: { version: 2, clientTools: [] } });
  expect(await update({ name: 'front' })).toMatchObject({ agent: { version: 3, clientTools: [] } });
  await submit(client, waits.edges[0]?.node.id ?? '', { output: 'picked' });
  await follow(client, run.id);
  const { run: rebuilt } = await client.send(RunContextAtDocument, { id: run.id, step: 2 });
  expect(rebuilt?.contextAt).toMatchObject({ isExact: true, tools: ['count', 'pick_file', 'ask_word'] });
  expect((await clientOf('bob').send(OpenClientToolCallsDocument, {})).waits.edges).toEqual([]);
});

describe('declarations of client tools', () => {
  test('that cannot be used are refused, with the tool and what to do', async () => {
    const { client } = await startTestGateway({ tools: [countedTool()] });
    const refused = async (clientTools: unknown[], more = {}) => {
      const input = { sessionKey: 'refused', text: '/say hello', ...more, clientTools } as never;
      const { sendMessage } = await client.send(SendMessageDocument, { input });
      if (sendMessage.__typename !== 'InvalidInputError') throw new Error(sendMessage.__typename);
      return sendMessage.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join();
    };
    expect(await refused([{ ...pick, name: 'count' }])).toBe(
      'clientTools.0.name: "count" is a tool of the gateway. Use another name',
    );
    expect(await refused([pick, pick])).toContain('clientTools.1.name: "pick_file" is declared twice');
    expect(await refused([{ ...pick, name: 'no spaces' }])).toContain('clientTools.0.name: must have 1 to 64 letters');
    expect(await refused([{ ...pick, description: ' ' }])).toContain('clientTools.0.description: must not be empty');
    expect(await refused([{ ...pick, timeoutSeconds: 0 }])).toContain('clientTools.0.timeoutSeconds: must be at least');
    expect(await refused([{ ...pick, inputSchema: { type: 'string' } }])).toContain(
      'JSON Schema with `"type": "object"`',
    );
    const broken = { type: 'object', properties: { a: { type: 'nothing' } } };
    expect(await refused([{ ...pick, inputSchema: broken }])).toContain('clientTools.0.inputSchema: cannot be used');
    const many = Array.from({ length: 33 }, (_, index) => ({ ...pick, name: `tool_${index}` }));
    expect(await refused(many)).toContain('at most 32 tools');
    const long = { type: 'object', description: 'x'.repeat(70_000) };
    expect(await refused([{ ...pick, inputSchema: long }])).toContain('longer than 65536 bytes');
    const { run } = await send(client, { sessionKey: 'refused', text: '/hang' });
    await until(async () => (await runById(client, run.id)).state === 'IN_PROGRESS');
    expect(await refused([pick], { whenBusy: 'STEER' })).toContain(`would join run ${run.id}`);
  });
});
