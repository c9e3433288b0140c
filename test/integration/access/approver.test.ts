import { describe, expect, test } from 'vitest';
import { createTestClient, type TestClient } from '../../client.ts';
import { follow, runById } from '../conversation.ts';
import { countedTool } from '../counted-tool.ts';
import type { TestGateway } from '../gateway.ts';
import { callCount, decide } from '../policy/waiting-approvals.ts';
import { ask, auth, bearing, codeOf, startGuarded, tokens } from './accounts.ts';
import { furnish, listen, mark, rowsOf } from './fixtures.ts';
import { attempts } from './stranger-documents.ts';

const separate = { approvals: { separateApprover: true } };

/** As an approver settles: without the run, which is somebody else's. */
async function settle(url: string, token: string, approvalId: string | null, more = 'decision: ALLOW') {
  const outcome =
    '... on DecideApprovalSuccess { approval { status decidedBy runId startedBy } } ... on InvalidInputError { issues { path message } } ... on Error { message }';
  const text = `mutation { decideApproval(input: {approvalId: "${approvalId}", ${more}}) { __typename ${outcome} } }`;
  const { body } = await ask(url, text, bearing(token));
  return body.data?.decideApproval ?? body.errors;
}

async function withClient(url: string, work: (client: TestClient) => Promise<void>): Promise<void> {
  await using client = createTestClient(url, bearing(tokens.ada));
  await work(client);
}

const startSeparate = (more = {}): Promise<TestGateway> =>
  startGuarded(separate, { tools: [countedTool({ risk: 'HIGH' })], ...more });

describe('B36: who started a run may not allow its calls, where that is the rule', () => {
  test('with no token at all, and is told who may; another approver can, and the tape says who it was', async () => {
    const { url } = await startSeparate();
    await withClient(url, async (client) => {
      const { approvalId, runId } = await callCount(client, 'desk');
      for (const token of [tokens.ada, tokens.adaApproves, tokens.adaApprovesAny]) {
        expect(await settle(url, token, approvalId)).toEqual({
          __typename: 'InvalidInputError',
          issues: [{ path: ['decision'], message: expect.stringContaining('`approve:any`') }],
          message: expect.any(String),
        });
      }
      // Nor may somebody with all scopes but this one.
      expect(await settle(url, tokens.bob, approvalId)).toMatchObject({ __typename: 'NotFoundError' });
      expect(await runById(client, runId)).toMatchObject({ state: 'AWAITING_APPROVAL' });
      expect(await settle(url, tokens.eve, approvalId)).toEqual({
        __typename: 'DecideApprovalSuccess',
        approval: { status: 'ALLOWED', decidedBy: 'eve', runId, startedBy: 'ada' },
      });
      const events = await follow(client, runId);
      expect(events.find(({ type }) => type === 'APPROVAL_DECISION')?.payload).toMatchObject({ decidedBy: 'eve' });
      expect(events.filter(({ type }) => type === 'TOOL_START')).toHaveLength(1);
    });
  });

  test('but can deny them', async () => {
    const { url } = await startSeparate();
    await withClient(url, async (client) => {
      const { approvalId } = await callCount(client, 'desk');
      const denied = await decide(client, approvalId, { decision: 'DENY' });
      expect(denied).toMatchObject({ approval: { status: 'DENIED', decidedBy: 'ada' } });
    });
  });

  test('what they allowed themselves before it was the rule counts no more; what somebody else allowed does', async () => {
    const tools = [countedTool({ risk: 'HIGH' })];
    const before = await startGuarded({}, { tools });
    await withClient(before.url, async (client) => {
      const { approvalId, runId } = await callCount(client, 'desk');
      await decide(client, approvalId, { decision: 'ALLOW', scope: 'SESSION' });
      await follow(client, runId);
      expect((await callCount(client, 'desk')).approvalId).toBe(null);
    });
    const { url } = await before.restart({ tools, authenticate: undefined, file: { ...separate, auth } });
    await withClient(url, async (client) => {
      const { approvalId, runId } = await callCount(client, 'desk');
      expect(approvalId).not.toBe(null);
      await settle(url, tokens.eve, approvalId, 'decision: ALLOW, scope: SESSION');
      await follow(client, runId);
      expect((await callCount(client, 'desk')).approvalId).toBe(null);
    });
  });
});

describe('B3: an approver of everybody', () => {
  test('is told what is asked, with all that a decision needs', async () => {
    const { url } = await startGuarded();
    const seen = '{ input tool summary risk status runId startedBy }';
    const heard = listen(url, `subscription { approvalEvents { approval ${seen} } }`, tokens.eve, (text) =>
      text.includes(mark),
    );
    const { runId, approvalId } = await furnish(url);
    const question = { input: { url: `https://example.com/${mark}` }, tool: 'http_fetch', runId, startedBy: 'ada' };
    const [, data = ''] = /data: (\{.*)/.exec(await heard) ?? [];
    expect(JSON.parse(data).data.approvalEvents.approval).toMatchObject(question);
    const list = await ask(url, `{ approvals { nodes ${seen} } }`, bearing(tokens.eve));
    expect(list.body.data).toMatchObject({ approvals: { nodes: [question] } });
    const run = await ask(url, `{ approval(id: "${approvalId}") { run { input } } }`, bearing(tokens.eve));
    expect([run.body.data, codeOf(run)]).toEqual([{ approval: null }, 'NOT_FOUND']);
  });

  test('finds nothing else of anybody, wherever the schema is entered, and changes nothing else', async () => {
    const { url, gateway } = await startGuarded(separate);
    const names = await furnish(url);
    const before = await rowsOf(gateway, 'ada', names);
    const shown = new Set<string>();
    for (const { operation, field, text } of attempts(names)) {
      if (operation === 'subscription' || field === 'decideApproval') continue;
      const answer = await ask(url, text, bearing(tokens.eve));
      if (answer.text.includes(mark)) shown.add(field);
      // The call is shown; the message that led to it is not.
      const beyond = answer.text.replaceAll(`https://example.com/${mark}`, '');
      expect([text, beyond.includes(mark), beyond.includes('/call')]).toEqual([text, false, false]);
    }
    for (const field of shown) expect(['approval', 'approvals', 'node', 'nodes']).toContain(field);
    expect(await rowsOf(gateway, 'ada', names)).toBe(before);
  });
});
