import { expect, onTestFinished, test } from 'vitest';
import type { RuntapeClient } from '../../../client/src/client.ts';
import type { LiveList } from '../../../client/src/list/live-list.ts';
import type { MessageItem } from '../../../client/src/run/run-fold.ts';
import { ArchiveSessionDocument, PurgeSessionDocument } from '../../generated/graphql.ts';
import { createRandom } from '../../simulation/random.ts';
import { startTroubledNetwork } from '../../troubled-network.ts';
import { converse, send } from '../conversation.ts';
import { countedTool } from '../counted-tool.ts';
import { startTestGateway, until } from '../gateway.ts';
import { openClient } from './clients.ts';

const timing = { backOff: () => 5, refresh: 10 };
const askTool = () => countedTool({ name: 'ask', risk: 'HIGH' });

/** Follows a list until the end of the test. */
function follow<T>(list: LiveList<T>): LiveList<T> {
  onTestFinished(list.subscribe(() => {}));
  return list;
}

const shown = (messages: readonly MessageItem[]) => messages.map(({ role, text }) => `${role}: ${text}`);

test('the messages of a session stream, and include those that others send', async () => {
  const { url, client } = await startTestGateway();
  await converse(client, { sessionKey: 'first', text: '/say one' });
  const session = openClient(url, { timing }).session('first');
  const messages = follow(session.messages);
  await until(() => messages.get().length === 2);
  expect(messages.sync.get()).toEqual({ state: 'live' });

  const run = await session.send('/pace 20\n/words 20');
  await until(() => /word-3/.test(messages.get().at(-1)?.text ?? ''));
  expect(messages.get().at(-1)).toMatchObject({ role: 'ASSISTANT', complete: false, runId: run.id });
  await run.done();
  await send(client, { sessionKey: 'first', text: '/say three' });
  await until(() => messages.get().at(-1)?.text === 'three' && messages.get().at(-1)?.complete);
  expect(shown(messages.get())).toEqual([
    'USER: /say one',
    'ASSISTANT: one',
    'USER: /pace 20\n/words 20',
    expect.stringMatching(/^ASSISTANT: word-1 .* word-20$/),
    'USER: /say three',
    'ASSISTANT: three',
  ]);
  const ids = messages.get().map(({ cursor }) => cursor);
  expect(new Set(ids).size).toBe(6);
  await until(() => messages.sync.get().state === 'live');
});

test('a session that does not exist yet has no messages, and shows its first one', async () => {
  const { url, client } = await startTestGateway();
  const session = openClient(url, { timing }).session('new');
  const messages = follow(session.messages);
  await until(() => messages.sync.get().state === 'live');
  expect([session.id.get(), messages.get()]).toEqual([null, []]);
  const { session: created } = await send(client, { sessionKey: 'new', text: '/say first' });
  await until(() => shown(messages.get()).includes('ASSISTANT: first'));
  expect(session.id.get()).toBe(created.id);
});

test('the messages of a session that is purged, or loses its key to another one, are not shown any more', async () => {
  const { url, client } = await startTestGateway();
  await converse(client, { sessionKey: 'chat', text: '/say one' });
  const session = openClient(url, { timing }).session('chat');
  const messages = follow(session.messages);
  await until(() => messages.get().length === 2);
  const first = session.id.get() ?? '';
  await (await session.send('/say two')).done();
  await until(() => messages.get().length === 4);

  await client.send(ArchiveSessionDocument, { input: { sessionId: first } });
  const { session: second } = await send(client, { sessionKey: 'chat', text: '/say three' });
  await until(() => shown(messages.get()).join() === 'USER: /say three,ASSISTANT: three');
  expect(session.id.get()).toBe(second.id);
  await until(() => messages.sync.get().state === 'live');

  await client.send(PurgeSessionDocument, { input: { sessionId: first, confirmKey: 'chat' } });
  await client.send(PurgeSessionDocument, { input: { sessionId: second.id, confirmKey: 'chat' } });
  await until(() => messages.get().length === 0);
  await (await session.send('/say four')).done();
  await until(() => shown(messages.get()).join() === 'USER: /say four,ASSISTANT: four');
});

