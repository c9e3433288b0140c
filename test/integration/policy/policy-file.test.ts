import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Overrides } from '../../../src/server/gateway.ts';
import { ApprovalsDocument } from '../../generated/graphql.ts';
import { follow, runById, typesOf } from '../conversation.ts';
import { countedTool } from '../counted-tool.ts';
import { startTestGateway } from '../gateway.ts';
import { callCount, decide } from './waiting-approvals.ts';

const own = '@id("own") permit (principal, action == Action::"call", resource) when { resource in context.agent };';
const noSpies = `@id("no-spies") @reason("No spying.")
forbid (principal, action == Action::"call", resource == Tool::"count") when { context.input.word == "spy" };`;
const never = '@id("never") forbid (principal, action, resource);';

async function policyFile(text: string) {
  const folder = await mkdtemp(join(tmpdir(), 'runtape-policy-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'house.cedar');
  const write = (changed: string) => writeFile(path, changed);
  await write(text);
  return { path, write };
}

async function startWith(text: string, overrides: Pick<Overrides, 'authenticate'> = {}) {
  const { path, write } = await policyFile(text);
  const tool = countedTool({ risk: 'HIGH' });
  const started = await startTestGateway({ tools: [tool], file: { policyFile: path }, ...overrides });
  return { ...started, tool, path, write };
}

describe('a file of policies', () => {
  test('takes the place of the built-in policy, and the tape says which rule decided', async () => {
    const unattended = '@id("free") permit (principal, action == Action::"callUnattended", resource == Tool::"count");';
    const { client, tool } = await startWith(`${own}${unattended}`);
    const called = await callCount(client, 'desk');
    expect(called.decision).toMatchObject({ effect: 'ALLOW', rule: 'free' });
    expect(tool.executions).toHaveLength(1);
  });

  test('that is broken stops the start with the line and what is wrong', async () => {
    const { path } = await policyFile(
      `${own}\n${never}\npermit (principal, action, resource) when { resource.rsk == "LOW" };`,
    );
    const problem = `${path}:3:45: attribute \`rsk\` on entity type \`Tool\` not found (did you mean \`risk\`?)`;
    await expect(startTestGateway({ file: { policyFile: path } })).rejects.toThrow(problem);
    const absent = startTestGateway({ file: { policyFile: `${path}x` } });
    await expect(absent).rejects.toThrow(/policyFile names .*house\.cedarx, which can not be read: ENOENT/);
  });

  test('that is read again holds for the next call; a broken one changes nothing', async () => {
    const { client, gateway, write, path } = await startWith(own);
    expect((await callCount(client, 'desk')).decision).toMatchObject({ effect: 'ASK' });
    await write('permit (');
    expect(gateway.reloadPolicy()).toMatchObject({ ok: false, problems: [expect.stringContaining(`${path}:1:`)] });
    expect((await callCount(client, 'other')).decision).toMatchObject({ effect: 'ASK' });
    await write(`${own}${never}`);
    expect(gateway.reloadPolicy()).toEqual({ ok: true });
    expect((await callCount(client, 'third')).decision).toMatchObject({ effect: 'DENY', rule: 'never' });
  });
});

describe('what policy denies', () => {
  test('B43: bothers nobody', async () => {
    const { client, tool } = await startWith(`${own}${noSpies}`);
    const called = await callCount(client, 'desk', 'spy');
    expect(called).toMatchObject({ approvalId: null, decision: { effect: 'DENY', rule: 'no-spies' } });
    expect((await runById(client, called.runId)).output).toContain('Not permitted: No spying.');
    expect((await client.send(ApprovalsDocument, {})).approvals.edges).toEqual([]);
    expect(tool.executions).toEqual([]);
  });

  test('B39: no grant outweighs', async () => {
    const { client, gateway, tool, write } = await startWith(own);
    const asked = await callCount(client, 'desk');
    await decide(client, asked.approvalId, { decision: 'ALLOW', scope: 'SESSION' });
    await follow(client, asked.runId);
    expect((await callCount(client, 'desk', 'spy')).decision?.effect).toBe('ALLOW');
    await write(`${own}${noSpies}`);
    gateway.reloadPolicy();
    expect((await callCount(client, 'desk', 'spy')).decision).toMatchObject({ effect: 'DENY', rule: 'no-spies' });
    expect((await callCount(client, 'desk')).decision?.effect).toBe('ALLOW');
    expect(tool.executions).toHaveLength(3);
  });

  test('B42: no edited input gets around, and the approval still waits', async () => {
    const { client, tool } = await startWith(`${own}${noSpies}`);
    const asked = await callCount(client, 'desk');
    const refused = await decide(client, asked.approvalId, { decision: 'ALLOW', editedInput: { word: 'spy' } });
    expect(refused).toMatchObject({
      __typename: 'InvalidInputError',
      issues: [{ path: ['editedInput'], message: 'policy denies this call: No spying.' }],
    });
    const allowed = await decide(client, asked.approvalId, { decision: 'ALLOW', editedInput: { word: 'b' } });
    expect(allowed.__typename).toBe('DecideApprovalSuccess');
    await follow(client, asked.runId);
    expect(tool.executions).toMatchObject([{ input: { word: 'b' } }]);
  });

  test.each([
    ['no object', 'spy', /must be a JSON object/],
    ['too long', { word: 'x'.repeat(100_000) }, /longer than 98304 bytes/],
  ])('B42: an edited input that is %s is refused', async (_what, editedInput, message) => {
    const { client, tool } = await startWith(own);
    const asked = await callCount(client, 'desk');
    const refused = await decide(client, asked.approvalId, { decision: 'ALLOW', editedInput });
    const issues = [{ path: ['editedInput'], message: expect.stringMatching(message) }];
    expect(refused).toMatchObject({ __typename: 'InvalidInputError', issues });
    expect(tool.executions).toEqual([]);
  });

  test('B43: by the time of the decision can not be allowed any more, but denied', async () => {
    const { client, gateway, write, tool } = await startWith(own);
    const asked = await callCount(client, 'desk', 'spy');
    await write(`${own}${noSpies}`);
    gateway.reloadPolicy();
    const refused = await decide(client, asked.approvalId, { decision: 'ALLOW', scope: 'SESSION' });
    expect(refused).toMatchObject({ __typename: 'InvalidInputError', issues: [{ path: ['decision'] }] });
    await decide(client, asked.approvalId, { decision: 'DENY' });
    await follow(client, asked.runId);
    expect(tool.executions).toEqual([]);
  });
});

describe('the scopes of whoever sent the message', () => {
  const forOperators = `@id("operators") forbid (principal, action == Action::"call", resource)
    unless { principal == Principal::"ada" && principal.scopes.contains("admin") };`;
  const authenticate: Overrides['authenticate'] = ({ headers, connectionParams }) => {
    const given = String(headers['x-principal'] ?? connectionParams['x-principal']);
    const [principal = '', scope = ''] = given.split('/');
    return { principal, scopes: ['read', 'write', 'approve', ...(scope === '' ? [] : [scope])] };
  };

  test('are on the tape, and policy judges by them, whoever decides and after a restart', async () => {
    const first = await startWith(`${own}${forOperators}`, { authenticate });
    const denied = await callCount(first.clientOf('ada/'), 'desk');
    expect(denied.decision).toMatchObject({ effect: 'DENY', rule: 'operators' });
    const asked = await callCount(first.clientOf('ada/admin'), 'desk');
    expect(asked.events[0]?.payload).toMatchObject({ origin: { scopes: ['read', 'write', 'approve', 'admin'] } });
    const { clientOf } = await first.restart();
    const client = clientOf('ada/');
    const allowed = await decide(client, asked.approvalId, { decision: 'ALLOW', editedInput: { word: 'b' } });
    expect(allowed.__typename).toBe('DecideApprovalSuccess');
    await follow(client, asked.runId);
    expect(first.tool.executions).toMatchObject([{ input: { word: 'b' } }]);
  });
});

test('B43: a run that may call no model any more asks nobody', async () => {
  const tool = countedTool({ risk: 'HIGH' });
  const { client } = await startTestGateway({ tools: [tool], file: { limits: { maxSteps: 1 } } });
  const called = await callCount(client, 'desk');
  expect(typesOf(called.events)).not.toContain('APPROVAL_REQUEST');
  expect(await runById(client, called.runId)).toMatchObject({ state: 'FAILED', error: { code: 'STEP_LIMIT' } });
});
