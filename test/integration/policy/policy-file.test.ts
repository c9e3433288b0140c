import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Overrides } from '../../../src/server/gateway.ts';
import { ApprovalsDocument } from '../../generated/graphql.ts';
import { follow, runById, typesOf } from '../conversation.ts';
import { countedTool } from '../counted-tool.ts';
import { startTestGateway } from '../gateway.ts';
import { callCount, decide } from './approvals.ts';

const own = '@id("own") permit (principal, action == Action::"call", resource) when { resource in context.agent };';
const noSpies = `@id("no-spies") @reason("No spying.")
forbid (principal, action == Action::"call", resource == Tool::"count") when { context.input.word == "spy" };`;
const never = '@id("never") forbid (principal, action, resource);';

async function writePolicyFile(text: string) {
  const folder = await mkdtemp(join(tmpdir(), 'runtape-policy-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'policy.cedar');
  const write = (changed: string) => writeFile(path, changed);
  await write(text);
  return { path, write };
}

async function startWith(text: string, overrides: Pick<Overrides, 'authenticate'> = {}) {
  const { path, write } = await writePolicyFile(text);
  const tool = countedTool({ risk: 'HIGH' });
  const started = await startTestGateway({ tools: [tool], file: { policyFile: path }, ...overrides });
  return { ...started, tool, path, write };
}

describe('a policy file', () => {
  test('replaces the built-in policy, and the tape records the rule that decided', async () => {
    const unattended = '@id("free") permit (principal, action == Action::"callUnattended", resource == Tool::"count");';
    const { client, tool } = await startWith(`${own}${unattended}`);
    const called = await callCount(client, 'desk');
    expect(called.decision).toMatchObject({ effect: 'ALLOW', rule: 'free' });
    expect(tool.executions).toHaveLength(1);
  });

  test('that is invalid prevents the start with the line and the problem', async () => {
    const { path } = await writePolicyFile(
      `${own}\n${never}\npermit (principal, action, resource) when { resource.rsk == "LOW" };`,
    );
    const problem = `${path}:3:45: attribute \`rsk\` on entity type \`Tool\` not found (did you mean \`risk\`?)`;
    await expect(startTestGateway({ file: { policyFile: path } })).rejects.toThrow(problem);
    const missing = startTestGateway({ file: { policyFile: `${path}x` } });
    await expect(missing).rejects.toThrow(/policyFile: .*policy\.cedarx cannot be read: ENOENT/);
  });

  test('that is reloaded applies to the next call; an invalid one changes nothing', async () => {
    const { client, reload, write, path } = await startWith(own);
    expect((await callCount(client, 'desk')).decision).toMatchObject({ effect: 'ASK' });
    await write('permit (');
    expect(await reload()).toMatchObject({ ok: false, problems: [expect.stringContaining(`${path}:1:`)] });
    expect((await callCount(client, 'other')).decision).toMatchObject({ effect: 'ASK' });
    await write(`${own}${never}`);
    expect(await reload()).toMatchObject({ ok: true });
    expect((await callCount(client, 'third')).decision).toMatchObject({ effect: 'DENY', rule: 'never' });
  });
});

describe('a call that policy denies', () => {
  test('B43: requests no approval', async () => {
    const { client, tool } = await startWith(`${own}${noSpies}`);
    const called = await callCount(client, 'desk', 'spy');
    expect(called).toMatchObject({ approvalId: null, decision: { effect: 'DENY', rule: 'no-spies' } });
    expect((await runById(client, called.runId)).output).toContain('Not permitted: No spying.');
    expect((await client.send(ApprovalsDocument, {})).approvals.edges).toEqual([]);
    expect(tool.executions).toEqual([]);
  });

  test('B39: is not allowed by a grant', async () => {
    const { client, reload, tool, write } = await startWith(own);
    const called = await callCount(client, 'desk');
    await decide(client, called.approvalId, { decision: 'ALLOW', scope: 'SESSION' });
    await follow(client, called.runId);
    expect((await callCount(client, 'desk', 'spy')).decision?.effect).toBe('ALLOW');
    await write(`${own}${noSpies}`);
    await reload();
    expect((await callCount(client, 'desk', 'spy')).decision).toMatchObject({ effect: 'DENY', rule: 'no-spies' });
    expect((await callCount(client, 'desk')).decision?.effect).toBe('ALLOW');
    expect(tool.executions).toHaveLength(3);
  });

  test('B42: is not allowed with an edited input, and the approval stays open', async () => {
    const { client, tool } = await startWith(`${own}${noSpies}`);
    const called = await callCount(client, 'desk');
    const refused = await decide(client, called.approvalId, { decision: 'ALLOW', editedInput: { word: 'spy' } });
    expect(refused).toMatchObject({
      __typename: 'InvalidInputError',
      issues: [{ path: ['editedInput'], message: 'policy denies this call: No spying.' }],
    });
    const allowed = await decide(client, called.approvalId, { decision: 'ALLOW', editedInput: { word: 'b' } });
    expect(allowed.__typename).toBe('DecideApprovalSuccess');
    await follow(client, called.runId);
    expect(tool.executions).toMatchObject([{ input: { word: 'b' } }]);
  });

  test.each([
    ['not an object', 'spy', /must be a JSON object/],
    ['too long', { word: 'x'.repeat(100_000) }, /longer than 98304 bytes/],
  ])('B42: cannot have an edited input that is %s', async (_what, editedInput, message) => {
    const { client, tool } = await startWith(own);
    const called = await callCount(client, 'desk');
    const refused = await decide(client, called.approvalId, { decision: 'ALLOW', editedInput });
    const issues = [{ path: ['editedInput'], message: expect.stringMatching(message) }];
    expect(refused).toMatchObject({ __typename: 'InvalidInputError', issues });
    expect(tool.executions).toEqual([]);
  });

  test('B43: since a reload cannot be allowed, only denied', async () => {
    const { client, reload, write, tool } = await startWith(own);
    const called = await callCount(client, 'desk', 'spy');
    await write(`${own}${noSpies}`);
    await reload();
    const refused = await decide(client, called.approvalId, { decision: 'ALLOW', scope: 'SESSION' });
    expect(refused).toMatchObject({ __typename: 'InvalidInputError', issues: [{ path: ['decision'] }] });
    await decide(client, called.approvalId, { decision: 'DENY' });
    await follow(client, called.runId);
    expect(tool.executions).toEqual([]);
  });
});

describe('the scopes of the client that sent the message', () => {
  const forOperators = `@id("operators") forbid (principal, action == Action::"call", resource)
    unless { principal == Principal::"ada" && principal.scopes.contains("admin") };`;
  const authenticate: Overrides['authenticate'] = ({ headers, connectionParams }) => {
    const header = String(headers['x-principal'] ?? connectionParams['x-principal']);
    const [principal = '', scope = ''] = header.split('/');
    return { principal, scopes: ['read', 'write', 'approve', ...(scope === '' ? [] : [scope])] };
  };

  test('are recorded, and policy uses them for any approver and after a restart', async () => {
    const first = await startWith(`${own}${forOperators}`, { authenticate });
    const denied = await callCount(first.clientOf('ada/'), 'desk');
    expect(denied.decision).toMatchObject({ effect: 'DENY', rule: 'operators' });
    const called = await callCount(first.clientOf('ada/admin'), 'desk');
    expect(called.events[0]?.payload).toMatchObject({ origin: { scopes: ['read', 'write', 'approve', 'admin'] } });
    const { clientOf } = await first.restart();
    const client = clientOf('ada/');
    const allowed = await decide(client, called.approvalId, { decision: 'ALLOW', editedInput: { word: 'b' } });
    expect(allowed.__typename).toBe('DecideApprovalSuccess');
    await follow(client, called.runId);
    expect(first.tool.executions).toMatchObject([{ input: { word: 'b' } }]);
  });
});

test('B43: a run that has reached its step limit requests no approval', async () => {
  const tool = countedTool({ risk: 'HIGH' });
  const { client } = await startTestGateway({ tools: [tool], file: { limits: { maxSteps: 1 } } });
  const called = await callCount(client, 'desk');
  expect(typesOf(called.events)).not.toContain('APPROVAL_REQUEST');
  expect(await runById(client, called.runId)).toMatchObject({ state: 'FAILED', error: { code: 'STEP_LIMIT' } });
});
