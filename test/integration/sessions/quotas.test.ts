import { expect, test } from 'vitest';
import { miscountedSessions } from '../../../src/projections/stored-bytes.ts';
import { rebuildProjections } from '../../../src/run-store/rebuild.ts';
import type { TestClient } from '../../client.ts';
import {
  BranchSessionDocument,
  GatewayDocument,
  PurgeSessionDocument,
  QuotaDocument,
  RememberDocument,
  ResolveSessionDocument,
  RetryRunDocument,
  SendMessageDocument,
} from '../../generated/graphql.ts';
import { post, upload } from '../attachments/uploads.ts';
import { converse, decideNextApproval, follow, runById, send } from '../conversation.ts';
import { calling, countedTool } from '../counted-tool.ts';
import { startTestGateway, until } from '../gateway.ts';

const quota = async (client: TestClient) => (await client.send(QuotaDocument, {})).viewer.quota;
const sending = async (client: TestClient, sessionKey: string, more: object = {}) =>
  (await client.send(SendMessageDocument, { input: { sessionKey, text: '/say hi', ...more } })).sendMessage;
const purge = async (client: TestClient, sessionId: string, confirmKey: string) =>
  (await client.send(PurgeSessionDocument, { input: { sessionId, confirmKey } })).purgeSession.__typename;

test('B109: a principal sees what it has stored, and nothing of others', async () => {
  const gateway = await startTestGateway({ tools: [countedTool({ risk: 'HIGH' })] });
  const {
    client,
    clientOf,
    gateway: { parts },
  } = gateway;
  const nothing = {
    storedBytes: 0,
    maxStoredBytes: null,
    sessions: 0,
    maxSessions: null,
    memories: 0,
    maxMemories: 10_000,
  };
  expect(await quota(client)).toEqual(nothing);
  const { events, run } = await converse(client, { sessionKey: 'a', text: `/say ${'wörter '.repeat(1000)}` });
  const rows = await parts.database.reader.event.findMany({ where: { runId: run.id } });
  const bytes = rows.reduce((sum, { payload }) => sum + Buffer.byteLength(payload), 0);
  expect(rows).toHaveLength(events.length);
  expect(await quota(client)).toEqual({ ...nothing, storedBytes: bytes, sessions: 1 });
  await upload(gateway, 'a note');
  await upload(gateway, 'a note', { name: 'the same' });
  await client.send(RememberDocument, { input: { text: 'The sea is blue.' } });
  expect(await quota(client)).toEqual({ ...nothing, storedBytes: bytes + 6, sessions: 1, memories: 1 });
  expect(await quota(clientOf('eve'))).toEqual(nothing);
  // A run that waits is counted when it ends.
  const { run: waiting } = await send(client, { sessionKey: 'a', text: calling(['count', { word: 'x' }]) });
  await follow(client, waiting.id, { isLast: ({ type }) => type === 'APPROVAL_REQUEST' });
  expect((await quota(client)).storedBytes).toBe(bytes + 6);
  await decideNextApproval(client, waiting.id, 'ALLOW');
  await follow(client, waiting.id);
  expect((await quota(client)).storedBytes).toBeGreaterThan(bytes + 200);
  expect(await miscountedSessions(parts.database)).toEqual([]);
  expect(await purge(client, run.session.id, 'a')).toBe('PurgeSessionSuccess');
  expect(await quota(client)).toEqual({ ...nothing, storedBytes: 6, memories: 1 });
});

test('B30: a count that the tapes contradict is found, and a rebuild restores it', async () => {
  const { client, gateway } = await startTestGateway();
  const { run } = await converse(client, { sessionKey: 'a', text: '/say hi' });
  const { database, journal } = gateway.parts;
  const { storedBytes } = await quota(client);
  const id = run.session.id;
  await database.write((writer) => writer.session.update({ where: { id }, data: { storedBytes: 7 } }));
  expect(await miscountedSessions(database)).toEqual([{ sessionId: id, counted: 7, stored: storedBytes }]);
  await rebuildProjections(database, journal);
  expect((await quota(client)).storedBytes).toBe(storedBytes);
});

