import { describe, expect, test } from 'vitest';
import {
  type CallRules,
  evaluateCall,
  inputProblem,
  inputSizeProblem,
} from '../../../src/application/tool-calls/evaluate-call.ts';
import { type ReviewContext, reviewCall } from '../../../src/application/tool-calls/review-call.ts';
import type { ToolCaller } from '../../../src/application/tool-calls/tool-caller.ts';
import { definitionOf } from '../../../src/application/tool-calls/tool-definition.ts';
import { APPROVALS_PER_CALL, TOOL_INPUT_BYTES } from '../../../src/config/limits.ts';
import type { Grant } from '../../../src/domain/approval.ts';
import type { ToolCall } from '../../../src/domain/step.ts';
import type { PolicyRequest } from '../../../src/policy/policy.ts';
import type { Tool } from '../../../src/tools/tool.ts';
import { fakeTool } from '../orchestrator/fake-tool.ts';

const tool = fakeTool('look', async () => null);
const caller: ToolCaller = {
  principal: { id: 'ada', scopes: ['write'] },
  agent: { id: null, name: '' },
  session: { id: 'ses_1', key: 'work', metadata: {} },
  message: { metadata: {} },
  tools: null,
};
const newCall: ToolCall = {
  callId: 'call_1',
  seq: 5,
  tool: 'look',
  input: { at: 'the sea' },
  inputError: null,
  attempts: 0,
  idempotencyKey: null,
  definitionHash: null,
  isApproved: false,
  approvalRequests: 0,
  phase: { at: 'requested' },
};
const grantFor = (of: Tool, more: Partial<Grant> = {}): Grant => ({
  tool: of.name,
  target: null,
  definitionHash: definitionOf(of).hash,
  expiresAt: null,
  ...more,
});

type Effect = 'ALLOW' | 'ASK' | 'DENY';
type Quarantine = ReturnType<CallRules['acceptedDefinitions']['quarantineOf']>;

/** Rules whose policy has this effect, and the requests that the policy got. */
function rulesOf(effect: Effect, quarantine: Quarantine = null) {
  const requests: PolicyRequest[] = [];
  const rules: CallRules = {
    policy: {
      evaluate(request) {
        requests.push(request);
        return { effect, reason: 'By policy.', rules: ['one', 'two'] };
      },
    },
    acceptedDefinitions: { quarantineOf: () => quarantine },
  };
  return { rules, requests };
}

describe('the decision about a call', () => {
  const decide = (effect: Effect, grants: readonly Grant[] = [], quarantine: Quarantine = null, of: Tool = tool) =>
    evaluateCall(rulesOf(effect, quarantine).rules, caller, { tool: of, input: {} }, { grants, now: 1000 });

  test('is that of the policy, which is told who calls what', () => {
    const { rules, requests } = rulesOf('ASK');
    const input = { at: 'the sea' };
    expect(evaluateCall(rules, caller, { tool, input }, { grants: [], now: 0 })).toEqual({
      effect: 'ASK',
      reason: 'By policy.',
      rules: ['one', 'two'],
      grant: null,
    });
    const { tools: _, ...known } = caller;
    expect(requests).toEqual([
      { ...known, tool: { name: 'look', risk: 'LOW', source: 'builtin', idempotent: false, isOwn: true }, input },
    ]);
  });

  test('depends on whether the agent has the tool, or its client offers it', () => {
    const isOwn = (of: Tool, tools: readonly string[] | null) => {
      const { rules, requests } = rulesOf('ALLOW');
      evaluateCall(rules, { ...caller, tools }, { tool: of, input: {} }, { grants: [], now: 0 });
      return requests[0]?.tool.isOwn;
    };
    expect([isOwn(tool, null), isOwn(tool, ['look']), isOwn(tool, ['other'])]).toEqual([true, true, false]);
    expect(
      isOwn(
        fakeTool('show', async () => null, { source: 'client' }),
        ['other'],
      ),
    ).toBe(true);
  });

  test('is an earlier one where a grant covers what policy asks about', () => {
    const grant = grantFor(tool);
    expect(decide('ASK', [grantFor(tool, { tool: 'other' }), grant])).toEqual({
      effect: 'ALLOW',
      reason: 'An earlier approval covers this tool in this session.',
      rules: ['one', 'two'],
      grant,
    });
    expect(decide('ASK', [grantFor(tool, { expiresAt: 1000 })])).toMatchObject({ effect: 'ASK', grant: null });
    expect(decide('ASK', [grantFor(tool, { definitionHash: 'older' })])).toMatchObject({ effect: 'ASK', grant: null });
    expect(decide('ALLOW', [grant])).toMatchObject({ effect: 'ALLOW', reason: 'By policy.', grant: null });
    expect(decide('DENY', [grant])).toMatchObject({ effect: 'DENY', grant: null });
  });

  test('respects the target that a grant is bound to', () => {
    const target = (text: string) => () => ({ text, grantable: text });
    const bound = [grantFor(tool, { target: 'example.com' })];
    expect(decide('ASK', bound)).toMatchObject({ effect: 'ASK' });
    expect(decide('ASK', bound, null, { ...tool, target: target('evil.com') })).toMatchObject({ effect: 'ASK' });
    expect(decide('ASK', bound, null, { ...tool, target: target('example.com') })).toMatchObject({ effect: 'ALLOW' });
    expect(decide('ASK', bound, null, { ...tool, target: () => null })).toMatchObject({ effect: 'ASK' });
  });

  test('is to ask about a tool in quarantine, whatever policy and grants allow', () => {
    expect(decide('ALLOW', [grantFor(tool)], { previous: { old: true } })).toEqual({
      effect: 'ASK',
      reason: 'The definition of look changed, and nobody has accepted it yet.',
      rules: [],
      grant: null,
    });
    expect(decide('ASK', [], { previous: null })).toEqual({
      effect: 'ASK',
      reason: 'look is a new tool that nobody has accepted: its server has had too many.',
      rules: ['one', 'two'],
      grant: null,
    });
    expect(decide('DENY', [], { previous: null })).toMatchObject({ effect: 'DENY', reason: 'By policy.' });
  });
});