test('older messages are loaded page by page, and settled messages keep their identity', async () => {
  const { url, client } = await startTestGateway();
  for (let count = 1; count <= 30; count += 1) await converse(client, { sessionKey: 'long', text: `/say ${count}` });
  const session = openClient(url, { timing }).session('long');
  const messages = follow(session.messages);
  await until(() => messages.get().length === 50);
  expect(messages.hasMore.get()).toBe(true);
  const before = messages.get();
  await Promise.all([messages.loadMore(), messages.loadMore()]);
  expect(messages.get().slice(10)).toEqual(before);
  expect(
    messages
      .get()
      .slice(10)
      .every((message, index) => message === before[index]),
  ).toBe(true);
  expect(messages.get()[0]?.text).toBe('/say 1');
  expect(messages.hasMore.get()).toBe(false);
  await messages.loadMore();
  expect(messages.get()).toHaveLength(60);
});

test('a budget that asks is raised by the client, and a decision that lost has the wait as it is', async () => {
  const budgets = [{ appliesTo: 'run', tokens: 10, onLimit: 'ask' }];
  const { url } = await startTestGateway({ file: { budgets } });
  const [tape, other] = [openClient(url, { timing }), openClient(url, { timing })];
  const [inbox, others] = [follow(tape.waits({ kinds: ['BUDGET'] })), follow(other.waits())];
  const run = await tape.session('first').send('/say Done.');
  const stop = run.state.subscribe(() => {});
  await until(() => inbox.get().length === 1 && others.get().length === 1);
  const [[wait], [same]] = [inbox.get(), others.get()];
  if (!wait || !same) throw new Error('There is no wait.');
  const shown = { __typename: 'BudgetRequest', budget: 'TOKENS', appliesTo: 'RUN', spent: 0, allowance: 10 };
  expect(wait.data.get()).toMatchObject({ ...shown, state: 'OPEN', granted: null });
  await until(() => run.state.get().waits.includes(wait.id));
  await expect(wait.allow({ increase: -1 })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  await wait.allow({ increase: 30_000 });
  await expect(same.deny('no')).rejects.toMatchObject({ code: 'SETTLED', wait: { id: wait.id, granted: 30_000 } });
  expect((await run.done()).output).toBe('Done.');
  await until(() => run.state.get().waits.length + inbox.get().length === 0);
  stop();
});

test('waits appear, are decided, and disappear', async () => {
  const { url } = await startTestGateway({ tools: [askTool()] });
  const tape = openClient(url, { timing });
  const [inbox, other] = [follow(tape.waits()), follow(openClient(url, { timing }).waits())];
  const session = tape.session('first');
  const own = follow(session.waits);
  const run = await session.send('/call ask {"word":"a"}\n/then\n/echo');
  await until(() => inbox.get().length === 1 && other.get().length === 1 && own.get().length === 1);
  const [[wait], [same]] = [inbox.get(), other.get()];
  if (!wait || !same) throw new Error('There is no wait.');
  expect(wait.data.get()).toMatchObject({ __typename: 'Approval', tool: 'ask', input: { word: 'a' }, state: 'OPEN' });
  await wait.allow({ editedInput: { word: 'b' } });
  await expect(same.deny('no')).rejects.toMatchObject({ code: 'SETTLED', wait: { id: wait.id, state: 'SETTLED' } });
  await run.done();
  await until(() => inbox.get().length + other.get().length + own.get().length === 0);
  expect(wait.data.get()).toMatchObject({ state: 'SETTLED', outcome: 'ALLOWED', editedInput: { word: 'b' } });
  await expect(wait.answer('x')).rejects.toThrow(/of the kind APPROVAL/);

  await session.send('/call ask {"word":"c"}');
  await until(() => inbox.get().length === 1);
  await inbox.get()[0]?.deny('not today');
  await until(() => inbox.get().length === 0);
});

test('lists are the same as a fresh query after outages', async () => {
  const { url, client } = await startTestGateway({ tools: [askTool()] });
  const network = await startTroubledNetwork(url, createRandom(1).next);
  onTestFinished(() => network[Symbol.asyncDispose]());
  const tape = openClient(network.url, { timing });
  const [sessions, waits] = [follow(tape.sessions({ pageSize: 5 })), follow(tape.waits())];
  await until(() => sessions.sync.get().state === 'live');
  for (let count = 1; count <= 12; count += 1) {
    if (count % 3 === 0) network.cutAll();
    const text = count % 4 === 0 ? '/call ask {"word":"a"}' : '/say hello';
    await send(client, { sessionKey: `session ${count}`, text });
  }
  const allow = network.refuse();
  await send(client, { sessionKey: 'session 13', text: '/call ask {"word":"a"}' });
  await until(() => sessions.sync.get().state === 'offline');
  allow();
  const fresh = async () => {
    const query =
      '{ sessions(first: 5) { nodes { key lastRun { state } } } waits(first: 50, filter: { states: [OPEN] }) { nodes { id } } }';
    const { body } = await client.post({ query });
    return body.data as { sessions: { nodes: { key: string }[] }; waits: { nodes: { id: string }[] } };
  };
  await until(async () => {
    const expected = await fresh();
    const shownSessions = sessions
      .get()
      .map(({ key, lastRun }) => ({ key, lastRun: lastRun && { state: lastRun.state } }));
    return (
      JSON.stringify(shownSessions) === JSON.stringify(expected.sessions.nodes) &&
      JSON.stringify(waits.get().map(({ id }) => ({ id }))) === JSON.stringify(expected.waits.nodes) &&
      waits.get().length === 4
    );
  });
  await sessions.loadMore();
  expect(sessions.get()).toHaveLength(10);
});

async function kindsOf(
  tape: RuntapeClient,
  signal: AbortSignal,
  after: string | undefined,
  found: string[],
): Promise<void> {
  for await (const { kind } of tape.activity({ after, signal })) found.push(kind);
}

test('activity yields each change once across cuts, until its signal aborts', async () => {
  const { url, client } = await startTestGateway();
  const network = await startTroubledNetwork(url, createRandom(1).next);
  onTestFinished(() => network[Symbol.asyncDispose]());
  const tape = openClient(network.url, { timing });
  await converse(client, { sessionKey: 'zero', text: 'Hello' });
  const { body } = await client.post({ query: '{ activity(last: 1) { nodes { cursor } } }' });
  const after = (body.data as { activity: { nodes: { cursor: string }[] } }).activity.nodes[0]?.cursor;
  const leaving = new AbortController();
  const kinds: string[] = [];
  const ended = kindsOf(tape, leaving.signal, after, kinds);
  for (let count = 1; count <= 5; count += 1) {
    await converse(client, { sessionKey: `session ${count}`, text: 'Hello' });
    await until(() => kinds.length > 0);
    network.cutAll();
  }
  await until(() => kinds.filter((kind) => kind === 'RUN_STATE_CHANGED').length >= 10);
  const count = (kind: string) => kinds.filter((each) => each === kind).length;
  expect([count('SESSION_CREATED'), count('RUN_CREATED'), count('RUN_STATE_CHANGED')]).toEqual([5, 5, 10]);
  leaving.abort(new Error('left'));
  await expect(ended).rejects.toThrow('left');
});

test('a branch, and stopping a session', async () => {
  const { url } = await startTestGateway();
  const tape = openClient(url, { timing });
  const session = tape.session('trunk');
  await expect(session.stop()).rejects.toMatchObject({ code: 'NOT_FOUND' });
  const first = await session.send('/say one');
  await first.done();
  const branch = await session.branch({ runId: first.id }, { key: 'branch' });
  await (await branch.send('/say two')).done();
  const messages = follow(branch.messages);
  await until(() => messages.get().length === 4);
  expect(shown(messages.get())).toEqual(['USER: /say one', 'ASSISTANT: one', 'USER: /say two', 'ASSISTANT: two']);
  const hanging = await session.send('/hang');
  await until(() => hanging.state.get().state !== 'DONE');
  await session.stop({ reason: 'enough' });
  await expect(hanging.done()).rejects.toMatchObject({ code: 'CANCELLED' });
});
