import { describe, expect, test } from 'vitest';
import type { TestClient } from '../../client.ts';
import {
  BranchSessionDocument,
  PurgeSessionDocument,
  ResolveSessionDocument,
  type ResolveSessionInput,
  RetryRunDocument,
  type RunFilter,
  RunsDocument,
  SendMessageDocument,
  SessionByIdDocument,
  type SessionFilter,
  type SessionOrder,
  SessionsDocument,
  UpdateSessionDocument,
} from '../../generated/graphql.ts';
import { converse, follow, runById, send } from '../conversation.ts';
import { startTestGateway, type TestGateway, until } from '../gateway.ts';

async function resolve(client: TestClient, input: ResolveSessionInput) {
  const { resolveSession } = await client.send(ResolveSessionDocument, { input });
  if (resolveSession.__typename !== 'ResolveSessionSuccess') throw new Error(resolveSession.message);
  return resolveSession.session;
}

async function update(client: TestClient, sessionId: string, metadata: unknown, title?: string) {
  const { updateSession } = await client.send(UpdateSessionDocument, { input: { sessionId, metadata, title } });
  return updateSession;
}

async function sessionKeys(client: TestClient, filter: SessionFilter, orderBy?: SessionOrder): Promise<string[]> {
  const { sessions } = await client.send(SessionsDocument, { filter, orderBy });
  return sessions.edges.map(({ node }) => node.key);
}

async function runIds(client: TestClient, filter: RunFilter): Promise<string[]> {
  const { runs } = await client.send(RunsDocument, { filter });
  return runs.edges.map(({ node }) => node.id);
}

const digestsIn = async ({ gateway }: TestGateway) => {
  const { reader } = gateway.parts.database;
  return { ofSessions: await reader.sessionMetadata.count(), ofRuns: await reader.runMetadata.count() };
};

describe('B69: metadata of a session', () => {
  test('is set when the session is created; a session that exists keeps its own', async () => {
    const { client } = await startTestGateway();
    const metadata = { customer: '42', 'a "key"': '😀' };
    expect((await resolve(client, { key: 'a', metadata })).metadata).toEqual(metadata);
    expect((await resolve(client, { key: 'a', metadata: { customer: '43' } })).metadata).toEqual(metadata);
    expect((await resolve(client, { key: 'b' })).metadata).toEqual({});
  });

  test('is merged by an update, and null deletes a key', async () => {
    const { client } = await startTestGateway();
    const { id } = await resolve(client, { key: 'a', metadata: { env: 'test', team: 'red' } });
    const changed = await update(client, id, { env: 'live', team: null, owner: 'me', unknown: null });
    expect(changed).toMatchObject({ session: { metadata: { env: 'live', owner: 'me' } } });
    expect(await update(client, id, {}, 'A title')).toMatchObject({
      session: { title: 'A title', metadata: { env: 'live', owner: 'me' } },
    });
    expect(await sessionKeys(client, { metadata: { env: 'test' } })).toEqual([]);
    expect(await sessionKeys(client, { metadata: { env: 'live' } })).toEqual(['a']);
  });

  test('is refused as a whole if it has too many keys after an update, and nothing is changed', async () => {
    const { client } = await startTestGateway();
    const keys = Object.fromEntries(Array.from({ length: 15 }, (_, index) => [`k${index}`, 'v']));
    const { id } = await resolve(client, { key: 'a', title: 'Before', metadata: keys });
    expect(await update(client, id, { x: '1', y: '2' }, 'After')).toMatchObject({
      __typename: 'InvalidInputError',
      issues: [{ path: ['metadata'], message: expect.stringContaining('has 17 keys, but at most 16 are allowed') }],
    });
    const { session } = await client.send(SessionByIdDocument, { id });
    expect(session).toMatchObject({ title: 'Before', metadata: keys });
    expect(await update(client, id, { x: '1', k0: null, y: '2' })).toMatchObject({
      __typename: 'UpdateSessionSuccess',
    });
  });

  test('keeps every key of concurrent updates', async () => {
    const { client } = await startTestGateway();
    const { id } = await resolve(client, { key: 'a' });
    await Promise.all(Array.from({ length: 12 }, (_, index) => update(client, id, { [`k${index}`]: String(index) })));
    const { session } = await client.send(SessionByIdDocument, { id });
    expect(Object.keys(session?.metadata as object)).toHaveLength(12);
    expect(await sessionKeys(client, { metadata: { k0: '0', k11: '11' } })).toEqual(['a']);
  });

  test('selects sessions by every key that is given, for their owner only, in every order and in a search', async () => {
    const { client, clientOf } = await startTestGateway();
    await resolve(client, { key: 'red', title: 'Invoice one', metadata: { team: 'red', env: 'test' } });
    await resolve(client, { key: 'blue', title: 'Invoice two', metadata: { team: 'blue', env: 'test' } });
    await resolve(client, { key: 'none', title: 'Invoice three' });
    await resolve(clientOf('bob'), { key: 'other', title: 'Invoice four', metadata: { team: 'red', env: 'test' } });
    expect(await sessionKeys(client, { metadata: { env: 'test' } })).toEqual(['blue', 'red']);
    expect(await sessionKeys(client, { metadata: { env: 'test', team: 'red' } })).toEqual(['red']);
    expect(await sessionKeys(client, { metadata: { env: 'test', team: 'green' } })).toEqual([]);
    expect(await sessionKeys(client, { metadata: { test: 'env' } })).toEqual([]);
    expect(await sessionKeys(client, { metadata: {} })).toEqual(['none', 'blue', 'red']);
    expect(await sessionKeys(client, { metadata: { env: 'test' } }, 'LAST_ACTIVITY')).toEqual(['blue', 'red']);
    expect(await sessionKeys(client, { search: 'invoice', metadata: { team: 'blue' } })).toEqual(['blue']);
    expect(await sessionKeys(clientOf('bob'), { metadata: { team: 'red' } })).toEqual(['other']);
  });

  test('is inherited by a branch', async () => {
    const { client } = await startTestGateway();
    const { id: sessionId } = await resolve(client, { key: 'a', metadata: { env: 'test' } });
    const { runId } = await converse(client, { sessionId, text: '/say hi' });
    const { branchSession } = await client.send(BranchSessionDocument, { input: { sessionId, runId, key: 'b' } });
    expect(branchSession).toMatchObject({ session: { metadata: { env: 'test' } } });
    expect(await sessionKeys(client, { metadata: { env: 'test' } })).toEqual(['b', 'a']);
  });
});

