import { expect, test } from 'vitest';
import type { TestClient } from '../../client.ts';
import { CancelSessionRunsDocument, RunsDocument } from '../../generated/graphql.ts';
import { converse, follow, runById, send, typesOf } from '../conversation.ts';
import { calling, countedTool } from '../counted-tool.ts';
import { startTestGateway, until } from '../gateway.ts';

async function cancelAll(client: TestClient, sessionId: string, reason?: string) {
  const { cancelSessionRuns } = await client.send(CancelSessionRunsDocument, { input: { sessionId, reason } });
  if (cancelSessionRuns.__typename !== 'CancelSessionRunsSuccess') throw new Error(cancelSessionRuns.message);
  return cancelSessionRuns.cancelledRuns;
}

const statesOf = async (client: TestClient, sessionId: string) =>
  (await client.send(RunsDocument, { filter: { sessionId }, first: 100 })).runs.edges.map(({ node }) => node.state);

test('one call cancels the active run and every queued one, none of which starts', async () => {
  const { client } = await startTestGateway();
  const active = await send(client, { sessionKey: 'a', text: '/hang' });
  const sessionId = active.session.id;
  const queued = [];
  for (const text of ['1', '2', '3']) queued.push((await send(client, { sessionId, text: `/say ${text}` })).run.id);
  const other = await send(client, { sessionKey: 'b', text: '/hang' });
  await until(async () => (await runById(client, active.run.id)).state === 'IN_PROGRESS');
  expect(await cancelAll(client, sessionId, 'enough')).toBe(4);
  expect(await cancelAll(client, sessionId)).toBe(0);
  for (const id of [active.run.id, ...queued]) {
    expect(await runById(client, id)).toMatchObject({ state: 'CANCELLED', cancelReason: 'enough' });
  }
  for (const id of queued) expect(typesOf(await follow(client, id))).toEqual(['INPUT', 'STATUS', 'STATUS']);
  expect((await runById(client, other.run.id)).state).toBe('IN_PROGRESS');
  const { run } = await converse(client, { sessionId, text: '/say on' });
  expect(run.state).toBe('DONE');
  await cancelAll(client, other.session.id);
});

test('a waiting run is cancelled, and its approval withdrawn', async () => {
  const { client } = await startTestGateway({ tools: [countedTool({ risk: 'HIGH' })] });
  const { run, session } = await send(client, { sessionKey: 'a', text: calling(['count', { word: 'x' }]) });
  await until(async () => (await runById(client, run.id)).state === 'AWAITING_APPROVAL');
  expect(await cancelAll(client, session.id)).toBe(1);
  expect(await runById(client, run.id)).toMatchObject({ state: 'CANCELLED', pendingApprovals: [] });
});

test('of messages that are sent at the same time, those answered before are cancelled and none is left over', async () => {
  const { client } = await startTestGateway();
  for (let round = 0; round < 15; round += 1) {
    const first = await send(client, { sessionKey: `race-${round}`, text: '/hang' });
    const sessionId = first.session.id;
    const queued = await send(client, { sessionId, text: '/say queued' });
    const sending = [1, 2, 3].map(() => send(client, { sessionId, text: '/say later' }));
    const [cancelled, ...later] = await Promise.all([cancelAll(client, sessionId), ...sending]);
    for (const { run } of [first, queued]) expect((await runById(client, run.id)).state).toBe('CANCELLED');
    const states = await Promise.all(
      later.map(async ({ run }) => (await follow(client, run.id)) && runById(client, run.id)),
    );
    const alsoCancelled = states.filter(({ state }) => state === 'CANCELLED').length;
    expect(cancelled).toBe(2 + alsoCancelled);
    expect(states.every(({ state }) => state === 'CANCELLED' || state === 'DONE')).toBe(true);
    expect(new Set(await statesOf(client, sessionId))).not.toContain('PENDING');
  }
});

test('the session of another principal is not found', async () => {
  const { client, clientOf } = await startTestGateway();
  const { session, run } = await send(client, { sessionKey: 'a', text: '/hang' });
  const input = { sessionId: session.id };
  const { cancelSessionRuns } = await clientOf('bob').send(CancelSessionRunsDocument, { input });
  expect(cancelSessionRuns).toMatchObject({ __typename: 'NotFoundError', id: session.id });
  expect((await runById(client, run.id)).state).not.toBe('CANCELLED');
  await cancelAll(client, session.id);
});