test('B109: at the limit of bytes, messages and uploads are refused with what is used and allowed, and runs in progress end', async () => {
  const maxStoredBytes = 8000;
  const gateway = await startTestGateway({
    tools: [countedTool({ risk: 'HIGH' })],
    file: { quotas: { principals: { ada: { maxStoredBytes } } } },
  });
  const { client, clientOf } = gateway;
  const { run: waiting } = await send(client, { sessionKey: 'w', text: calling(['count', { word: 'x' }]) });
  await follow(client, waiting.id, { isLast: ({ type }) => type === 'APPROVAL_REQUEST' });
  const input = { sessionKey: 'a', text: `/say ${'words '.repeat(500)}`, idempotencyKey: 'k' };
  const { runId, run } = await converse(client, input);
  const { storedBytes: used } = await quota(client);
  expect(used).toBeGreaterThan(maxStoredBytes);
  const refused = {
    __typename: 'LimitExceededError',
    limit: 'storedBytesPerOwner',
    used,
    allowed: maxStoredBytes,
    message: `${used} of at most 8000 bytes are stored. Purge sessions that are no longer needed.`,
  };
  expect(await sending(client, 'a')).toMatchObject(refused);
  expect(await sending(client, 'new')).toMatchObject(refused);
  expect(await sending(client, 'w', { whenBusy: 'STEER' })).toMatchObject(refused);
  expect((await client.send(RetryRunDocument, { input: { runId } })).retryRun).toMatchObject(refused);
  const response = await post(gateway, 'a note');
  expect(response.status).toBe(400);
  expect(await response.text()).toContain(`${used} of at most 8000 bytes are stored.`);
  // What was acknowledged before is repeated.
  expect((await client.send(SendMessageDocument, { input })).sendMessage).toMatchObject({
    run: { id: runId },
    created: false,
  });
  await decideNextApproval(client, waiting.id, 'ALLOW');
  await follow(client, waiting.id);
  expect((await runById(client, waiting.id)).state).toBe('DONE');
  expect((await sending(clientOf('eve'), 'a')).__typename).toBe('SendMessageSuccess');
  expect(await purge(client, run.session.id, 'a')).toBe('PurgeSessionSuccess');
  expect((await sending(client, 'a')).__typename).toBe('SendMessageSuccess');
});

test('B109: an upload that does not fit any more is refused, and files that are sent together do not exceed the quota', async () => {
  const gateway = await startTestGateway({ file: { quotas: { maxStoredBytes: 100 } } });
  const files = Array.from({ length: 12 }, (_, index) => `${index}`.padStart(20, 'x'));
  const statuses = await Promise.all(files.map(async (file) => (await post(gateway, file)).status));
  expect(statuses.filter((status) => status === 201)).toHaveLength(5);
  expect(await quota(gateway.client)).toMatchObject({ storedBytes: 100, maxStoredBytes: 100 });
  const response = await post(await startTestGateway({ file: { quotas: { maxStoredBytes: 10 } } }), 'eleven char');
  expect(await response.text()).toContain('0 of at most 10 bytes are stored. 11 more do not fit.');
});

test('B109: sessions that are created together do not exceed the quota, and purging one makes room', async () => {
  const { client } = await startTestGateway({ file: { quotas: { maxSessions: 3 } } });
  const sent = await sending(client, 'first');
  if (sent.__typename !== 'SendMessageSuccess') throw new Error('No message was sent.');
  const keys = Array.from({ length: 20 }, (_, index) => `k${index}`);
  const outcomes = await Promise.all(
    keys.map(async (key, index) =>
      index % 2 === 0
        ? sending(client, key)
        : (await client.send(ResolveSessionDocument, { input: { key } })).resolveSession,
    ),
  );
  const refused = outcomes.filter(({ __typename }) => __typename === 'LimitExceededError');
  expect(refused).toHaveLength(18);
  expect(refused[0]).toMatchObject({
    limit: 'sessionsPerOwner',
    used: 3,
    allowed: 3,
    message: '3 of at most 3 sessions are stored, archived ones included. Purge sessions that are no longer needed.',
  });
  expect(await quota(client)).toMatchObject({ sessions: 3, maxSessions: 3 });
  await follow(client, sent.run.id);
  const { session } = await runById(client, sent.run.id);
  const sessionId = session.id;
  const branch = { sessionId, runId: sent.run.id };
  expect((await client.send(BranchSessionDocument, { input: branch })).branchSession).toMatchObject({
    __typename: 'LimitExceededError',
    used: 3,
  });
  // A session that exists is found.
  expect((await sending(client, session.key)).__typename).toBe('SendMessageSuccess');
  await until(async () => (await purge(client, sessionId, session.key)) === 'PurgeSessionSuccess');
  expect((await sending(client, 'again')).__typename).toBe('SendMessageSuccess');
});

test('B109: a principal has its own quota of memories, which the limits of the gateway show', async () => {
  const file = { quotas: { maxMemories: 1, principals: { eve: { maxMemories: 2, maxSessions: 9 } } } };
  const { client, clientOf } = await startTestGateway({ file });
  const remember = async (by: TestClient, text: string) =>
    (await by.send(RememberDocument, { input: { text } })).remember;
  const eve = clientOf('eve');
  const texts = ['The sea is blue.', 'Bread needs flour.', 'Trains leave on time.'];
  for (const text of texts) await remember(eve, text);
  expect(await quota(eve)).toMatchObject({ memories: 2, maxMemories: 2, maxSessions: 9 });
  expect((await remember(client, 'The sea is blue.')).__typename).toBe('RememberSuccess');
  expect((await remember(client, 'The sea is blue.')).__typename).toBe('RememberSuccess');
  expect(await remember(client, 'Bread needs flour.')).toMatchObject({
    limit: 'memoriesPerOwner',
    used: 1,
    allowed: 1,
    message: '1 of at most 1 memories are stored. Forget some first.',
  });
  const limitsOf = async (by: TestClient) =>
    Object.fromEntries((await by.send(GatewayDocument, {})).gateway.limits.map(({ name, value }) => [name, value]));
  expect(await limitsOf(client)).toMatchObject({ memoriesPerOwner: 1 });
  expect(await limitsOf(eve)).toMatchObject({ memoriesPerOwner: 2, sessionsPerOwner: 9 });
});