describe('the input of a call', () => {
  test('is an object that is not too long, and that its tool accepts', async () => {
    expect(await inputProblem(tool, { a: 1 }, 'ada')).toBeNull();
    for (const input of ['text', null, [1]]) {
      expect(await inputProblem(tool, input, 'ada')).toBe('The input must be a JSON object.');
    }
    const strict: Tool = { ...tool, prepare: (_input, owner) => ({ ok: false, error: `Not for ${owner}.` }) };
    expect(await inputProblem(strict, {}, 'ada')).toBe('Not for ada.');
    const long = { a: 'x'.repeat(TOOL_INPUT_BYTES - 8) };
    expect(inputSizeProblem(long)).toBeNull();
    const longer = { a: 'x'.repeat(TOOL_INPUT_BYTES - 7) };
    const problem = `The input has ${TOOL_INPUT_BYTES + 1} bytes as JSON, which is longer than ${TOOL_INPUT_BYTES} bytes.`;
    expect(await inputProblem(tool, longer, 'ada')).toBe(problem);
  });
});

describe('the review of a call', () => {
  interface Review {
    effect?: Effect;
    call?: Partial<ToolCall>;
    of?: Tool;
    reused?: string[];
    grants?: readonly Grant[];
    quarantine?: Quarantine;
  }

  async function review({ effect = 'ALLOW', call = {}, of = tool, reused = [], grants = [], quarantine }: Review) {
    const context: ReviewContext = {
      ...rulesOf(effect, quarantine ?? null).rules,
      secretStore: {
        foreignPlaceholders(call, input) {
          expect([call, input]).toEqual([{ sessionId: 'ses_1', callId: 'call_1' }, newCall.input]);
          return reused;
        },
      },
      newId: () => 'apr_1',
      now: () => 1000,
      settings: { approvalExpirySeconds: 60 },
    };
    const reviewed = { call: { ...newCall, ...call }, tool: of, caller, shownDefinition: { old: true } };
    const { kind, events, ...rest } = await reviewCall(context, reviewed, grants);
    return { kind, events, decision: 'decision' in rest ? rest.decision : undefined };
  }

  const decision = (more: object = {}) => ({
    type: 'tool_decision',
    actor: 'SYSTEM',
    payload: {
      callId: 'call_1',
      effect: 'ALLOW',
      reason: 'By policy.',
      rule: 'one, two',
      definitionHash: definitionOf(tool).hash,
      ...more,
    },
  });

  test('records a call that policy allows, once for each definition of its tool', async () => {
    expect(await review({})).toEqual({ kind: 'allowed', events: [decision()], decision: undefined });
    const allowed: Partial<ToolCall> = { phase: { at: 'allowed' }, definitionHash: definitionOf(tool).hash };
    expect((await review({ call: allowed })).events).toEqual([]);
    expect((await review({ call: { ...allowed, definitionHash: null } })).events).toEqual([]);
    expect((await review({ call: { ...allowed, definitionHash: 'older' } })).events).toEqual([decision()]);
  });

  test('gives a call that policy denies the reason as its result', async () => {
    const { kind, events, decision: made } = await review({ effect: 'DENY' });
    expect([kind, made?.effect]).toEqual(['settled', 'DENY']);
    expect(events).toMatchObject([
      decision({ effect: 'DENY' }),
      { type: 'tool_result', payload: { callId: 'call_1', ok: false, error: 'Not permitted: By policy.' } },
    ]);
  });

  test('gives a call whose input the tool refuses that as its result, and says if it may have run', async () => {
    const of: Tool = { ...tool, prepare: () => ({ ok: false, error: 'No sea.' }) };
    expect(await review({ of })).toMatchObject({
      kind: 'settled',
      decision: null,
      events: [{ type: 'tool_result', payload: { error: 'No sea.', mayHaveRun: false } }],
    });
    expect((await review({ of, call: { attempts: 1 } })).events).toMatchObject([
      {
        payload: { error: 'No sea. An earlier attempt was interrupted and may have run.', mayHaveRun: true },
      },
    ]);
  });

  test('asks a person if policy says so', async () => {
    const { kind, events } = await review({ effect: 'ASK' });
    expect(kind).toBe('asked');
    expect(events).toEqual([
      decision({ effect: 'ASK' }),
      {
        type: 'approval_request',
        actor: 'SYSTEM',
        payload: {
          callId: 'call_1',
          approvalId: 'apr_1',
          risk: 'LOW',
          summary: 'look(at: "the sea")',
          expiresAt: 61_000,
          why: 'policy',
          target: null,
          rule: 'one, two',
          definitionHash: definitionOf(tool).hash,
          definition: definitionOf(tool).value,
          previousDefinition: { old: true },
        },
      },
    ]);
    expect((await review({ effect: 'ASK', grants: [grantFor(tool)] })).kind).toBe('allowed');
  });

  test('asks whether an interrupted call may be repeated in other words', async () => {
    const target = () => ({ text: 'the sea', grantable: 'the sea' });
    const { events } = await review({ effect: 'ASK', call: { attempts: 1 }, of: { ...tool, target } });
    expect(events[1]?.payload).toMatchObject({
      why: 'unknown_outcome',
      summary: expect.stringMatching(/^Repeat look\b.*\? It was interrupted and may have run already\.$/),
      target: 'the sea',
    });
  });

  test('does not ask again about what a person has allowed', async () => {
    const call: Partial<ToolCall> = { isApproved: true, definitionHash: definitionOf(tool).hash };
    expect(await review({ effect: 'ASK', call })).toEqual({ kind: 'allowed', events: [], decision: undefined });
  });

  test('asks again if the tool is not the one that a person was shown', async () => {
    const reason = 'The definition of look changed after an approval was requested.';
    const waiting = { at: 'waiting', approvalId: 'apr_0', expiresAt: 5000, why: 'policy' } as const;
    for (const call of [{ isApproved: true }, { phase: waiting }]) {
      const asked = await review({ call: { ...call, definitionHash: 'older' } });
      expect(asked.kind).toBe('asked');
      expect(asked.events[0]?.payload).toMatchObject({ effect: 'ASK', reason, rule: null });
      const byPolicy = await review({ effect: 'ASK', call: { ...call, definitionHash: 'older' } });
      expect(byPolicy.events[0]?.payload).toMatchObject({ reason, rule: 'one, two' });
    }
  });

  test('fails a call whose tool changes without end', async () => {
    const call = { approvalRequests: APPROVALS_PER_CALL };
    expect(await review({ effect: 'ASK', call })).toMatchObject({
      kind: 'settled',
      decision: null,
      events: [
        {
          type: 'tool_result',
          payload: { error: `${APPROVALS_PER_CALL} approvals were requested for this call, and look changed again.` },
        },
      ],
    });
    expect((await review({ effect: 'ASK', call: { approvalRequests: APPROVALS_PER_CALL - 1 } })).kind).toBe('asked');
  });

  test('asks whether a call may have the credential of another one, whatever policy allows', async () => {
    const reused = ['[masked token #1]', '[masked token #2]'];
    const { kind, events } = await review({ reused });
    expect(kind).toBe('asked');
    expect(events[0]?.payload).toMatchObject({
      effect: 'ASK',
      reason:
        'The input reuses [masked token #1], [masked token #2], which was given to another call. A person decides whether look may have it.',
      rule: 'one, two',
    });
    expect((await review({ reused, effect: 'DENY' })).events[0]?.payload).toMatchObject({ reason: 'By policy.' });
    expect((await review({ reused, of: { ...tool, keepsPlaceholders: true } })).kind).toBe('allowed');
  });

  test('shows the definition that was accepted last, rather than the one that was shown last', async () => {
    const { events } = await review({ quarantine: { previous: { accepted: true } } });
    expect(events[1]?.payload).toMatchObject({ previousDefinition: { accepted: true } });
  });
});
