import { describe, expect, test } from 'vitest';
import { decideApproval } from '../../../src/application/approval/decide-approval.ts';
import type { DecideApprovalInput } from '../../../src/application/approval/verdict.ts';
import { definitionOf } from '../../../src/application/tool-calls/tool-definition.ts';
import { MASKED_INPUT_BYTES, TOOL_INPUT_BYTES } from '../../../src/config/limits.ts';
import type { NewEvent } from '../../../src/domain/events.ts';
import { isRefusal } from '../../../src/domain/refusal.ts';
import type { Run } from '../../../src/domain/run.ts';
import type { RecordRequest } from '../../../src/run-store/run-store.ts';
import {
  approvalDecision,
  approvalRequest,
  awaitingApproval,
  callsRequested,
  eventsOf,
  expiry,
  type Given,
  runOf,
  status,
  tape,
} from '../domain/given.ts';
import { fakeTool } from '../orchestrator/fake-tool.ts';

interface Situation {
  given?: Given;
  /** Of the row of the approval, which may be older than the tape. */
  status?: 'PENDING' | 'ALLOWED' | 'DENIED' | 'EXPIRED';
  now?: number;
  viewer?: { principal: string; scopes: ('read' | 'write' | 'approve:any')[] };
  separateApprover?: boolean;
  effect?: 'ASK' | 'DENY';
  secretStore?: { mask(call: unknown, input: object): object };
}

const tool = fakeTool('tool_a', async () => null);
const { hash: definitionHash } = definitionOf(tool);
/** A run that waits for the approval of its call, whose tool was shown. */
const waiting: Given = [
  callsRequested('a'),
  approvalRequest('a', { definitionHash }),
  status('IN_PROGRESS', 'AWAITING_APPROVAL'),
];

/** Decides about the approval `apr_a` of a run of ada. */
async function decideAbout(
  verdict: Partial<DecideApprovalInput>,
  {
    given = waiting,
    status: stored = 'PENDING',
    effect = 'ASK',
    now = expiry - 1,
    viewer = { principal: 'ada', scopes: [] },
    separateApprover = false,
    secretStore = { mask: (call, input) => ({ ...input, masked: call }) },
  }: Situation = {},
) {
  const recorded: unknown[] = [];
  const counted: unknown[] = [];
  const run: Run = runOf(given);
  const approval = {
    id: 'apr_a',
    kind: 'APPROVAL',
    runId: 'run_1',
    sessionId: 'ses_1',
    callId: 'a',
    tool: 'tool_a',
    status: stored,
    expiresAt: new Date(expiry),
  };
  const session = { id: 'ses_1', key: 'work', owner: 'ada', agentId: null, metadata: '{}' };
  const context = {
    database: {
      query: async (_: unknown, id: string) => (id === 'apr_a' ? [approval] : id === 'ses_1' ? [session] : []),
    },
    runStore: {
      load: async () => run,
      async record({ decide, claim }: RecordRequest) {
        const decision = decide(run, { now, canStart: false });
        if (isRefusal(decision)) return { kind: 'refused', refusal: decision };
        const rows = decision.rows?.map(({ row }) => row);
        const events = eventsOf(decision);
        recorded.push({ claim, rows, types: events.map(({ type }) => type), payload: events[0]?.payload });
        return { kind: 'recorded' };
      },
    },
    journal: { readMany: async () => new Map([['run_1', tape(given)]]) },
    toolbox: { find: () => tool },
    clientTools: {},
    policy: { evaluate: () => ({ effect, reason: 'By policy.', rules: [] }) },
    acceptedDefinitions: { quarantineOf: () => null },
    secretStore,
    newId: (kind: string) => `${kind}_1`,
    audit: { rowOf: (row: object) => ({ row }), count: (attempt: unknown) => void counted.push(attempt) },
    logger: { info: () => {} },
    now: () => now,
    settings: { separateApprover, onExpiry: 'deny' },
  } as never;
  const outcome = await decideApproval(context, viewer, { approvalId: 'apr_a', decision: 'ALLOW', ...verdict });
  return { outcome, recorded, counted };
}

