import { expect, test } from 'vitest';
import type { TestClient } from '../../client.ts';
import {
  ActivityPageDocument,
  ArchiveSessionDocument,
  PurgeSessionDocument,
  ResolveSessionDocument,
  SessionByKeyDocument,
  UnarchiveSessionDocument,
  UpdateSessionDocument,
} from '../../generated/graphql.ts';
import { converse } from '../conversation.ts';
import { startTestGateway } from '../gateway.ts';

async function archived(client: TestClient, key: string): Promise<string> {
  const { resolveSession } = await client.send(ResolveSessionDocument, { input: { key } });
  if (resolveSession.__typename !== 'ResolveSessionSuccess') throw new Error(resolveSession.message);
  const sessionId = resolveSession.session.id;
  await client.send(ArchiveSessionDocument, { input: { sessionId } });
  return sessionId;
}

const unarchive = async (client: TestClient, sessionId: string) =>
  (await client.send(UnarchiveSessionDocument, { input: { sessionId } })).unarchiveSession;

test('an archived session comes back under its key, takes messages again, and repeating that succeeds', async () => {
  const { client } = await startTestGateway();
  const sessionId = await archived(client, 'a');
  for (const _ of [1, 2]) {
    expect(await unarchive(client, sessionId)).toMatchObject({ session: { id: sessionId, archivedAt: null } });
  }
  expect((await client.send(SessionByKeyDocument, { key: 'a' })).session?.id).toBe(sessionId);
  const { run } = await converse(client, { sessionId, text: '/say hi' });
  expect(run.state).toBe('DONE');
});

test('B64: the feed of changes has an item when a session comes back, and one when its metadata changes', async () => {
  const { client } = await startTestGateway();
  const sessionId = await archived(client, 'a');
  const kinds = async () =>
    (await client.send(ActivityPageDocument, { first: 10 })).activity.edges.map(({ node }) => node.kind);
  expect(await kinds()).toEqual(['SESSION_CREATED', 'SESSION_ARCHIVED']);
  await unarchive(client, sessionId);
  expect(await kinds()).toEqual(['SESSION_CREATED', 'SESSION_ARCHIVED', 'SESSION_UPDATED']);
  await client.send(UpdateSessionDocument, { input: { sessionId, metadata: { team: 'a' } } });
  expect(await kinds()).toEqual(['SESSION_CREATED', 'SESSION_ARCHIVED', 'SESSION_UPDATED', 'SESSION_UPDATED']);
});

test('a session whose key is taken stays archived', async () => {
  const { client } = await startTestGateway();
  const sessionId = await archived(client, 'a');
  await client.send(ResolveSessionDocument, { input: { key: 'a' } });
  expect(await unarchive(client, sessionId)).toMatchObject({
    __typename: 'ConflictError',
    message: expect.stringContaining('key "a"'),
  });
  const purged = await client.send(PurgeSessionDocument, { input: { sessionId, confirmKey: 'a' } });
  expect(purged.purgeSession.__typename).toBe('PurgeSessionSuccess');
  expect(await unarchive(client, sessionId)).toMatchObject({ __typename: 'NotFoundError', id: sessionId });
});

test('of two archived sessions with one key, one comes back', async () => {
  const { client } = await startTestGateway();
  const ids = [await archived(client, 'a'), await archived(client, 'a')];
  const outcomes = await Promise.all(ids.map((id) => unarchive(client, id)));
  expect(outcomes.map(({ __typename }) => __typename).sort()).toEqual(['ConflictError', 'UnarchiveSessionSuccess']);
});
