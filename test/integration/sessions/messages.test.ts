import { expect, test } from 'vitest';
import type { TestClient } from '../../client.ts';
import { CancelRunDocument, MessagesDocument } from '../../generated/graphql.ts';
import { overridingCatalogue } from '../context/overriding-catalogue.ts';
import { branch } from '../context/session-operations.ts';
import { converse, decideNextApproval, follow, send } from '../conversation.ts';
import { calling, countedTool } from '../counted-tool.ts';
import { startTestGateway, until } from '../gateway.ts';

async function messages(client: TestClient, sessionId: string, page: object = { first: 100 }) {
  const { session } = await client.send(MessagesDocument, { sessionId, ...page });
  if (!session) throw new Error(`There is no session ${sessionId}.`);
  return session.messages.edges.map(({ node }) => node);
}

const textsOf = (list: { role: string; text: string }[]) => list.map(({ role, text }) => `${role} ${text}`);

test('B67: a branch of a branch shows each message once, in order, with its tool calls', async () => {
  const { client } = await startTestGateway({ tools: [countedTool()] });
  const first = await converse(client, { sessionKey: 'root', text: '/say one' });
  const text = '/say calling\n/call count {"word":"a"}\n/call count {"word":"b"}\n/then\n/say two';
  const second = await converse(client, { sessionKey: 'root', text });
  await converse(client, { sessionKey: 'root', text: '/say after the branch' });
  const [root] = await messages(client, (await send(client, { sessionKey: 'root', text: '/say last' })).session.id);
  expect(root?.runId).toBe(first.runId);
  const sessionId = (await send(client, { sessionKey: 'root', text: '/say end' })).session.id;
  // Without the answer that follows the tool calls.
  const output = second.events.filter(({ type }) => type === 'TOOL_RESULT').at(-1);
  const child = await branch(client, { sessionId, runId: second.runId, seq: output?.seq, key: 'child' });
  const third = await converse(client, { sessionId: child, text: '/say three' });
  const grandchild = await branch(client, { sessionId: child, runId: third.runId, key: 'grandchild' });
  await converse(client, { sessionId: child, text: '/say not seen by the grandchild' });
  await converse(client, { sessionId: grandchild, text: '/say four' });
  const shown = await messages(client, grandchild);
  expect(textsOf(shown)).toEqual([
    'USER /say one',
    'ASSISTANT one',
    `USER ${text}`,
    'ASSISTANT calling',
    'USER /say three',
    'ASSISTANT three',
    'USER /say four',
    'ASSISTANT four',
  ]);
  expect(new Set(shown.map(({ id }) => id)).size).toBe(shown.length);
  expect(shown[3]?.toolCalls).toMatchObject([
    { tool: 'count', input: { word: 'a' }, state: 'SUCCEEDED', output: 'counted a' },
    { tool: 'count', input: { word: 'b' }, state: 'SUCCEEDED', output: 'counted b' },
  ]);
  expect(shown.filter(({ toolCalls }) => toolCalls.length > 0)).toHaveLength(1);
  const pages = [await messages(client, grandchild, { first: 3 }), await messages(client, grandchild, { last: 4 })];
  expect(pages.map(textsOf)).toEqual([textsOf(shown).slice(0, 3), textsOf(shown).slice(-4)]);
});

/** A model that says the first words, and the others when `finish` is called. */
function pausingModel() {
  let finish = () => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const catalogue = overridingCatalogue(200_000, (inner) => async (request, sink, signal) => {
    sink.text('The first words');
    await Promise.race([finished, new Promise((stop) => signal.addEventListener('abort', stop))]);
    signal.throwIfAborted();
    return inner.stream(request, sink, signal);
  });
  return { catalogue, finish: () => finish() };
}

test('an unfinished answer is followed from its cursor without a gap or a duplicate', async () => {
  const { catalogue, finish } = pausingModel();
  const { client } = await startTestGateway({ catalogue });
  const { run, session } = await send(client, { sessionKey: 'growing', text: '/say and the rest' });
  const [, growing] = await until(async () => {
    const shown = await messages(client, session.id);
    return shown.length === 2 && shown;
  });
  expect(growing).toMatchObject({
    role: 'ASSISTANT',
    complete: false,
    text: 'The first words',
    step: 1,
    runId: run.id,
  });
  finish();
  const rest = await follow(client, run.id, { after: growing?.cursor });
  const deltas = rest.flatMap((event) => (event.__typename === 'OutputDeltaEvent' ? event.text : []));
  const [, complete] = await messages(client, session.id);
  expect(complete).toMatchObject({ id: growing?.id, complete: true, text: `${growing?.text}${deltas.join('')}` });
  expect(complete?.text).toContain('and the rest');
});

test('a cancelled answer keeps what was durable of it, and is complete', async () => {
  const { catalogue } = pausingModel();
  const { client } = await startTestGateway({ catalogue });
  const { run, session } = await send(client, { sessionKey: 'cancelled', text: 'hello' });
  await until(async () => (await messages(client, session.id)).length === 2);
  await client.send(CancelRunDocument, { input: { runId: run.id } });
  await follow(client, run.id);
  expect((await messages(client, session.id)).at(-1)).toMatchObject({
    text: 'The first words',
    complete: true,
    run: { state: 'CANCELLED' },
  });
});

test('steered messages, messages that wait, and calls that wait for an approval are shown', async () => {
  const { client } = await startTestGateway({ tools: [countedTool({ risk: 'HIGH' })] });
  const text = calling(['count', { word: 'a' }]);
  const { run, session } = await send(client, { sessionKey: 'busy', text });
  const asked = await follow(client, run.id, { isLast: ({ type }) => type === 'APPROVAL_REQUEST' });
  await send(client, { sessionKey: 'busy', text: 'steered', whenBusy: 'STEER' });
  const queued = await send(client, { sessionKey: 'busy', text: '/say queued' });
  const waiting = await messages(client, session.id);
  expect(waiting.map(({ role, runId }) => [role, runId])).toEqual([
    ['USER', run.id],
    ['ASSISTANT', run.id],
    ['USER', run.id],
    ['USER', queued.run.id],
  ]);
  expect(waiting[1]?.toolCalls).toMatchObject([{ tool: 'count', state: 'WAITING' }]);
  await decideNextApproval(client, run.id, 'ALLOW', asked.at(-2)?.cursor);
  await follow(client, queued.run.id);
  const shown = await messages(client, session.id);
  expect(textsOf(shown).slice(2, 3)).toEqual(['USER steered']);
  expect(textsOf(shown).slice(-2)).toEqual(['USER /say queued', 'ASSISTANT queued']);
  expect(shown[1]?.toolCalls).toMatchObject([{ state: 'SUCCEEDED', output: 'counted a' }]);
  expect(shown.map(({ id }) => id)).toEqual(expect.arrayContaining(waiting.map(({ id }) => id)));
});

test('an answer that is stored beside its tape is shown in full', async () => {
  const whole = 'long '.repeat(50_000);
  const catalogue = overridingCatalogue(200_000, (inner) => (request, sink, signal) => {
    sink.text(whole);
    return inner.stream(request, sink, signal);
  });
  const { client } = await startTestGateway({ catalogue });
  const { run } = await converse(client, { sessionKey: 'long', text: '/say end' });
  const { session } = await send(client, { sessionKey: 'long', text: '/say another' });
  const [, answer] = await messages(client, session.id, { first: 2 });
  expect(answer?.text.length).toBe(whole.length + 'end'.length);
  expect(answer?.text).toBe(run.output);
});
