import { describe, expect, test } from 'vitest';
import { allowCall } from '../../../src/application/approval/allow-call.ts';
import { separationProblem, visibleOwner } from '../../../src/application/approval/approval-access.ts';
import { callWaitingFor } from '../../../src/application/approval/replace-approval.ts';
import type { AllowingVerdict } from '../../../src/application/approval/verdict.ts';
import { recordPolicyChange } from '../../../src/application/audit/policy-changes.ts';
import { definitionOf } from '../../../src/application/tool-calls/tool-definition.ts';
import { isDecidedByApprovers, visibleWaits } from '../../../src/application/wait/wait-access.ts';
import { isRefusal } from '../../../src/domain/refusal.ts';
import type { PolicyRequest } from '../../../src/policy/policy.ts';
import type { RecordRequest } from '../../../src/run-store/run-store.ts';
import type { Tool } from '../../../src/tools/tool.ts';
import { approvalRequest, awaitingApproval, callsRequested, eventsOf, runOf, status } from '../domain/given.ts';
import { fakeTool } from '../orchestrator/fake-tool.ts';

const approver = { principal: 'eve', scopes: ['approve:any'] } as const;
const owner = { principal: 'ada', scopes: ['read', 'write'] } as const;

describe('an approver', () => {
  test('sees the approvals and budget requests of every principal, and others those of their own runs', () => {
    expect([visibleOwner(approver), visibleOwner(owner)]).toEqual([null, 'ada']);
    expect(visibleWaits(approver)).toEqual({ owner: 'eve', kindsOfEverybody: ['APPROVAL', 'BUDGET'] });
    expect(visibleWaits(owner)).toEqual({ owner: 'ada', kindsOfEverybody: [] });
    const id = '0'.repeat(26);
    expect(['apr', 'bud', 'que', 'call'].map((prefix) => isDecidedByApprovers(`${prefix}_${id}`))).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  test('is somebody else than the owner of the run, where that is configured', () => {
    const problem = (viewer: typeof owner | typeof approver, isEdited = false, separateApprover = true) =>
      separationProblem({ separateApprover }, viewer, 'ada', isEdited);
    expect(problem(owner)).toMatchObject({ kind: 'invalid-input', issues: [{ path: ['decision'] }] });
    expect(problem(owner, true)).toMatchObject({ issues: [{ path: ['decision'] }] });
    expect(problem(approver)).toBeNull();
    expect(problem(owner, true, false)).toBeNull();
  });

  test('changes an input only with the scope to write', () => {
    const problem = (...scopes: ('approve:any' | 'write')[]) =>
      separationProblem({ separateApprover: true }, { principal: 'eve', scopes }, 'ada', true);
    expect(problem('approve:any')).toMatchObject({ kind: 'invalid-input', issues: [{ path: ['editedInput'] }] });
    expect(problem('approve:any', 'write')).toBeNull();
  });
});

const look = fakeTool('tool_a', async () => null, { risk: 'MEDIUM' });
const session = { id: 'ses_1', key: 'work', owner: 'ada', agentId: null, metadata: '{}' } as never;

interface Situation {
  /** The tool as it is now; null if it is away. */
  tool?: Tool | null;
  /** Of the tool that the approver was shown; null on old tapes. */
  shown?: string | null;
  effect?: 'ALLOW' | 'ASK' | 'DENY';
  recorded?: 'recorded' | 'refused';
}

/** Allows the call `a` of a run that waits for its approval. */
async function allow(
  verdict: Partial<AllowingVerdict>,
  { tool = look, shown = definitionOf(look).hash, effect = 'ASK', recorded = 'recorded' }: Situation = {},
) {
  const requests: PolicyRequest[] = [];
  const decisions: ReturnType<RecordRequest['decide']>[] = [];
  const compared: unknown[] = [];
  const logged: unknown[] = [];
  const run = runOf(
    callsRequested('a'),
    approvalRequest('a', { definitionHash: shown }),
    status('IN_PROGRESS', 'AWAITING_APPROVAL'),
  );
  const context = {
    toolbox: { find: () => tool },
    clientTools: {},
    policy: {
      evaluate(request: PolicyRequest) {
        requests.push(request);
        return { effect, reason: 'By policy.', rules: ['one'] };
      },
    },
    acceptedDefinitions: { quarantineOf: () => null, compare: async (tools: unknown) => void compared.push(tools) },
    secretStore: { foreignPlaceholders: () => [] },
    journal: { readMany: async () => new Map([['run_1', []]]) },
    runStore: {
      async record({ decide, ...target }: RecordRequest) {
        expect(target).toEqual({ runId: 'run_1', sessionId: 'ses_1', epoch: null });
        decisions.push(decide(run, { now: 1000, canStart: false }));
        return { kind: recorded };
      },
    },
    logger: { info: (...entry: unknown[]) => void logged.push(entry) },
    newId: (kind: string) => `${kind}_1`,
    now: () => 1000,
    settings: { approvalExpirySeconds: 60 },
  } as never;
  const call = callWaitingFor(run, 'apr_a');
  if (call === null) throw new Error('No call waits for the approval.');
  const outcome = await allowCall(
    context,
    { session, run, call },
    { approvalId: 'apr_a', decision: 'ALLOW', ...verdict },
  );
  return { outcome, requests, decisions, compared, logged };
}

describe('a call that an approver allows', () => {
  const definitionHash = definitionOf(look).hash;

  test('is found by its approval while it waits', () => {
    const run = runOf(awaitingApproval('a', 'b'));
    expect(callWaitingFor(run, 'apr_b')).toMatchObject({ callId: 'b' });
    expect(callWaitingFor(run, 'apr_c')).toBeNull();
  });

  test('is allowed once, with the definition that was shown', async () => {
    const { outcome, decisions } = await allow({ scope: 'ONCE' });
    expect(outcome).toEqual({ kind: 'allowance', grant: null, definitionHash });
    expect(decisions).toEqual([]);
    expect((await allow({}, { shown: null })).outcome).toMatchObject({ grant: null, definitionHash: null });
  });

  test('is remembered for the session or for a time', async () => {
    const grantOf = async (verdict: Partial<AllowingVerdict>) => {
      const { outcome } = await allow(verdict);
      return 'grant' in outcome ? outcome.grant : outcome;
    };
    expect(await grantOf({ scope: 'SESSION' })).toEqual({ grantId: 'grant_1', expiresAt: null, target: null });
    expect(await grantOf({ scope: 'TIMEBOXED', expiresInSeconds: 5 })).toMatchObject({ expiresAt: 6000 });
  });

  test('is not remembered if the approval does not say what was shown', async () => {
    const { outcome } = await allow({ scope: 'SESSION' }, { shown: null });
    expect(outcome).toMatchObject({ kind: 'invalid-input', issues: [{ path: ['scope'] }] });
  });

  test('is remembered for its target, that of the edited input', async () => {
    const target = ({ of }: { of?: string } = {}) => ({ text: `all of ${of}`, grantable: `of ${of}` });
    const tool = { ...look, target: (input: unknown) => target(input as object) };
    const bound = { scope: 'SESSION', bindToTarget: true } as const;
    expect((await allow(bound, { tool })).outcome).toMatchObject({ grant: { target: 'of a' } });
    expect((await allow({ ...bound, editedInput: { of: 'b' } }, { tool })).outcome).toMatchObject({
      grant: { target: 'of b' },
    });
    const problem = { kind: 'invalid-input', issues: [{ path: ['bindToTarget'] }] };
    expect((await allow(bound)).outcome).toMatchObject(problem);
    expect((await allow(bound, { tool: { ...look, target: () => null } })).outcome).toMatchObject(problem);
    expect((await allow(bound, { tool: null })).outcome).toMatchObject(problem);
  });

  test('is still checked by policy, with the input that it would have', async () => {
    const { outcome, requests } = await allow({ editedInput: { of: 'b' } }, { effect: 'DENY' });
    expect(outcome).toMatchObject({
      kind: 'invalid-input',
      issues: [{ path: ['editedInput'], message: 'policy denies this call: By policy.' }],
    });
    expect(requests).toMatchObject([
      { input: { of: 'b' }, tool: { name: 'tool_a' }, principal: { id: 'ada', scopes: ['read', 'write'] } },
    ]);
    expect((await allow({}, { effect: 'DENY' })).outcome).toMatchObject({ issues: [{ path: ['decision'] }] });
    expect((await allow({}, { effect: 'DENY' })).requests).toMatchObject([{ input: { of: 'a' } }]);
    expect((await allow({}, { effect: 'ALLOW' })).outcome).toMatchObject({ kind: 'allowance' });
  });

  test('is allowed while its tool is away, but its input cannot be changed then', async () => {
    expect((await allow({}, { tool: null })).outcome).toMatchObject({ kind: 'allowance', definitionHash });
    expect((await allow({ editedInput: { of: 'b' } }, { tool: null })).outcome).toMatchObject({
      issues: [
        { path: ['editedInput'], message: 'the tool tool_a is not available now, so its input cannot be checked' },
      ],
    });
  });

  test('has an edited input that its tool takes', async () => {
    const tool: Tool = { ...look, prepare: () => ({ ok: false, error: 'No b.' }) };
    expect((await allow({ editedInput: { of: 'b' } }, { tool })).outcome).toMatchObject({
      issues: [{ path: ['editedInput'], message: 'No b.' }],
    });
    expect((await allow({ editedInput: null }, { tool })).outcome).toMatchObject({ kind: 'allowance' });
  });

  test('is asked about again if its tool has changed since', async () => {
    const { outcome, decisions, compared, logged } = await allow({}, { shown: 'older' });
    expect(outcome).toEqual({
      kind: 'approval-settled',
      approvalId: 'apr_a',
      message:
        'Approval apr_a was withdrawn: the definition of tool_a changed after it was requested. Read the approvals of the run again.',
    });
    expect(compared).toEqual([[look]]);
    expect(logged).toEqual([
      [
        { event: 'approval-withdrawn', approvalId: 'apr_a', runId: 'run_1', tool: 'tool_a' },
        'The definition of tool_a changed.',
      ],
    ]);
    const [decision] = decisions;
    if (!decision || isRefusal(decision)) throw new Error('The approval was not replaced.');
    expect(eventsOf(decision)).toMatchObject([
      { type: 'approval_decision', payload: { callId: 'a', reason: 'The definition of tool_a changed.' } },
      { type: 'tool_decision', payload: { callId: 'a', effect: 'ASK' } },
      { type: 'approval_request', payload: { callId: 'a', approvalId: 'approval_1', definitionHash } },
    ]);
    const lost = await allow({}, { shown: 'older', recorded: 'refused' });
    expect([lost.outcome.kind, lost.logged]).toEqual(['allowance', []]);
  });
});

test('a change of the policy is recorded unless the newest entry names the same policy', async () => {
  const recorded: unknown[] = [];
  const change = (sha256: string | null, newest: object | null) =>
    recordPolicyChange(
      {
        audit: { record: async (entry) => void recorded.push(entry) },
        database: { query: async () => (newest ? [newest] : []) } as never,
      },
      sha256,
    );
  await change('a', { details: '{"sha256":"a"}' });
  await change(null, { details: '{"sha256":null}' });
  expect(recorded).toEqual([]);
  const entry = { event: 'policy-changed', principal: null, address: null, rule: null };
  await change('b', { details: '{"sha256":"a"}' });
  await change(null, null);
  expect(recorded).toEqual([
    { ...entry, details: { sha256: 'b' } },
    { ...entry, details: { sha256: null } },
  ]);
});
