import { expect, inject, test } from 'vitest';
import { RetryRunDocument, SendMessageDocument } from '../../generated/graphql.ts';
import { post, startWithFolder } from '../attachments/uploads.ts';
import { converse, decideNextApproval, follow, runById, send } from '../conversation.ts';
import { calling, countedTool } from '../counted-tool.ts';

const isSqlite = inject('store') === 'sqlite';

test('B109: below the watermark of the disk, new messages and uploads are refused, `/readyz` says so, and a run in progress ends', async () => {
  const tools = [countedTool({ risk: 'HIGH' })];
  const first = await startWithFolder({ tools });
  const input = { sessionKey: 'done', text: '/say hi', idempotencyKey: 'k' };
  const { runId } = await converse(first.client, input);
  const { run: waiting } = await send(first.client, { sessionKey: 'w', text: calling(['count', { word: 'x' }]) });
  await follow(first.client, waiting.id, { isLast: ({ type }) => type === 'APPROVAL_REQUEST' });
  const gateway = await first.restart({ tools, freeBytes: async () => 1024 });
  const { client, url } = gateway;
  const response = await post(gateway, 'a note');
  expect(response.status).toBe(503);
  expect(await response.json()).toMatchObject({
    errors: [{ message: expect.stringContaining('new uploads are refused'), extensions: { code: 'UNAVAILABLE' } }],
  });
  const ready = await fetch(new URL('/readyz', url));
  expect([ready.status, (await ready.text()).trim()]).toEqual(
    isSqlite
      ? [503, 'the disk of the database is almost full: new messages are refused']
      : [200, 'ok; the disk of the attachments is almost full: new uploads are refused'],
  );
  if (isSqlite) {
    const refused = { code: 'UNAVAILABLE', message: expect.stringContaining('new messages are refused') };
    const message = { sessionKey: 'new', text: '/say hi' };
    await expect(client.send(SendMessageDocument, { input: message })).rejects.toMatchObject(refused);
    await expect(client.send(RetryRunDocument, { input: { runId } })).rejects.toMatchObject(refused);
  }
  // A message that was recorded before is acknowledged again.
  expect((await client.send(SendMessageDocument, { input })).sendMessage).toMatchObject({ created: false });
  await decideNextApproval(client, waiting.id, 'ALLOW');
  await follow(client, waiting.id);
  expect((await runById(client, waiting.id)).state).toBe('DONE');
});
