import { describe, expect, test } from 'vitest';
import { ApprovalsDocument } from '../../generated/graphql.ts';
import { converse, follow, runById, send, typesOf } from '../conversation.ts';
import { calling, countedTool } from '../counted-tool.ts';
import { startTestGateway, until } from '../gateway.ts';
import { callCount, decide } from './approvals.ts';

describe('an approval request', () => {
  test('B36: shows the risk and a summary of the call in one line', async () => {
    const { client } = await startTestGateway({ tools: [countedTool({ risk: 'CRITICAL' })] });
    const called = await callCount(client, 'desk', `a\nb${'x'.repeat(5000)}`);
    const [approval] = (await runById(client, called.runId)).pendingApprovals;
    expect(approval).toMatchObject({ risk: 'CRITICAL', tool: 'count' });
    expect(approval?.summary).toMatch(
      /^count\(word: "a\\nbx{95}…x{59}" \(5006 characters\)\)\. The tool describes itself as: "Counts its executions\."$/,
    );
  });

  test('B36: shows invisible characters as escapes', async () => {
    const { client } = await startTestGateway({ tools: [countedTool({ risk: 'HIGH' })] });
    const called = await callCount(client, 'desk', '\u202egnp.exe');
    const [approval] = (await runById(client, called.runId)).pendingApprovals;
    expect(approval?.summary).toContain('"\\u{202e}gnp.exe"');
  });
});

describe('several calls of one step', () => {
  const words = (...list: string[]) => calling(...list.map((word): [string, unknown] => ['count', { word }]));

  async function startWaiting(...list: string[]) {
    const tool = countedTool({ risk: 'HIGH' });
    const started = await startTestGateway({ tools: [tool] });
    const { run } = await send(started.client, { sessionKey: 'desk', text: words(...list) });
    const waiting = await until(async () => {
      const now = await runById(started.client, run.id);
      return now.state === 'AWAITING_APPROVAL' && now;
    });
    return { ...started, tool, runId: run.id, approvals: waiting.pendingApprovals.map(({ id }) => id) };
  }

  test('B41: are decided separately, by different clients and after a restart', async () => {
    const { client, clientOf, tool, runId, approvals, restart } = await startWaiting('a', 'b', 'c');
    const [first = null, second = null, third = null] = approvals;
    await decide(client, third, { decision: 'ALLOW', editedInput: { word: 'z' } });
    await decide(clientOf('ada'), first, { decision: 'DENY', reason: 'not this one' });
    expect((await runById(client, runId)).state).toBe('AWAITING_APPROVAL');
    expect(tool.executions).toEqual([]);
    const again = await restart();
    await decide(again.client, second, { decision: 'ALLOW' });
    const events = await follow(again.client, runId);
    expect(typesOf(events).filter((type) => type === 'TOOL_RESULT')).toHaveLength(3);
    expect(tool.executions.map(({ input }) => input)).toEqual([{ word: 'b' }, { word: 'z' }]);
    const lines = (await runById(again.client, runId)).output?.split('\n') ?? [];
    expect(lines).toEqual([
      expect.stringContaining('not this one'),
      'count: counted b',
      'count: A person changed the input to {"word":"z"}.',
      'counted z',
    ]);
  });

  test('B41: keep their open approvals when one of them gets a grant', async () => {
    const { client, tool, runId, approvals } = await startWaiting('a', 'b');
    const [first = null, second = null] = approvals;
    await decide(client, first, { decision: 'ALLOW', scope: 'SESSION' });
    expect((await runById(client, runId)).pendingApprovals).toMatchObject([{ id: second }]);
    await decide(client, second, { decision: 'DENY' });
    await follow(client, runId);
    expect(tool.executions).toHaveLength(1);
    const next = await converse(client, { sessionKey: 'desk', text: words('c') });
    expect(typesOf(next.events)).not.toContain('APPROVAL_REQUEST');
  });
});

test('B40: if an expired approval fails the run, its other approvals are withdrawn', async () => {
  const { client } = await startTestGateway({
    tools: [countedTool({ risk: 'HIGH' })],
    file: { approvals: { expiresAfterSeconds: 1, onExpiry: 'fail' } },
    environment: { RUNTAPE_LEASE_SECONDS: '1' },
  });
  const text = calling(['count', { word: 'a' }], ['count', { word: 'b' }]);
  const { run } = await converse(client, { sessionKey: 'desk', text });
  expect(run).toMatchObject({ state: 'FAILED', error: { code: 'APPROVAL_TIMEOUT' } });
  const { approvals } = await client.send(ApprovalsDocument, {});
  expect(approvals.edges.map(({ node }) => node.status).sort()).toEqual(['EXPIRED', 'WITHDRAWN']);
  const [late] = approvals.edges.filter(({ node }) => node.status === 'WITHDRAWN');
  const decided = await decide(client, late?.node.id ?? null, { decision: 'ALLOW' });
  expect(decided).toMatchObject({ __typename: 'ApprovalSettledError', approval: { status: 'WITHDRAWN' } });
});
