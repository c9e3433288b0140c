import { expect, test } from 'vitest';
import type { TestClient } from '../../client.ts';
import {
  ArchiveSessionDocument,
  FollowSessionBatchesDocument,
  ResolveSessionDocument,
  SessionCursorDocument,
} from '../../generated/graphql.ts';
import { converse, decideNextApproval, follow, send, transitionsOf } from '../conversation.ts';
import { calling, countedTool } from '../counted-tool.ts';
import { startTestGateway } from '../gateway.ts';

async function cursors(client: TestClient, id: string) {
  const { session } = await client.send(SessionCursorDocument, { id });
  return { session: session?.cursor ?? null, lastRun: session?.lastRun?.cursor ?? null };
}

/** The ids of the events of a session from a cursor on, up to the batch for which `isLast` is true. */
async function eventsAfter(
  client: TestClient,
  sessionId: string,
  {
    after,
    isLast,
  }: { after: string | null; isLast(batch: { caughtUp: boolean; closed: boolean; events: { id: string }[] }): boolean },
) {
  const ids: string[] = [];
  for await (const { sessionEventBatches: batch } of client.follow(FollowSessionBatchesDocument, {
    sessionId,
    after,
  })) {
    ids.push(...batch.events.map(({ id }) => id));
    if (isLast(batch)) return { ids, cursor: batch.cursor };
  }
  throw new Error('The subscription ended before its last batch.');
}

test('a session is followed in batches from its cursor, without a gap or a duplicate', async () => {
  const { client } = await startTestGateway({ tools: [countedTool({ risk: 'HIGH' })] });
  const first = await converse(client, { sessionKey: 'batches', text: '/say one' });
  const { run, session } = await send(client, { sessionKey: 'batches', text: calling(['count', { word: 'a' }]) });
  const { approvalId } = await decideNextApproval(client, run.id, 'ALLOW');
  expect(approvalId).toMatch(/^apr_/);
  const queued = await converse(client, { sessionKey: 'batches', text: '/say three' });
  const { ids, cursor } = await eventsAfter(client, session.id, { after: null, isLast: ({ caughtUp }) => caughtUp });
  expect(cursor).toBe((await cursors(client, session.id)).session);
  expect(cursor).toBe((await cursors(client, session.id)).lastRun);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.slice(0, first.events.length)).toEqual(first.events.map(({ id }) => id));
  expect(ids.slice(-queued.events.length)).toEqual(queued.events.map(({ id }) => id));
  const caughtUp = eventsAfter(client, session.id, { after: cursor, isLast: (batch) => batch.caughtUp });
  expect(await caughtUp).toEqual({ ids: [], cursor });
  const closing = eventsAfter(client, session.id, { after: cursor, isLast: ({ closed }) => closed });
  const last = await converse(client, { sessionKey: 'batches', text: '/say four' });
  await client.send(ArchiveSessionDocument, { input: { sessionId: session.id } });
  expect((await closing).ids).toEqual(last.events.map(({ id }) => id));
});

test('the cursor of a session is in its first run that has not ended, because later runs come after it', async () => {
  const { client } = await startTestGateway({ tools: [countedTool({ risk: 'HIGH' })] });
  const { resolveSession } = await client.send(ResolveSessionDocument, { input: { key: 'waiting' } });
  const sessionId = resolveSession.__typename === 'ResolveSessionSuccess' ? resolveSession.session.id : '';
  expect(await cursors(client, sessionId)).toEqual({ session: null, lastRun: null });
  const { run } = await send(client, { sessionId, text: calling(['count', { word: 'a' }]) });
  await follow(client, run.id, {
    isLast: (event) => transitionsOf([event])[0]?.endsWith('AWAITING_APPROVAL') ?? false,
  });
  const queued = await send(client, { sessionId, text: '/say queued' });
  const { session: cursor, lastRun } = await cursors(client, sessionId);
  expect(cursor).not.toBe(lastRun);
  const { ids } = await eventsAfter(client, sessionId, { after: cursor, isLast: ({ caughtUp }) => caughtUp });
  expect(ids).toEqual([]);
  const isEnd = ({ events }: { events: { id: string }[] }) => events.some(({ id }) => id === `${queued.run.id}:5`);
  const rest = eventsAfter(client, sessionId, { after: cursor, isLast: isEnd });
  await decideNextApproval(client, run.id, 'ALLOW');
  const events = (await rest).ids;
  expect(events[0]?.startsWith(run.id)).toBe(true);
  expect(events).toContain(`${queued.run.id}:1`);
  expect(new Set(events).size).toBe(events.length);
});

test('a batch of a session has as many events as are allowed, of the requested types', async () => {
  const { client } = await startTestGateway();
  const { runId, events } = await converse(client, { sessionKey: 'sizes', text: '/say one' });
  const { session } = await send(client, { sessionKey: 'sizes', text: '/say two' });
  const batches: string[][] = [];
  const variables = { sessionId: session.id, maxBatch: 2 };
  for await (const { sessionEventBatches: batch } of client.follow(FollowSessionBatchesDocument, variables)) {
    batches.push(batch.events.map(({ id }) => id));
    if (batches.flat().includes(`${runId}:${events.length}`)) break;
  }
  expect(batches.every((batch) => batch.length <= 2)).toBe(true);
  expect(batches.flat().slice(0, events.length)).toEqual(events.map(({ id }) => id));
  const follow = (more: object) =>
    client.follow(FollowSessionBatchesDocument, { sessionId: session.id, ...more }).next();
  await expect(follow({ maxBatch: 0 })).rejects.toThrow('`maxBatch` is 0. Use a number from 1 to 1000.');
  await expect(follow({ types: [] })).rejects.toThrow('`types` is empty');
  await expect(follow({ after: 'nonsense' })).rejects.toThrow('"nonsense" is malformed');
});
