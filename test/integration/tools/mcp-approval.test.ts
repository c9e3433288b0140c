import { mkdtemp, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { DecideApprovalDocument } from '../../generated/graphql.ts';
import { answerNext, follow, runById, send, typesOf } from '../conversation.ts';
import { calling } from '../counted-tool.ts';
import { startTestGateway } from '../gateway.ts';
import { programOf, resultOf, untilServer } from './mcp-programs.ts';

async function filesServer() {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'runtape-mcp-files-')));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const files = { command: process.execPath, args: [programOf('server-filesystem'), folder] };
  const { client } = await startTestGateway({ file: { mcpServers: { files } } });
  await untilServer(client, 'files', 'READY');
  return { client, path: join(folder, 'note.txt') };
}

test('B45, B36: a tool that can destroy something runs when a person has allowed it', async () => {
  const { client, path } = await filesServer();
  const text = calling(['files__write_file', { path, content: 'allowed' }]);
  const { run } = await send(client, { sessionKey: 'note', text });
  const asked = await follow(client, run.id, { enough: ({ type }) => type === 'APPROVAL_REQUEST' });
  expect(asked.at(-1)).toMatchObject({ approval: { risk: 'HIGH', summary: expect.stringContaining('write_file') } });
  await expect(readFile(path, 'utf8')).rejects.toThrow('ENOENT');
  await answerNext(client, run.id, 'ALLOW');
  const events = await follow(client, run.id);
  expect(resultOf(events).ok).toBe(true);
  expect(await readFile(path, 'utf8')).toBe('allowed');
  expect((await runById(client, run.id)).state).toBe('DONE');
});

test('B42: edited input is what the server gets', async () => {
  const { client, path } = await filesServer();
  const text = calling(['files__write_file', { path, content: 'asked' }]);
  const { run } = await send(client, { sessionKey: 'note', text });
  const asked = await follow(client, run.id, { enough: ({ type }) => type === 'APPROVAL_REQUEST' });
  const request = asked.at(-1);
  if (request?.__typename !== 'ApprovalRequestEvent') throw new Error('Nobody was asked.');
  const edited = (editedInput: unknown) => ({
    input: { approvalId: request.approval.id, decision: 'ALLOW' as const, editedInput },
  });
  const misfit = await client.send(DecideApprovalDocument, edited({ path, content: 1 }));
  expect(misfit.decideApproval).toMatchObject({ message: expect.stringContaining('input/content must be string') });
  await client.send(DecideApprovalDocument, edited({ path, content: 'edited' }));
  await follow(client, run.id);
  expect(await readFile(path, 'utf8')).toBe('edited');
});

test('B45, B36: denied, it does not run', async () => {
  const { client, path } = await filesServer();
  const text = calling(['files__write_file', { path, content: 'denied' }]);
  const { run } = await send(client, { sessionKey: 'note', text });
  await answerNext(client, run.id, 'DENY');
  const events = await follow(client, run.id);
  expect(typesOf(events)).not.toContain('TOOL_START');
  await expect(readFile(path, 'utf8')).rejects.toThrow('ENOENT');
});

test('B34: a tool that only reads runs unattended; what the server refuses is an error result', async () => {
  const { client, path } = await filesServer();
  const text = calling(['files__read_text_file', { path: `${path}/../../outside.txt` }]);
  const { run } = await send(client, { sessionKey: 'note', text });
  const events = await follow(client, run.id);
  expect(typesOf(events)).not.toContain('APPROVAL_REQUEST');
  expect(resultOf(events)).toMatchObject({ ok: false, error: expect.stringContaining('Access denied') });
});
