import { describe, expect, test } from 'vitest';
import { ApprovalsDocument, CancelRunDocument, DecideApprovalDocument } from '../../generated/graphql.ts';
import { converse, decideNextApproval, follow, runById, send, transitionsOf, typesOf } from '../conversation.ts';
import { calling, countedTool, hanging } from '../counted-tool.ts';
import { startTestGateway, until } from '../gateway.ts';

describe('a call that a person must approve', () => {
  test('B36: the call suspends the run; once allowed it executes once and the run continues', async () => {
    const tool = countedTool({ risk: 'HIGH' });
    const { client, gateway } = await startTestGateway({ tools: [tool] });
    const { run } = await send(client, { sessionKey: 'ask', text: calling(['count', { word: 'a' }]) });
    const asked = await follow(client, run.id, {
      isLast: (event) => transitionsOf([event])[0]?.endsWith('AWAITING_APPROVAL') ?? false,
    });
    expect(typesOf(asked).slice(-4)).toEqual(['TOOL_CALL', 'TOOL_DECISION', 'APPROVAL_REQUEST', 'STATUS']);
    await until(async () => gateway.parts.orchestrator.activeCount() === 0);
    expect(await gateway.parts.database.reader.lease.count({ where: { holder: { not: null } } })).toBe(0);
    expect(tool.executions).toHaveLength(0);
    const { outcome } = await decideNextApproval(client, run.id, 'ALLOW');
    expect(outcome).toMatchObject({ __typename: 'DecideApprovalSuccess', approval: { status: 'ALLOWED' } });
    const rest = await follow(client, run.id, { after: asked.at(-1)?.cursor });
    expect(typesOf(rest)).toEqual([
      'APPROVAL_DECISION',
      'STATUS',
      'TOOL_START',
      'TOOL_RESULT',
      'CONTEXT',
      'OUTPUT_DELTA',
      'OUTPUT',
      'STATUS',
    ]);
    expect(tool.executions).toHaveLength(1);
    expect((await runById(client, run.id)).output).toContain('counted a');
  });

  test('B36: the model is told the reason of a denial', async () => {
    const tool = countedTool({ risk: 'HIGH' });
    const { client } = await startTestGateway({ tools: [tool] });
    const { run } = await send(client, { sessionKey: 'deny', text: calling(['count', { word: 'a' }]) });
    const asked = await follow(client, run.id, { isLast: ({ type }) => type === 'APPROVAL_REQUEST' });
    const request = asked.at(-1);
    const approvalId = request?.__typename === 'ApprovalRequestEvent' ? request.approval.id : '';
    const input = { approvalId, decision: 'DENY', reason: 'not on a Sunday' } as const;
    await client.send(DecideApprovalDocument, { input });
    await follow(client, run.id);
    expect((await runById(client, run.id)).output).toContain('not on a Sunday');
    expect(tool.executions).toHaveLength(0);
  });

  test('B37: of two concurrent decisions one wins, a hundred times; the other is told, or succeeds if it is equal', async () => {
    const tool = countedTool({ risk: 'HIGH' });
    const { client } = await startTestGateway({ tools: [tool] });
    const decideTwice = async (round: number) => {
      const { run } = await send(client, { sessionKey: `two-${round}`, text: calling(['count', { word: 'a' }]) });
      const asked = await follow(client, run.id, { isLast: ({ type }) => type === 'APPROVAL_REQUEST' });
      const request = asked.at(-1);
      const approvalId = request?.__typename === 'ApprovalRequestEvent' ? request.approval.id : '';
      const same = round % 2 === 0;
      const decisions = [{ decision: 'ALLOW' }, { decision: same ? 'ALLOW' : 'DENY' }] as const;
      const outcomes = await Promise.all(
        decisions.map((decision) => client.send(DecideApprovalDocument, { input: { approvalId, ...decision } })),
      );
      const kinds = outcomes.map(({ decideApproval }) => decideApproval.__typename).sort();
      expect(kinds).toEqual(
        same ? ['DecideApprovalSuccess', 'DecideApprovalSuccess'] : ['ApprovalSettledError', 'DecideApprovalSuccess'],
      );
      const events = await follow(client, run.id);
      expect(typesOf(events).filter((type) => type === 'APPROVAL_DECISION')).toHaveLength(1);
    };
    // Servers and databases do more work at once than one after another: ten runs are decided at the same time.
    for (let round = 0; round < 100; round += 10) {
      await Promise.all(Array.from({ length: 10 }, (_, index) => decideTwice(round + index)));
    }
  });

  test('an allowed run continues in the transaction of the decision if a slot is free, and waits otherwise', async () => {
    const tool = countedTool({ risk: 'HIGH' });
    const environment = { RUNTAPE_MAX_CONCURRENT_RUNS: '1' };
    const { client, gateway } = await startTestGateway({ tools: [tool], environment });
    const leaseOf = (runId: string) => gateway.parts.database.reader.lease.findUnique({ where: { runId } });
    const ask = async (sessionKey: string) => {
      const { run } = await send(client, { sessionKey, text: calling(['count', { word: 'a' }]) });
      await until(async () => (await runById(client, run.id)).state === 'AWAITING_APPROVAL');
      await until(async () => gateway.parts.orchestrator.activeCount() === 0);
      return run;
    };
    const [run, other] = [await ask('one'), await ask('two')];
    await decideNextApproval(client, run.id, 'ALLOW');
    expect(await leaseOf(run.id)).toMatchObject({ epoch: 2, lost: false });
    expect(transitionsOf(await follow(client, run.id)).at(-1)).toBe('IN_PROGRESS→DONE');
    const hanging = await send(client, { sessionKey: 'hang', text: '/hang' });
    await decideNextApproval(client, other.id, 'ALLOW');
    expect(await leaseOf(other.id)).toMatchObject({ epoch: 1, holder: null });
    await client.send(CancelRunDocument, { input: { runId: hanging.run.id } });
    expect(transitionsOf(await follow(client, other.id)).at(-1)).toBe('IN_PROGRESS→DONE');
    expect(tool.executions).toHaveLength(2);
  });

  test('B38: another client can decide right after a restart', async () => {
    const tool = countedTool({ risk: 'HIGH' });
    const first = await startTestGateway({ tools: [tool] });
    const { run } = await send(first.client, { sessionKey: 'restart', text: calling(['count', { word: 'a' }]) });
    await until(async () => (await runById(first.client, run.id)).state === 'AWAITING_APPROVAL');
    const { client } = await first.restart();
    await decideNextApproval(client, run.id, 'ALLOW');
    await follow(client, run.id);
    expect((await runById(client, run.id)).state).toBe('DONE');
    expect(tool.executions).toHaveLength(1);
  });

  test('B48: a person who declines to repeat an interrupted call does not make the model think that it never ran', async () => {
    const interrupted = countedTool({ execute: hanging });
    const first = await startTestGateway({ tools: [interrupted] });
    const { run } = await send(first.client, { sessionKey: 'repeat', text: calling(['count', { word: 'a' }]) });
    await until(async () => interrupted.executions.length === 1);
    const tool = countedTool();
    const { client } = await first.restart({ tools: [tool] });
    await decideNextApproval(client, run.id, 'DENY');
    const events = await follow(client, run.id);
    expect(events.find(({ type }) => type === 'TOOL_RESULT')).toMatchObject({
      ok: false,
      mayHaveRun: true,
      error: 'It may have run already; a person declined to repeat it.',
    });
    expect((await runById(client, run.id)).output).toContain('a person declined to repeat it');
    expect(tool.executions).toEqual([]);
  });

  test.each([
    ['deny', 'DONE', null],
    ['fail', 'FAILED', 'APPROVAL_TIMEOUT'],
  ])(
    'B40: an approval without a decision expires, and the run goes on or fails as configured: %s',
    async (onExpiry, state, code) => {
      const tool = countedTool({ risk: 'HIGH' });
      const file = { approvals: { expiresAfterSeconds: 1, onExpiry } };
      const { client } = await startTestGateway({ tools: [tool], file, environment: { RUNTAPE_LEASE_SECONDS: '1' } });
      const { events, runId, run } = await converse(client, {
        sessionKey: 'expire',
        text: calling(['count', { word: 'a' }]),
      });
      expect(run).toMatchObject({ state, error: code === null ? null : { code } });
      expect(tool.executions).toHaveLength(0);
      expect(events.find((event) => event.__typename === 'ApprovalDecisionEvent')).toMatchObject({ status: 'EXPIRED' });
      const { approvals } = await client.send(ApprovalsDocument, { filter: { statuses: ['EXPIRED'] } });
      const approvalId = approvals.edges[0]?.node.id ?? '';
      const { decideApproval } = await client.send(DecideApprovalDocument, {
        input: { approvalId, decision: 'ALLOW' },
      });
      expect(decideApproval).toMatchObject({ __typename: 'ApprovalSettledError', approval: { status: 'EXPIRED' } });
      expect((await runById(client, runId)).state).toBe(state);
    },
  );

  test('B47: cancelling the run withdraws its approvals', async () => {
    const { client } = await startTestGateway({ tools: [countedTool({ risk: 'HIGH' })] });
    const { run } = await send(client, { sessionKey: 'withdraw', text: calling(['count', { word: 'a' }]) });
    await until(async () => (await runById(client, run.id)).state === 'AWAITING_APPROVAL');
    await client.send(CancelRunDocument, { input: { runId: run.id, reason: 'no longer needed' } });
    expect(await runById(client, run.id)).toMatchObject({ state: 'CANCELLED', cancelReason: 'no longer needed' });
    const { approvals } = await client.send(ApprovalsDocument, {});
    expect(approvals.edges.map(({ node }) => node)).toMatchObject([{ status: 'WITHDRAWN' }]);
  });
});

