import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { pruneAuditEntries } from '../../../src/repositories/audit-entries.ts';
import { auditPages, idAt } from '../../../src/server/commands/audit.ts';
import { createTestClient } from '../../client.ts';
import { ApprovalsDocument, CancelRunDocument, DecideApprovalDocument } from '../../generated/graphql.ts';
import { ask, bearing, startGuarded, tokens } from '../access/accounts.ts';
import { converse, follow, runById, send } from '../conversation.ts';
import { calling, countedTool } from '../counted-tool.ts';
import { startTestGateway, type TestGateway, until } from '../gateway.ts';

const entriesOf = async ({ gateway }: TestGateway, event: string) => {
  const rows = await gateway.parts.database.reader.auditEntry.findMany({ where: { event }, orderBy: { id: 'asc' } });
  return rows.map(({ id: _id, at: _at, details, ...row }) => ({ ...row, details: JSON.parse(details) }));
};

const local = expect.stringMatching(/127\.0\.0\.1$/);

test('decisions are stored with the append that they are part of: who, what, from where, and no text', async () => {
  const server = await startGuarded({}, { tools: [countedTool({ risk: 'HIGH' })] });
  const client = createTestClient(server.url, bearing(tokens.ada));
  const { run } = await send(client, { sessionKey: 'a', text: calling(['count', { word: 'private' }]) });
  await follow(client, run.id, { isLast: ({ type }) => type === 'APPROVAL_REQUEST' });
  const { approvals } = await client.send(ApprovalsDocument, {});
  const approvalId = approvals.edges[0]?.node.id ?? '';
  const decide = (decision: 'ALLOW' | 'DENY') =>
    client.send(DecideApprovalDocument, { input: { approvalId, decision, reason: 'a private reason' } });
  await decide('ALLOW');
  await decide('ALLOW');
  await decide('DENY');
  await until(async () => (await runById(client, run.id)).state === 'DONE');
  const details = {
    decision: 'ALLOW',
    scope: 'ONCE',
    isEdited: false,
    approvalId,
    runId: run.id,
    tool: 'count',
    owner: 'ada',
  };
  expect(await entriesOf(server, 'approval-decided')).toEqual([
    {
      event: 'approval-decided',
      principal: 'ada',
      address: local,
      rule: null,
      count: 1,
      details: expect.objectContaining(details),
    },
  ]);
  await server.gateway.parts.commands.audit.close();
  expect(await entriesOf(server, 'decision-refused')).toEqual([
    expect.objectContaining({
      principal: 'ada',
      details: expect.objectContaining({ reason: 'approval-settled', decision: 'DENY' }),
    }),
  ]);
  const all = await server.gateway.parts.database.reader.auditEntry.findMany();
  expect(JSON.stringify(all)).not.toContain('private');
  await client[Symbol.asyncDispose]();
});

test('refused attempts are counted: missing scopes and credentials that are not accepted', async () => {
  const server = await startGuarded();
  const query = 'mutation { compactSession(input: { sessionId: "ses_1" }) { __typename } }';
  for (let index = 0; index < 3; index += 1) await ask(server.url, query, bearing(tokens.adaReads));
  for (let index = 0; index < 50; index += 1) await ask(server.url, query, bearing(`guess-${index}`));
  await ask(server.url, query);
  await server.gateway.parts.commands.audit.close();
  expect(await entriesOf(server, 'scope-missing')).toEqual([
    expect.objectContaining({
      principal: 'ada',
      address: local,
      count: 3,
      details: expect.objectContaining({ reason: 'compactSession' }),
    }),
  ]);
  expect(await entriesOf(server, 'sign-in-failed')).toEqual([
    { event: 'sign-in-failed', principal: null, address: local, rule: null, count: 50, details: { reason: 'unknown' } },
  ]);
});