describe('B69: metadata of a message', () => {
  test('is on the tape and belongs to the run, also after a restart', async () => {
    const first = await startTestGateway();
    const metadata = { ticket: 'T-1', channel: 'mail' };
    const { runId, events } = await converse(first.client, { sessionKey: 'a', text: '/say hi', metadata });
    expect(events[0]).toMatchObject({ type: 'INPUT', payload: { metadata } });
    expect((await runById(first.client, runId)).metadata).toEqual(metadata);
    const plain = await converse(first.client, { sessionKey: 'a', text: '/say hi' });
    expect(plain.run.metadata).toEqual({});
    expect(plain.events[0]?.payload).not.toHaveProperty('metadata');
    const { client } = await first.restart();
    expect(await runIds(client, { metadata })).toEqual([runId]);
  });

  test('selects runs by every key that is given, for their owner only, together with other conditions', async () => {
    const { client, clientOf } = await startTestGateway();
    const one = await converse(client, { sessionKey: 'a', text: '/say 1', metadata: { ticket: '1', channel: 'mail' } });
    const two = await converse(client, { sessionKey: 'b', text: '/say 2', metadata: { ticket: '2', channel: 'mail' } });
    await converse(client, { sessionKey: 'b', text: '/say 3' });
    await converse(clientOf('bob'), { sessionKey: 'a', text: '/say 4', metadata: { ticket: '1' } });
    expect(await runIds(client, { metadata: { channel: 'mail' } })).toEqual([two.runId, one.runId]);
    expect(await runIds(client, { metadata: { channel: 'mail', ticket: '1' } })).toEqual([one.runId]);
    const { id: sessionId } = (await client.send(SessionsDocument, { filter: { search: '2' } })).sessions.edges[0]
      ?.node ?? { id: '' };
    expect(await runIds(client, { metadata: { channel: 'mail' }, sessionId })).toEqual([two.runId]);
    expect(await runIds(client, { metadata: { channel: 'mail' }, states: ['FAILED'] })).toEqual([]);
  });

  test('of a steered message is on the tape only', async () => {
    const { client } = await startTestGateway();
    const { run } = await send(client, { sessionKey: 'a', text: '/hang', metadata: { first: 'yes' } });
    await until(async () => (await runById(client, run.id)).state === 'IN_PROGRESS');
    const steered = await send(client, { sessionKey: 'a', text: 'x', whenBusy: 'STEER', metadata: { second: 'yes' } });
    expect(steered.run.id).toBe(run.id);
    expect((await runById(client, run.id)).metadata).toEqual({ first: 'yes' });
    const events = await follow(client, run.id, { isLast: ({ seq, type }) => seq > 1 && type === 'INPUT' });
    expect(events.at(-1)).toMatchObject({ payload: { metadata: { second: 'yes' }, steered: true } });
    expect(await runIds(client, { metadata: { second: 'yes' } })).toEqual([]);
  });

  test('is repeated by a retry', async () => {
    const { client } = await startTestGateway();
    const { runId } = await converse(client, { sessionKey: 'a', text: '/fail INTERNAL', metadata: { ticket: '1' } });
    const { retryRun } = await client.send(RetryRunDocument, { input: { runId } });
    expect(retryRun).toMatchObject({ run: { metadata: { ticket: '1' } } });
    expect(await runIds(client, { metadata: { ticket: '1' } })).toHaveLength(2);
  });

  test('B14: makes another input of a message with an idempotency key', async () => {
    const { client } = await startTestGateway();
    const message = { sessionKey: 'a', text: '/say hi', idempotencyKey: 'k', metadata: { ticket: '1' } };
    const { run } = await send(client, message);
    expect(await send(client, message)).toMatchObject({ created: false, run: { id: run.id } });
    const other = { input: { ...message, metadata: { ticket: '2' } } };
    expect((await client.send(SendMessageDocument, other)).sendMessage.__typename).toBe('ConflictError');
    const without = { input: { ...message, metadata: null } };
    expect((await client.send(SendMessageDocument, without)).sendMessage.__typename).toBe('ConflictError');
    await follow(client, run.id);
  });
});

