import { describe, expect, test, vi } from 'vitest';
import { createTestClient, type TestClient } from '../../client.ts';
import { ApprovalsDocument, DecideApprovalDocument, RevokeGrantDocument } from '../../generated/graphql.ts';
import { follow, runById } from '../conversation.ts';
import { countedTool } from '../counted-tool.ts';
import type { TestGateway } from '../gateway.ts';
import { callCount, decide } from '../policy/approvals.ts';
import { ask, auth, bearing, startGuarded, tokens } from './accounts.ts';
import { createObjectsOfAda, marker, receiveUntil, rowsOf } from './fixtures.ts';
import { attemptsWith } from './stranger-documents.ts';

const separate = { approvals: { separateApprover: true } };

/** Decides with a token, and returns the result or the errors. */
async function decideWith(url: string, token: string, approvalId: string | null, decision = 'decision: ALLOW') {
  const selection =
    '... on DecideApprovalSuccess { approval { status decidedBy runId startedBy run { id } } run { id } } ... on InvalidInputError { issues { path message } } ... on Error { message }';
  const text = `mutation { decideApproval(input: {approvalId: "${approvalId}", ${decision}}) { __typename ${selection} } }`;
  const { body } = await ask(url, text, bearing(token));
  return body.data?.decideApproval ?? body.errors;
}

async function asAda(url: string, work: (client: TestClient) => Promise<void>): Promise<void> {
  await using client = createTestClient(url, bearing(tokens.ada));
  await work(client);
}

const startSeparate = (more = {}): Promise<TestGateway> =>
  startGuarded(separate, { tools: [countedTool({ risk: 'HIGH' })], ...more });

describe('B36: with a separate approver, the principal who started a run', () => {
  test('cannot allow its calls with any token; another approver can, and the tape names the approver', async () => {
    const { url } = await startSeparate();
    await asAda(url, async (client) => {
      const { approvalId, runId } = await callCount(client, 'desk');
      for (const token of [tokens.ada, tokens.adaApproves, tokens.adaApprovesAny]) {
        expect(await decideWith(url, token, approvalId)).toEqual({
          __typename: 'InvalidInputError',
          issues: [{ path: ['decision'], message: expect.stringContaining('`approve:any`') }],
          message: expect.any(String),
        });
      }
      // Bob has all scopes but `approve:any`.
      expect(await decideWith(url, tokens.bob, approvalId)).toMatchObject({ __typename: 'NotFoundError' });
      expect(await runById(client, runId)).toMatchObject({ state: 'AWAITING_APPROVAL' });
      expect(await decideWith(url, tokens.eve, approvalId)).toEqual({
        __typename: 'DecideApprovalSuccess',
        approval: { status: 'ALLOWED', decidedBy: 'eve', runId, startedBy: 'ada', run: null },
        run: null,
      });
      const events = await follow(client, runId);
      expect(events.find(({ type }) => type === 'APPROVAL_DECISION')?.payload).toMatchObject({ decidedBy: 'eve' });
      expect(events.filter(({ type }) => type === 'TOOL_START')).toHaveLength(1);
    });
  });

  test('gets no help from an approver without `write`, who decides about the input as it is', async () => {
    const { url } = await startSeparate();
    await asAda(url, async (client) => {
      const { approvalId, runId } = await callCount(client, 'desk');
      const edited = 'decision: ALLOW, editedInput: {word: "mine"}';
      expect(await decideWith(url, tokens.eveApprovesAny, approvalId, edited)).toMatchObject({
        __typename: 'InvalidInputError',
        issues: [{ path: ['editedInput'], message: expect.stringContaining('needs the scope `write`') }],
      });
      expect(await runById(client, runId)).toMatchObject({ state: 'AWAITING_APPROVAL' });
      expect(await decideWith(url, tokens.eve, approvalId, edited)).toMatchObject({ approval: { status: 'ALLOWED' } });
      await follow(client, runId);
      const second = await callCount(client, 'desk');
      expect(await decideWith(url, tokens.eveApprovesAny, second.approvalId)).toMatchObject({
        approval: { status: 'ALLOWED' },
      });
      await follow(client, second.runId);
    });
  });

  test('can deny its calls', async () => {
    const { url } = await startSeparate();
    await asAda(url, async (client) => {
      const { approvalId } = await callCount(client, 'desk');
      const denied = await decide(client, approvalId, { decision: 'DENY' });
      expect(denied).toMatchObject({ approval: { status: 'DENIED', decidedBy: 'ada' } });
    });
  });

  test('gave grants earlier that no longer apply, while the grants of others do', async () => {
    const tools = [countedTool({ risk: 'HIGH' })];
    const before = await startGuarded({}, { tools });
    await asAda(before.url, async (client) => {
      const { approvalId, runId } = await callCount(client, 'desk');
      await decide(client, approvalId, { decision: 'ALLOW', scope: 'SESSION' });
      await follow(client, runId);
      expect((await callCount(client, 'desk')).approvalId).toBe(null);
    });
    const { url } = await before.restart({ tools, authenticate: undefined, file: { ...separate, auth } });
    await asAda(url, async (client) => {
      const { approvalId, runId } = await callCount(client, 'desk');
      expect(approvalId).not.toBe(null);
      await decideWith(url, tokens.eve, approvalId, 'decision: ALLOW, scope: SESSION');
      await follow(client, runId);
      expect((await callCount(client, 'desk')).approvalId).toBe(null);
    });
  });
});