describe('decisions beyond one call', () => {
  test('B39: ONCE asks again; SESSION does not, in this session only; a revoked grant asks again', async () => {
    const tool = countedTool({ risk: 'HIGH' });
    const { client, gateway } = await startTestGateway({ tools: [tool] });
    const ask = async (sessionKey: string, scope: 'ONCE' | 'SESSION') => {
      const { run } = await send(client, { sessionKey, text: calling(['count', { word: 'a' }]) });
      const asked = await follow(client, run.id, { isLast: ({ type }) => type === 'APPROVAL_REQUEST' });
      const request = asked.at(-1);
      if (request?.__typename !== 'ApprovalRequestEvent') return 'not asked';
      const input = { approvalId: request.approval.id, decision: 'ALLOW', scope } as const;
      await client.send(DecideApprovalDocument, { input });
      await follow(client, run.id);
      return 'asked';
    };
    expect(await ask('granted', 'ONCE')).toBe('asked');
    expect(await ask('granted', 'SESSION')).toBe('asked');
    expect(await ask('granted', 'SESSION')).toBe('not asked');
    expect(await ask('other', 'ONCE')).toBe('asked');
    await gateway.parts.database.write((database) => database.grant.deleteMany());
    expect(await ask('granted', 'ONCE')).toBe('asked');
  });

  test('B42: an edited input is checked and executed, and is on the tape with the original', async () => {
    const tool = countedTool({ risk: 'HIGH' });
    const { client } = await startTestGateway({ tools: [tool] });
    const { run } = await send(client, { sessionKey: 'edit', text: calling(['count', { word: 'a' }]) });
    const asked = await follow(client, run.id, { isLast: ({ type }) => type === 'APPROVAL_REQUEST' });
    const request = asked.at(-1);
    const approvalId = request?.__typename === 'ApprovalRequestEvent' ? request.approval.id : '';
    const decide = (editedInput: unknown) =>
      client.send(DecideApprovalDocument, { input: { approvalId, decision: 'ALLOW', editedInput } });
    expect((await decide({ word: '' })).decideApproval.__typename).toBe('InvalidInputError');
    const { decideApproval } = await decide({ word: 'b' });
    expect(decideApproval).toMatchObject({ approval: { input: { word: 'a' }, editedInput: { word: 'b' } } });
    const events = await follow(client, run.id);
    expect(tool.executions).toMatchObject([{ input: { word: 'b' } }]);
    expect(events.find(({ type }) => type === 'TOOL_CALL')?.payload).toMatchObject({ input: { word: 'a' } });
    expect(events.find(({ type }) => type === 'APPROVAL_DECISION')?.payload).toMatchObject({
      editedInput: { word: 'b' },
    });
  });
});