test('calls that policy denies are stored with the rule, and each change of the policy once', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'runtape-audit-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const policyFile = join(folder, 'policy.cedar');
  const permit = '@id("everything") permit (principal, action, resource);';
  await writeFile(policyFile, permit);
  const server = await startTestGateway({ tools: [countedTool()], file: { policyFile } });
  const hashes = async () => (await entriesOf(server, 'policy-changed')).map(({ details }) => details.sha256);
  expect(await hashes()).toHaveLength(1);
  await writeFile(policyFile, `${permit}\n@id("no-counting") forbid (principal, action, resource == Tool::"count");`);
  expect(await server.reload()).toMatchObject({ ok: true });
  await until(async () => (await hashes()).length === 2);
  await writeFile(policyFile, 'not a policy');
  expect(await server.reload()).toMatchObject({ ok: false });
  const { runId } = await converse(server.client, { sessionKey: 'a', text: calling(['count', { word: 'a' }]) });
  expect(await entriesOf(server, 'call-denied')).toEqual([
    expect.objectContaining({
      principal: 'ada',
      rule: 'no-counting',
      count: 1,
      details: expect.objectContaining({ runId, tool: 'count' }),
    }),
  ]);
  await writeFile(policyFile, `${permit}\n@id("no-counting") forbid (principal, action, resource == Tool::"count");`);
  const restarted = await server.restart();
  expect(await entriesOf(restarted, 'policy-changed')).toHaveLength(2);
});

test('entries are deleted after their retention, and no others', async () => {
  const server = await startTestGateway();
  const { database, clock, commands } = server.gateway.parts;
  const entry = { event: 'grant-revoked', principal: 'ada', address: null, rule: null, details: {} } as const;
  const before = new Date(clock.now() + 1);
  await until(() => clock.now() > before.getTime());
  await commands.audit.record(entry);
  expect(await pruneAuditEntries(database, before)).toBe(1);
  expect(await entriesOf(server, 'grant-revoked')).toHaveLength(1);
  expect(await entriesOf(server, 'policy-changed')).toEqual([]);
});

test('a cancelled run is stored once with who cancelled it, and is exported from a time on', async () => {
  const server = await startGuarded();
  const client = createTestClient(server.url, bearing(tokens.ada));
  const { run, session } = await send(client, { sessionKey: 'a', text: '/hang' });
  const cancel = () => client.send(CancelRunDocument, { input: { runId: run.id, reason: 'a private reason' } });
  const before = server.gateway.parts.clock.now();
  await cancel();
  await cancel();
  expect(await entriesOf(server, 'run-cancelled')).toEqual([
    expect.objectContaining({ principal: 'ada', address: local, details: { runId: run.id, sessionId: session.id } }),
  ]);
  const exportedSince = async (time: number) => {
    const pages: string[] = [];
    const first = idAt(new Date(time).toISOString());
    for await (const page of auditPages(server.gateway.parts.database, first)) pages.push(page);
    return pages.join('').split('\n').filter(Boolean);
  };
  const lines = await exportedSince(before);
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    expect.objectContaining({ event: 'run-cancelled', details: { runId: run.id, sessionId: session.id }, count: 1 }),
  ]);
  expect(await exportedSince(before - 60_000)).toEqual([expect.stringContaining('"policy-changed"'), ...lines]);
  expect(await exportedSince(server.gateway.parts.clock.now() + 60_000)).toEqual([]);
  await client[Symbol.asyncDispose]();
});

test('a line of the export has no character that a terminal executes or that changes the order of a text', async () => {
  const row = { id: 'aud_1', at: new Date(0), event: 'sign-in-failed', address: null, rule: null, count: 1 };
  const principal = 'a\u001b[2J\u007f\u009b31m\u2028\u202eb';
  const pages = [[{ ...row, principal, details: '{"reason":"\u009b"}' }], []];
  const query = async () => pages.shift() ?? [];
  const lines: string[] = [];
  for await (const page of auditPages({ query } as Parameters<typeof auditPages>[0], '')) lines.push(page);
  expect(lines.join('')).toMatch(/^[\x20-\x7e]+\n$/);
  expect(JSON.parse(lines.join(''))).toMatchObject({ principal, details: { reason: '\u009b' } });
});
