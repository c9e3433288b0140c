import { expect, test, vi } from 'vitest';
import { StoreError } from '../../../src/database/store-error.ts';
import {
  ArchiveSessionDocument,
  CreateAgentDocument,
  DeleteAgentDocument,
  ResolveSessionDocument,
  SendMessageDocument,
} from '../../generated/graphql.ts';
import { converse, follow, runById, send } from '../conversation.ts';
import { startTestGateway, until } from '../gateway.ts';

test('B14: a hundred equal messages with one key create one run', async () => {
  const { client } = await startTestGateway();
  const input = { sessionKey: 'same', text: '/say once', idempotencyKey: 'k-1' };
  const outcomes = await Promise.all(Array.from({ length: 100 }, () => send(client, input)));
  expect(new Set(outcomes.map(({ run }) => run.id)).size).toBe(1);
  expect(new Set(outcomes.map(({ cursor }) => cursor)).size).toBe(1);
  expect(outcomes.filter(({ created }) => created)).toHaveLength(1);
});

test('B14: the same key with another input is a conflict, also after a restart', async () => {
  const first = await startTestGateway();
  await converse(first.client, { sessionKey: 'same', text: '/say once', idempotencyKey: 'k-2' });
  const other = { input: { sessionKey: 'same', text: '/say twice', idempotencyKey: 'k-2' } };
  const { sendMessage } = await first.client.send(SendMessageDocument, other);
  expect(sendMessage.__typename).toBe('ConflictError');
  const { client } = await first.restart();
  const again = await send(client, { sessionKey: 'same', text: '/say once', idempotencyKey: 'k-2' });
  expect(again.created).toBe(false);
  const refused = await client.send(SendMessageDocument, other);
  expect(refused.sendMessage.__typename).toBe('ConflictError');
});

test('B14: a message that is repeated after its session was archived or its agent deleted is acknowledged', async () => {
  const { client } = await startTestGateway();
  const { createAgent } = await client.send(CreateAgentDocument, {
    input: { name: 'clerk', instructions: 'Be brief.' },
  });
  if (createAgent.__typename !== 'CreateAgentSuccess') throw new Error(createAgent.__typename);
  const { resolveSession } = await client.send(ResolveSessionDocument, { input: { key: 'old' } });
  if (resolveSession.__typename !== 'ResolveSessionSuccess') throw new Error(resolveSession.message);
  const { id: sessionId } = resolveSession.session;
  const message = { sessionId, text: '/say once', agentId: createAgent.agent.id, idempotencyKey: 'k-4' };
  const { run } = await send(client, message);
  await follow(client, run.id);
  await client.send(DeleteAgentDocument, { input: { agentId: createAgent.agent.id } });
  expect(await send(client, message)).toMatchObject({ created: false, run: { id: run.id } });
  const { agentId: _, ...other } = message;
  await client.send(ArchiveSessionDocument, { input: { sessionId } });
  expect(await send(client, message)).toMatchObject({ created: false, run: { id: run.id } });
  const refused = await client.send(SendMessageDocument, { input: { ...other, idempotencyKey: 'k-5' } });
  expect(refused.sendMessage).toMatchObject({
    __typename: 'ConflictError',
    message: expect.stringContaining('is archived'),
  });
});

test('the keys of two principals are independent', async () => {
  const { client, clientOf } = await startTestGateway();
  const input = { sessionKey: 'mine', text: '/say once', idempotencyKey: 'k-3' };
  const mine = await send(client, input);
  const theirs = await send(clientOf('bob'), input);
  expect(theirs).toMatchObject({ created: true });
  expect(theirs.run.id).not.toBe(mine.run.id);
});

test('B14: a repeated INTERRUPT interrupts, if the store failed after the message was recorded', async () => {
  const { client, gateway } = await startTestGateway();
  const { runStore } = gateway.parts.commands;
  const { run: interrupted } = await send(client, { sessionKey: 'again', text: '/hang' });
  await until(async () => (await runById(client, interrupted.id)).state === 'IN_PROGRESS');
  const record = runStore.record.bind(runStore);
  const spy = vi.spyOn(runStore, 'record').mockImplementation(async (request) => {
    if (request.runId === interrupted.id) throw new StoreError('unavailable', 'The disk is full.');
    return record(request);
  });
  const message = { sessionKey: 'again', text: '/say now', whenBusy: 'INTERRUPT', idempotencyKey: 'k' } as const;
  await expect(send(client, message)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  spy.mockRestore();
  expect((await runById(client, interrupted.id)).state).toBe('IN_PROGRESS');
  const again = await send(client, message);
  expect(again.created).toBe(false);
  await follow(client, again.run.id);
  expect((await runById(client, interrupted.id)).state).toBe('CANCELLED');
  // Once more, when another run is in progress: that one is left alone.
  const { run: later } = await send(client, { sessionKey: 'again', text: '/hang' });
  await until(async () => (await runById(client, later.id)).state === 'IN_PROGRESS');
  expect((await send(client, message)).created).toBe(false);
  expect((await runById(client, later.id)).state).toBe('IN_PROGRESS');
});