const expired: Given = [awaitingApproval('a', 'b'), approvalDecision('a', 'EXPIRED')];
const entry = { event: 'approval-decided', principal: 'ada', address: null, rule: null };
const details = {
  decision: 'ALLOW',
  scope: 'ONCE',
  isEdited: false,
  approvalId: 'apr_a',
  runId: 'run_1',
  callId: 'a',
  tool: 'tool_a',
  owner: 'ada',
};

describe('the decision about an approval', () => {
  test('is recorded with its entry in the audit log, and may continue the run', async () => {
    const { outcome, recorded, counted } = await decideAbout({});
    expect(outcome).toEqual({ kind: 'decided', approvalId: 'apr_a', runId: 'run_1' });
    expect(recorded).toEqual([
      {
        claim: 'waiting',
        rows: [{ ...entry, details }],
        types: ['approval_decision', 'status'],
        payload: expect.anything(),
      },
    ]);
    expect(counted).toEqual([]);
    expect(recorded).toMatchObject([
      { payload: { status: 'ALLOWED', scope: 'ONCE', decidedBy: 'ada', editedInput: null } },
    ]);
    const denied = await decideAbout({ decision: 'DENY', reason: 'No.' });
    expect(denied.recorded).toMatchObject([
      {
        rows: [{ details: { decision: 'DENY', scope: null } }],
        payload: { status: 'DENIED', decidedBy: 'ada', reason: 'No.' },
      },
    ]);
  });

  test('is refused to others than its owner and approvers, as if there were none', async () => {
    const bob = { principal: 'bob', scopes: ['read' as const, 'write' as const] };
    const refused = await decideAbout({}, { viewer: bob });
    expect([refused.outcome.kind, refused.recorded, refused.counted]).toEqual(['not-found', [], []]);
    expect((await decideAbout({ approvalId: 'apr_b' })).outcome.kind).toBe('not-found');
    const eve = { principal: 'eve', scopes: ['approve:any' as const] };
    expect((await decideAbout({}, { viewer: eve })).outcome.kind).toBe('decided');
  });

  test('comes too late when the approval expires: that is recorded at once', async () => {
    const late = await decideAbout({}, { now: expiry });
    expect(late.outcome.kind).toBe('approval-settled');
    expect(late.recorded).toMatchObject([{ types: ['approval_decision', 'tool_result', 'status'] }]);
    const settled = await decideAbout({}, { now: expiry, status: 'EXPIRED', given: expired });
    expect([settled.outcome.kind, settled.recorded]).toEqual(['approval-settled', []]);
  });

  test('is settled once: the same decision again succeeds, and another one is refused and counted', async () => {
    const allowed = {
      given: [awaitingApproval('a', 'b'), approvalDecision('a', 'ALLOWED')],
      status: 'ALLOWED',
    } as const;
    const again = await decideAbout({}, allowed);
    expect([again.outcome.kind, again.recorded, again.counted]).toEqual(['decided', [], []]);
    const denied = { given: [awaitingApproval('a', 'b'), approvalDecision('a', 'DENIED')], status: 'DENIED' } as const;
    expect((await decideAbout({ decision: 'DENY' }, denied)).outcome.kind).toBe('decided');
    const other = await decideAbout({ decision: 'DENY' }, allowed);
    expect(other.outcome.kind).toBe('approval-settled');
    expect(other.counted).toEqual([
      {
        ...entry,
        event: 'decision-refused',
        details: { ...details, reason: 'approval-settled', decision: 'DENY', scope: null },
      },
    ]);
  });

  test('is only repeated with the same input and the same scope', async () => {
    const editedInput = { of: 'b', key: '[masked credential #0123456789ab]' };
    const decision = approvalDecision('a', 'ALLOWED', editedInput);
    if (decision.type !== 'approval_decision') throw new Error('It is no decision.');
    const grant = { scope: 'SESSION' as const, grantId: 'grant_1', grantTarget: 'GET https://a.example' };
    const remembered = { ...decision, payload: { ...decision.payload, ...grant } };
    // Another server, or the same after a restart, has other digests.
    const secretStore = { mask: () => ({ key: '[masked credential #ba9876543210]', of: 'b' }) };
    const kindOf = async (verdict: Partial<DecideApprovalInput>, winning: NewEvent = decision) => {
      const given: Given = [awaitingApproval('a', 'b'), winning];
      const { outcome, recorded } = await decideAbout(verdict, { given, status: 'ALLOWED', secretStore });
      expect(recorded).toEqual([]);
      return outcome.kind;
    };
    const same = { editedInput: { of: 'b', key: 'k3y-0000' } };
    expect(await kindOf(same)).toBe('decided');
    expect(await kindOf({})).toBe('approval-settled');
    expect(await kindOf(same, approvalDecision('a', 'ALLOWED', { of: 'c' }))).toBe('approval-settled');
    expect(await kindOf({ ...same, scope: 'SESSION' })).toBe('approval-settled');
    expect(await kindOf({ ...same, scope: 'SESSION', bindToTarget: true }, remembered)).toBe('decided');
    expect(await kindOf({ ...same, scope: 'SESSION' }, remembered)).toBe('approval-settled');
    expect(await kindOf(same, remembered)).toBe('approval-settled');
  });

  test('can change the input, masked as that of the call, and be remembered', async () => {
    const { recorded } = await decideAbout({ editedInput: { of: 'b' }, scope: 'SESSION' });
    const editedInput = { of: 'b', masked: { sessionId: 'ses_1', callId: 'a' } };
    expect(recorded).toMatchObject([{ payload: { status: 'ALLOWED', scope: 'SESSION', editedInput } }]);
    expect(recorded).toMatchObject([
      {
        rows: [
          { details: { isEdited: true, scope: 'SESSION' } },
          { id: 'grant_1', sessionId: 'ses_1', tool: 'tool_a', definitionHash, grantedBy: 'ada', target: null },
        ],
      },
    ]);
  });

  test('has an input that is neither too long nor has credentials of other calls, and that policy allows', async () => {
    const problemOf = async (verdict: Partial<DecideApprovalInput>, situation: Situation = {}) => {
      const { outcome, recorded } = await decideAbout(verdict, situation);
      expect(recorded).toEqual([]);
      return outcome;
    };
    const problem = { kind: 'invalid-input', issues: [{ path: ['editedInput'] }] };
    expect(await problemOf({ editedInput: { of: 'x'.repeat(TOOL_INPUT_BYTES) } })).toMatchObject(problem);
    expect(await problemOf({ editedInput: { of: '[masked token #111111111111]' } })).toMatchObject(problem);
    const longMasked = { mask: () => ({ of: 'x'.repeat(MASKED_INPUT_BYTES) }) };
    expect(await problemOf({ editedInput: { of: 'short' } }, { secretStore: longMasked })).toMatchObject(problem);
    expect(await problemOf({}, { effect: 'DENY' })).toMatchObject({ issues: [{ path: ['decision'] }] });
    expect(await problemOf({ expiresInSeconds: 5 })).toMatchObject({ issues: [{ path: ['expiresInSeconds'] }] });
  });

  test('to allow is that of another principal, where this is configured; to deny is not', async () => {
    const own = await decideAbout({}, { separateApprover: true });
    expect([own.outcome.kind, own.recorded, own.counted]).toEqual(['invalid-input', [], [expect.anything()]]);
    expect((await decideAbout({ decision: 'DENY' }, { separateApprover: true })).outcome.kind).toBe('decided');
    const byEve = { separateApprover: true, viewer: { principal: 'eve', scopes: ['approve:any' as const] } };
    expect((await decideAbout({}, byEve)).outcome.kind).toBe('decided');
    expect((await decideAbout({ editedInput: { of: 'b' } }, byEve)).outcome).toMatchObject({
      issues: [{ path: ['editedInput'], message: expect.stringContaining('needs the scope `write`') }],
    });
  });
});
