import { expect, test } from 'vitest';
import type { TestClient } from '../../client.ts';
import { CancelRunDocument, DecideApprovalDocument, ToolCallsDocument } from '../../generated/graphql.ts';
import { follow, send } from '../conversation.ts';
import { calling, countedTool, hanging } from '../counted-tool.ts';
import { startTestGateway, until } from '../gateway.ts';

async function toolCalls(client: TestClient, runId: string) {
  const { run } = await client.send(ToolCallsDocument, { runId });
  if (!run) throw new Error(`The run ${runId} does not exist.`);
  return run.toolCalls;
}

/** Waits until the tool calls of the run have these states. */
const untilStates = (client: TestClient, runId: string, states: string[]) =>
  until(async () => {
    const calls = await toolCalls(client, runId);
    return calls.map(({ state }) => state).join() === states.join() && calls;
  }, `the states ${states}`);

const tools = [
  countedTool({ name: 'count' }),
  countedTool({ name: 'hang', execute: hanging }),
  countedTool({ name: 'fail', execute: () => Promise.reject(new Error('Broken.')) }),
  countedTool({ name: 'ask', risk: 'HIGH' }),
];

test('B68: the tool calls of a run show every state, from request to result', async () => {
  const { client } = await startTestGateway({ tools });
  const text = calling(
    ['count', { word: 'a' }],
    ['fail', { word: 'b' }],
    ['ask', { word: 'c' }],
    ['ask', { word: 'd' }],
  );
  const { run } = await send(client, { sessionKey: 'states', text });
  const open = await untilStates(client, run.id, ['SUCCEEDED', 'FAILED', 'WAITING', 'WAITING']);
  const [succeeded, failed, asked, denied] = open;
  expect(succeeded).toMatchObject({
    tool: 'count',
    step: 1,
    input: { word: 'a' },
    output: 'counted a',
    error: null,
    attempts: 1,
  });
  expect(failed).toMatchObject({ tool: 'fail', output: null, error: expect.stringContaining('Broken.'), waits: [] });
  expect(asked).toMatchObject({
    attempts: 0,
    startedAt: null,
    endedAt: null,
    waits: [{ state: 'OPEN', kind: 'APPROVAL' }],
  });
  const decide = (approvalId: string, more: object) =>
    client.send(DecideApprovalDocument, { input: { approvalId, decision: 'ALLOW', ...more } });
  await decide(denied?.approval?.id ?? '', { decision: 'DENY', reason: 'Not today.' });
  await decide(asked?.approval?.id ?? '', { editedInput: { word: 'edited' } });
  await follow(client, run.id);
  const [, , edited, refused] = await toolCalls(client, run.id);
  expect(edited).toMatchObject({
    state: 'SUCCEEDED',
    input: { word: 'edited' },
    output: 'counted edited',
    attempts: 1,
  });
  expect(edited?.waits).toMatchObject([{ id: asked?.approval?.id, state: 'SETTLED', outcome: 'ALLOWED' }]);
  expect(refused).toMatchObject({ state: 'DENIED', attempts: 0, approval: { status: 'DENIED' } });
  expect(refused?.error).toContain('Not today.');
  expect(Date.parse(edited?.endedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(edited?.startedAt ?? ''));
});

test('a call that runs, and one that waits for its turn, are cancelled with their run', async () => {
  const { client } = await startTestGateway({ tools });
  const text = calling(['hang', { word: 'a' }], ['count', { word: 'b' }]);
  const { run } = await send(client, { sessionKey: 'cancelled', text });
  const [running, requested] = await untilStates(client, run.id, ['RUNNING', 'REQUESTED']);
  expect(running).toMatchObject({ attempts: 1, startedAt: expect.any(String), endedAt: null });
  expect(requested).toMatchObject({ attempts: 0, startedAt: null, endedAt: null });
  await client.send(CancelRunDocument, { input: { runId: run.id } });
  const cancelled = await untilStates(client, run.id, ['CANCELLED', 'CANCELLED']);
  expect(cancelled.every(({ output, error, endedAt }) => output === null && error === null && endedAt !== null)).toBe(
    true,
  );
});

test('an approval that is withdrawn with its run leaves the call cancelled, and the wait says so', async () => {
  const { client } = await startTestGateway({ tools });
  const { run } = await send(client, { sessionKey: 'withdrawn', text: calling(['ask', { word: 'a' }]) });
  await untilStates(client, run.id, ['WAITING']);
  await client.send(CancelRunDocument, { input: { runId: run.id } });
  expect(await toolCalls(client, run.id)).toMatchObject([
    { state: 'CANCELLED', approval: { status: 'WITHDRAWN' }, waits: [{ state: 'WITHDRAWN', outcome: 'WITHDRAWN' }] },
  ]);
});

test('credentials stay masked in the input and the output of a tool call', async () => {
  const { client } = await startTestGateway({ tools });
  const secret = 'ghp_0123456789abcdefghijABCDEFGHIJ012345';
  const { run } = await send(client, { sessionKey: 'masked', text: calling(['count', { word: secret }]) });
  await follow(client, run.id);
  const calls = await toolCalls(client, run.id);
  expect(calls).toMatchObject([{ state: 'SUCCEEDED', output: expect.stringContaining('counted ') }]);
  expect(JSON.stringify(calls)).not.toContain(secret);
});
