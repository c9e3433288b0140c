import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import {
  DecideApprovalDocument,
  ExplainPolicyDocument,
  ResolveSessionDocument,
  UpdateSessionDocument,
} from '../../generated/graphql.ts';
import { converse, follow, runById, send } from '../conversation.ts';
import { calling, countedTool } from '../counted-tool.ts';
import { startTestGateway, until } from '../gateway.ts';

const policy = `
@id("own") permit (principal, action == Action::"call", resource) when { resource in context.agent };
@id("trusted") permit (principal, action == Action::"callUnattended", resource)
when { context.message.metadata.hasTag("ticket") && context.message.metadata.getTag("ticket") like "T-*" };
@id("read-only") @reason("The session is read-only.") forbid (principal, action == Action::"call", resource)
when { context.session.metadata.hasTag("mode") && context.session.metadata.getTag("mode") == "read-only" };`;

async function startWithPolicy() {
  const folder = await mkdtemp(join(tmpdir(), 'runtape-policy-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const policyFile = join(folder, 'policy.cedar');
  await writeFile(policyFile, policy);
  const tool = countedTool({ risk: 'HIGH' });
  const started = await startTestGateway({ tools: [tool], file: { policyFile } });
  const setMode = (sessionId: string, mode: string | null) =>
    started.client.send(UpdateSessionDocument, { input: { sessionId, metadata: { mode } } });
  return { ...started, tool, setMode };
}

const text = calling(['count', { word: 'a' }]);

test('B69: policy sees the metadata of the message that started the run', async () => {
  const { client, tool } = await startWithPolicy();
  const trusted = await converse(client, { sessionKey: 'a', text, metadata: { ticket: 'T-1' } });
  expect(trusted.events.find(({ type }) => type === 'TOOL_DECISION')).toMatchObject({
    effect: 'ALLOW',
    rule: 'trusted',
  });
  expect(tool.executions).toHaveLength(1);
  for (const metadata of [{ ticket: 'X-1' }, null]) {
    const { run } = await send(client, { sessionKey: `ask-${JSON.stringify(metadata)}`, text, metadata });
    await until(async () => (await runById(client, run.id)).state === 'AWAITING_APPROVAL');
  }
  expect(tool.executions).toHaveLength(1);
});

test('B69: policy sees the metadata of the session, also as it is changed while an approval waits', async () => {
  const { client, tool, setMode } = await startWithPolicy();
  const input = { key: 'a', metadata: { mode: 'read-only' } };
  const { resolveSession } = await client.send(ResolveSessionDocument, { input });
  if (resolveSession.__typename !== 'ResolveSessionSuccess') throw new Error(resolveSession.message);
  const { id: sessionId } = resolveSession.session;
  const denied = await converse(client, { sessionId, text, metadata: { ticket: 'T-1' } });
  expect(denied.run.output).toContain('The session is read-only.');
  await setMode(sessionId, null);
  const { run } = await send(client, { sessionId, text });
  const waiting = await until(async () => {
    const now = await runById(client, run.id);
    return now.state === 'AWAITING_APPROVAL' && now;
  });
  await setMode(sessionId, 'read-only');
  const decision = { approvalId: waiting.pendingApprovals[0]?.id ?? '', decision: 'ALLOW' } as const;
  const allow = async () => (await client.send(DecideApprovalDocument, { input: decision })).decideApproval;
  expect(await allow()).toMatchObject({ __typename: 'InvalidInputError' });
  expect(tool.executions).toHaveLength(0);
  await setMode(sessionId, 'normal');
  expect(await allow()).toMatchObject({ __typename: 'DecideApprovalSuccess' });
  await follow(client, run.id);
  expect(tool.executions).toHaveLength(1);
});

test('B69: explainPolicy takes the metadata of the message', async () => {
  const { client, setMode } = await startWithPolicy();
  const { session } = await send(client, { sessionKey: 'a', text: '/say hi' });
  const explain = async (metadata: unknown) => {
    const variables = { tool: 'count', input: { word: 'a' }, sessionId: session.id, metadata };
    return (await client.send(ExplainPolicyDocument, variables)).explainPolicy.effect;
  };
  expect(await explain({ ticket: 'T-1' })).toBe('ALLOW');
  expect(await explain(null)).toBe('ASK');
  await expect(explain({ ticket: 1 })).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
  await setMode(session.id, 'read-only');
  expect(await explain({ ticket: 'T-1' })).toBe('DENY');
});