describe('B3: an approver with the scope approve:any', () => {
  test('revokes the grants that it gave, and no others', async () => {
    const { url } = await startGuarded({}, { tools: [countedTool({ risk: 'HIGH' })] });
    await using ada = createTestClient(url, bearing(tokens.ada));
    await using eve = createTestClient(url, bearing(tokens.eve));
    const grantBy = async (client: TestClient, sessionKey: string) => {
      const { approvalId, runId, sessionId } = await callCount(ada, sessionKey);
      const decided = await decide(client, approvalId, { decision: 'ALLOW', scope: 'SESSION' });
      await follow(ada, runId);
      if (decided.__typename !== 'DecideApprovalSuccess') throw new Error(decided.message);
      return { grantId: decided.approval.grant?.id ?? '', sessionId };
    };
    const byEve = await grantBy(eve, 'desk');
    const byAda = await grantBy(ada, 'other');
    const revoke = async (client: TestClient, grantId: string) =>
      (await client.send(RevokeGrantDocument, { input: { grantId } })).revokeGrant.__typename;
    expect(await revoke(eve, byAda.grantId)).toBe('NotFoundError');
    expect(await revoke(eve, byEve.grantId)).toBe('RevokeGrantSuccess');
    expect((await callCount(ada, 'desk')).approvalId).not.toBe(null);
    expect((await callCount(ada, 'other')).approvalId).toBe(null);
  });

  test('is named in the log with its decisions and refusals, without inputs and reasons', async () => {
    const { url, gateway } = await startSeparate();
    const info = vi.spyOn(gateway.parts.logger, 'info');
    const logged = () => info.mock.calls.map(([entry]) => entry).filter((entry) => 'principal' in Object(entry));
    await asAda(url, async (client) => {
      const { approvalId, runId } = await callCount(client, 'desk', 'secret word');
      await decideWith(url, tokens.ada, approvalId);
      await decideWith(url, tokens.eve, approvalId, 'decision: ALLOW, scope: SESSION, reason: "secret reason"');
      await follow(client, runId);
      expect(logged()).toMatchObject([
        { event: 'decision-refused', principal: 'ada', refusal: 'invalid-input', decision: 'ALLOW', approvalId, runId },
        {
          event: 'approval-decided',
          principal: 'eve',
          owner: 'ada',
          decision: 'ALLOW',
          scope: 'SESSION',
          tool: 'count',
        },
      ]);
      expect(JSON.stringify(logged())).not.toContain('secret');
    });
  });

  test('sees approvals of another principal with all that a decision needs, but not their runs', async () => {
    const { url } = await startGuarded();
    const selection = '{ input tool summary risk status runId startedBy run { id input } }';
    const subscription = `subscription { approvalEvents { approval ${selection} } }`;
    const stream = receiveUntil(url, subscription, tokens.eve, (text) => text.includes(marker));
    const { runId, approvalId } = await createObjectsOfAda(url);
    const approval = {
      input: { url: `https://example.com/${marker}` },
      tool: 'http_fetch',
      runId,
      startedBy: 'ada',
      run: null,
    };
    const [, data = ''] = /data: (\{.*)/.exec(await stream) ?? [];
    const event = JSON.parse(data);
    expect(event.data.approvalEvents.approval).toMatchObject(approval);
    expect(event.errors).toBeUndefined();
    const list = await ask(url, `{ approvals { nodes ${selection} } }`, bearing(tokens.eve));
    expect(list.body).toEqual({ data: { approvals: { nodes: [expect.objectContaining(approval)] } } });
    const single = await ask(url, `{ approval(id: "${approvalId}") ${selection} }`, bearing(tokens.eve));
    expect(single.body).toEqual({ data: { approval: expect.objectContaining(approval) } });
  });

  test('gets a list in which only the runs of other principals are null, and decides without seeing them', async () => {
    const { url } = await startGuarded({}, { tools: [countedTool({ risk: 'HIGH' })] });
    await using ada = createTestClient(url, bearing(tokens.ada));
    await using eve = createTestClient(url, bearing(tokens.eve));
    const theirs = await callCount(ada, 'desk');
    const own = await callCount(eve, 'desk');
    const list = await ask(url, '{ approvals { nodes { id run { id } } } }', bearing(tokens.eve));
    expect(list.body).toEqual({
      data: {
        approvals: {
          nodes: [
            { id: own.approvalId, run: { id: own.runId } },
            { id: theirs.approvalId, run: null },
          ],
        },
      },
    });
    expect((await eve.send(ApprovalsDocument, {})).approvals.edges).toHaveLength(2);
    const decision = { input: { approvalId: theirs.approvalId ?? '', decision: 'ALLOW' as const } };
    for (const _ of ['first decision', 'the same decision again']) {
      expect((await eve.send(DecideApprovalDocument, decision)).decideApproval).toMatchObject({
        __typename: 'DecideApprovalSuccess',
        approval: { status: 'ALLOWED', decidedBy: 'eve', runId: theirs.runId },
        run: null,
      });
    }
    const deny = { input: { ...decision.input, decision: 'DENY' as const } };
    expect((await eve.send(DecideApprovalDocument, deny)).decideApproval).toMatchObject({
      __typename: 'ApprovalSettledError',
      approval: { status: 'ALLOWED' },
    });
    await follow(ada, theirs.runId);
  });

  test('sees and changes nothing else of another principal in any root field', async () => {
    const { url, gateway } = await startGuarded(separate);
    const values = await createObjectsOfAda(url);
    const before = await rowsOf(gateway, 'ada', values);
    const shown = new Set<string>();
    for (const { operation, field, text } of attemptsWith(values)) {
      if (operation === 'subscription' || field === 'decideApproval') continue;
      const result = await ask(url, text, bearing(tokens.eve));
      if (result.text.includes(marker)) shown.add(field);
      // The call is shown; the message that led to it is not.
      const withoutCall = result.text.replaceAll(`https://example.com/${marker}`, '');
      expect([text, withoutCall.includes(marker), withoutCall.includes('/call')]).toEqual([text, false, false]);
    }
    expect([...shown].sort()).toEqual(['activity', 'approval', 'approvals', 'node', 'nodes', 'wait', 'waits']);
    expect(await rowsOf(gateway, 'ada', values)).toBe(before);
  });
});