test.each<[string, unknown, string[]]>([
  ['no object', ['x'], ['metadata']],
  ['a number as a value', { count: 3 }, ['metadata', 'count']],
  ['too long a value', { text: 'x'.repeat(513) }, ['metadata', 'text']],
  ['U+0000', { text: 'a\0' }, ['metadata', 'text']],
])('B69: metadata that is %s is refused with its path, and nothing is recorded', async (_what, metadata, path) => {
  const { client, gateway } = await startTestGateway();
  const refused = { __typename: 'InvalidInputError', issues: [{ path }] };
  const sent = await client.send(SendMessageDocument, { input: { sessionKey: 'a', text: 'x', metadata } });
  expect(sent.sendMessage).toMatchObject(refused);
  const resolved = await client.send(ResolveSessionDocument, { input: { key: 'b', metadata } });
  expect(resolved.resolveSession).toMatchObject(refused);
  expect(await gateway.parts.database.reader.session.count()).toBe(0);
  const { id } = await resolve(client, { key: 'c' });
  expect(await update(client, id, metadata)).toMatchObject(refused);
  const invalid = { code: 'BAD_USER_INPUT', message: expect.stringContaining(path.join(': ')) };
  await expect(sessionKeys(client, { metadata })).rejects.toMatchObject(invalid);
  await expect(runIds(client, { metadata })).rejects.toMatchObject(invalid);
});

test('B7: a purge erases metadata', async () => {
  const started = await startTestGateway();
  const { client, gateway } = started;
  const { id: sessionId } = await resolve(client, { key: 'a', metadata: { name: 'zyzzyva' } });
  await converse(client, { sessionId, text: '/say hi', metadata: { name: 'zyzzyva' } });
  const { id: other } = await resolve(client, { key: 'b', metadata: { name: 'zyzzyva' } });
  await converse(client, { sessionId: other, text: '/say hi', metadata: { name: 'zyzzyva' } });
  expect(await digestsIn(started)).toEqual({ ofSessions: 2, ofRuns: 2 });
  await client.send(PurgeSessionDocument, { input: { sessionId, confirmKey: 'a' } });
  expect(await digestsIn(started)).toEqual({ ofSessions: 1, ofRuns: 1 });
  const { reader } = gateway.parts.database;
  expect(await reader.session.count({ where: { metadata: { contains: 'zyzzyva' } } })).toBe(1);
  expect(await reader.run.count({ where: { metadata: { contains: 'zyzzyva' } } })).toBe(1);
});
