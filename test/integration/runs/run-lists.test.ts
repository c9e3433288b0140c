import { expect, test } from 'vitest';
import type { TestClient } from '../../client.ts';
import {
  CancelSessionRunsDocument,
  CreateAgentDocument,
  type RunFilter,
  RunsDocument,
  type SessionFilter,
  type SessionOrder,
  SessionsDocument,
} from '../../generated/graphql.ts';
import { converse, runById, send } from '../conversation.ts';
import { startTestGateway, until } from '../gateway.ts';

async function runIds(client: TestClient, filter: RunFilter): Promise<string[]> {
  return (await client.send(RunsDocument, { filter })).runs.edges.map(({ node }) => node.id);
}

async function sessionKeys(client: TestClient, filter: SessionFilter, orderBy?: SessionOrder): Promise<string[]> {
  return (await client.send(SessionsDocument, { filter, orderBy })).sessions.edges.map(({ node }) => node.key);
}

const scripted = { provider: 'scripted', paceMilliseconds: 0 };

test('runs are selected by agent, model and error code, for their owner only', async () => {
  const { client, clientOf } = await startTestGateway({ file: { models: { scripted, other: scripted } } });
  const { createAgent } = await client.send(CreateAgentDocument, { input: { name: 'poet', instructions: 'Rhyme.' } });
  if (createAgent.__typename !== 'CreateAgentSuccess') throw new Error(createAgent.__typename);
  const agentId = createAgent.agent.id;
  const { runId: byAgent } = await converse(client, { sessionKey: 'a', text: '/say hi', agentId });
  const { runId: byModel } = await converse(client, { sessionKey: 'a', text: '/say hi', model: 'other' });
  const { runId: failed } = await converse(client, { sessionKey: 'b', text: '/fail MODEL_AUTH', model: 'other' });
  expect(await runIds(client, { agentId })).toEqual([byAgent]);
  expect(await runIds(clientOf('bob'), { agentId })).toEqual([]);
  expect(await runIds(client, { model: 'other' })).toEqual([failed, byModel]);
  expect(await runIds(client, { model: 'unknown\0' })).toEqual([]);
  expect(await runIds(client, { errorCodes: ['MODEL_AUTH', 'INTERNAL'] })).toEqual([failed]);
  expect(await runIds(client, { errorCodes: ['INTERNAL'] })).toEqual([]);
  expect(await runIds(client, { errorCodes: [] })).toEqual([]);
  expect(await runIds(client, { model: 'other', states: ['DONE', 'FAILED'], errorCodes: null })).toHaveLength(2);
  const { createdAt } = await runById(client, failed);
  expect(await runIds(client, { createdBefore: createdAt, model: 'other' })).toEqual([byModel]);
  expect(await runIds(client, { createdAfter: createdAt })).toEqual([]);
});

test('sessions are selected by the state of their newest run, in every order and in a search', async () => {
  const { client, clientOf } = await startTestGateway();
  await converse(client, { sessionKey: 'done', text: '/say hello' });
  await converse(client, { sessionKey: 'failed', text: '/say hello' });
  await converse(client, { sessionKey: 'failed', text: '/fail INTERNAL' });
  const { session, run } = await send(client, { sessionKey: 'active', text: '/hang hello' });
  await until(async () => (await runById(client, run.id)).state === 'IN_PROGRESS');
  await converse(clientOf('bob'), { sessionKey: 'other', text: '/say hello' });
  expect(await sessionKeys(client, { states: ['DONE'] })).toEqual(['done']);
  expect(await sessionKeys(client, { states: ['FAILED', 'IN_PROGRESS', 'FAILED'] })).toEqual(['active', 'failed']);
  expect(await sessionKeys(client, { states: ['FAILED', 'DONE'] }, 'LAST_ACTIVITY')).toEqual(['failed', 'done']);
  expect(await sessionKeys(client, { states: ['FAILED'], search: 'hello' })).toEqual(['failed']);
  expect(await sessionKeys(client, { states: [] })).toEqual([]);
  expect(await sessionKeys(client, { states: null })).toHaveLength(3);
  const queued = await send(client, { sessionId: session.id, text: '/say later' });
  expect(await sessionKeys(client, { states: ['PENDING'] })).toEqual(['active']);
  expect(await sessionKeys(client, { states: ['IN_PROGRESS'] })).toEqual([]);
  await client.send(CancelSessionRunsDocument, { input: { sessionId: session.id } });
  expect((await runById(client, queued.run.id)).state).toBe('CANCELLED');
  expect(await sessionKeys(client, { states: ['CANCELLED'] })).toEqual(['active']);
});

test('a queued run has the number of runs that come first, any other run has none', async () => {
  const { client } = await startTestGateway();
  const position = async (id: string) => (await runById(client, id)).queuePosition;
  const active = await send(client, { sessionKey: 'a', text: '/hang' });
  const sessionId = active.session.id;
  await until(async () => (await runById(client, active.run.id)).state === 'IN_PROGRESS');
  const one = await send(client, { sessionId, text: '/hang' });
  const two = await send(client, { sessionId, text: '/hang' });
  expect([await position(active.run.id), await position(one.run.id), await position(two.run.id)]).toEqual([null, 1, 2]);
  await client.send(CancelSessionRunsDocument, { input: { sessionId } });
  expect([await position(one.run.id), await position(two.run.id)]).toEqual([null, null]);
});
