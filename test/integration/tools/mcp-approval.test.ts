import { mkdtemp, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { DecideApprovalDocument } from '../../generated/graphql.ts';
import { decideNextApproval, follow, runById, send, typesOf } from '../conversation.ts';
import { calling } from '../counted-tool.ts';
import { startTestGateway } from '../gateway.ts';
import { programOf, resultOf, untilServer } from './mcp-programs.ts';

async function startWithFilesServer(tools: object = {}) {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'runtape-mcp-files-')));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const files = { command: process.execPath, args: [programOf('server-filesystem'), folder], tools };
  const { client } = await startTestGateway({ file: { mcpServers: { files } } });
  await untilServer(client, 'files', 'READY');
  return { client, path: join(folder, 'note.txt') };
}

test('B45, B36: a destructive tool runs after an approval', async () => {
  const { client, path } = await startWithFilesServer();
  const text = calling(['files__write_file', { path, content: 'allowed' }]);
  const { run } = await send(client, { sessionKey: 'note', text });
  const untilRequest = await follow(client, run.id, { isLast: ({ type }) => type === 'APPROVAL_REQUEST' });
  expect(untilRequest.at(-1)).toMatchObject({
    approval: { risk: 'HIGH', summary: expect.stringContaining('write_file') },
  });
  await expect(readFile(path, 'utf8')).rejects.toThrow('ENOENT');
  await decideNextApproval(client, run.id, 'ALLOW');
  const events = await follow(client, run.id);
  expect(resultOf(events).ok).toBe(true);
  expect(await readFile(path, 'utf8')).toBe('allowed');
  expect((await runById(client, run.id)).state).toBe('DONE');
});

test('B42: the server gets the edited input', async () => {
  const { client, path } = await startWithFilesServer();
  const text = calling(['files__write_file', { path, content: 'requested' }]);
  const { run } = await send(client, { sessionKey: 'note', text });
  const untilRequest = await follow(client, run.id, { isLast: ({ type }) => type === 'APPROVAL_REQUEST' });
  const request = untilRequest.at(-1);
  if (request?.__typename !== 'ApprovalRequestEvent') throw new Error('There is no approval request.');
  const allowWith = (editedInput: unknown) => ({
    input: { approvalId: request.approval.id, decision: 'ALLOW' as const, editedInput },
  });
  const invalid = await client.send(DecideApprovalDocument, allowWith({ path, content: 1 }));
  expect(invalid.decideApproval).toMatchObject({ message: expect.stringContaining('input/content must be string') });
  await client.send(DecideApprovalDocument, allowWith({ path, content: 'edited' }));
  await follow(client, run.id);
  expect(await readFile(path, 'utf8')).toBe('edited');
});

test('B45, B36: a denied call does not run', async () => {
  const { client, path } = await startWithFilesServer();
  const text = calling(['files__write_file', { path, content: 'denied' }]);
  const { run } = await send(client, { sessionKey: 'note', text });
  await decideNextApproval(client, run.id, 'DENY');
  const events = await follow(client, run.id);
  expect(typesOf(events)).not.toContain('TOOL_START');
  await expect(readFile(path, 'utf8')).rejects.toThrow('ENOENT');
});

test('B34: a read-only tool runs unattended; a refusal of the server is an error result', async () => {
  const { client, path } = await startWithFilesServer();
  const text = calling(['files__read_text_file', { path: `${path}/../../outside.txt` }]);
  const { run } = await send(client, { sessionKey: 'note', text });
  const events = await follow(client, run.id);
  expect(typesOf(events)).not.toContain('APPROVAL_REQUEST');
  expect(resultOf(events)).toMatchObject({ ok: false, error: expect.stringContaining('Access denied') });
});

test('B101: a grant is bound to the target that the configuration names, and covers no other', async () => {
  const { client, path } = await startWithFilesServer({ write_file: { target: 'path' } });
  const ask = async (to: string, content: string) => {
    const { run } = await send(client, {
      sessionKey: 'note',
      text: calling(['files__write_file', { path: to, content }]),
    });
    const events = await follow(client, run.id, { isLast: ({ type }) => type === 'APPROVAL_REQUEST' });
    const last = events.at(-1);
    return { runId: run.id, approvalId: last?.__typename === 'ApprovalRequestEvent' ? last.approval.id : null };
  };
  const { runId, approvalId } = await ask(path, 'one');
  const input = { approvalId: approvalId ?? '', decision: 'ALLOW', scope: 'SESSION', bindToTarget: true } as const;
  const { decideApproval } = await client.send(DecideApprovalDocument, { input });
  expect(decideApproval).toMatchObject({
    approval: { target: path, grant: { target: `path: ${JSON.stringify(path)}` } },
  });
  await follow(client, runId);
  expect((await ask(path, 'two')).approvalId).toBeNull();
  expect(await readFile(path, 'utf8')).toBe('two');
  expect((await ask(`${path}.other`, 'three')).approvalId).not.toBeNull();
});
