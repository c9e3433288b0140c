import { expect, test } from 'vitest';
import { SendMessageDocument } from '../../generated/graphql.ts';
import { converse, send } from '../conversation.ts';
import { startTestGateway } from '../gateway.ts';

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

test('the keys of two principals are independent', async () => {
  const { client, clientOf } = await startTestGateway();
  const input = { sessionKey: 'mine', text: '/say once', idempotencyKey: 'k-3' };
  const mine = await send(client, input);
  const theirs = await send(clientOf('bob'), input);
  expect(theirs).toMatchObject({ created: true });
  expect(theirs.run.id).not.toBe(mine.run.id);
});
