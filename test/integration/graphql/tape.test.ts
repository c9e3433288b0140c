import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formatCursor } from '../../../src/streams/cursor.ts';
import {
  ApprovalsDocument,
  DecideApprovalDocument,
  RunByIdDocument,
  RunTapeDocument,
  type RunTapeQuery,
  SendMessageDocument,
} from '../../generated/graphql.ts';
import { codeOf, finishRun, type InProcess, openInProcess, requestApproval } from './in-process.ts';

let gateway: InProcess;
beforeAll(async () => {
  gateway = await openInProcess();
});
afterAll(() => gateway[Symbol.asyncDispose]());

async function send(sessionKey: string) {
  const { sendMessage } = await gateway.data(SendMessageDocument, { input: { sessionKey, text: 'hello' } });
  if (sendMessage.__typename !== 'SendMessageSuccess') throw new Error(JSON.stringify(sendMessage));
  return sendMessage;
}

type Tape = NonNullable<RunTapeQuery['run']>['tape'];

async function page(id: string, args: Record<string, unknown>): Promise<Tape> {
  const { run } = await gateway.data(RunTapeDocument, { id, ...args });
  if (!run) throw new Error(`no run ${id}`);
  return run.tape;
}

describe('an event', () => {
  test('is found by its id, by its owner alone, and only if the tape has it', async () => {
    const { run } = await send('nodes');
    await finishRun(gateway, run.id, 'done');
    const { nodes } = await page(run.id, { first: 100 });
    const ids = nodes.map(({ id }) => id);
    expect(ids).toEqual(nodes.map(({ seq }) => `${run.id}:${seq}`));
    const document = 'query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id ... on TapeEvent { seq hash } } }';
    const found = await gateway.run<{ nodes: unknown }, never>(document, { ids });
    expect(found.data?.nodes).toEqual(nodes.map(({ __typename, id, seq, hash }) => ({ __typename, id, seq, hash })));

    const absent = [
      `${run.id}:0`,
      `${run.id}:${nodes.length + 1}`,
      `${run.id}:01`,
      `${run.id}:1.5`,
      `${run.id}:`,
      `${run.id}:-1`,
      `${run.id}:99999999999999999999`,
      `run_01ARZ3NDEKTSV4RRFFQ69G5FAV:1`,
      ':1',
    ];
    expect((await gateway.run<{ nodes: unknown }, never>(document, { ids: absent })).data?.nodes).toEqual(
      absent.map(() => null),
    );
    const others = await gateway.run<{ nodes: unknown }, never>(document, { ids }, { principal: 'grace' });
    expect(others.data?.nodes).toEqual(ids.map(() => null));
  });
});

describe('the tape of a run', () => {
  test('has every event with its own fields and the payload as stored', async () => {
    const { run, cursor } = await send('fields');
    const approval = await requestApproval(gateway, run.id);
    const { nodes } = await page(run.id, { first: 100 });
    expect(nodes.map(({ __typename }) => __typename)).toEqual([
      'InputEvent',
      'StatusEvent',
      'StatusEvent',
      'ContextEvent',
      'OutputEvent',
      'ToolCallEvent',
      'ToolDecisionEvent',
      'ApprovalRequestEvent',
      'StatusEvent',
    ]);
    expect(nodes.map(({ seq }) => seq)).toEqual(nodes.map((_, index) => index + 1));
    const stored = await gateway.journal.read(run.id, { after: 0, limit: 100 });
    expect(nodes.map(({ payload, hash }) => ({ payload, hash }))).toEqual(
      stored.map(({ payload, hash }) => ({ payload, hash })),
    );
    expect(nodes[0]).toMatchObject({ text: 'hello', steered: false, type: 'INPUT', actor: 'USER', cursor });
    expect(nodes[1]).toMatchObject({ from: null, to: 'PENDING', failure: null });
    expect(nodes[7]).toMatchObject({ approval: { id: approval, status: 'PENDING', risk: 'HIGH' } });
    expect((await gateway.data(RunByIdDocument, { id: run.id })).run).toMatchObject({
      state: 'AWAITING_APPROVAL',
      head: 9,
      pendingApprovals: [{ id: approval }],
    });
  });

  test('B28: paging a tape that grows returns each event once, in both directions', async () => {
    const { run } = await send('b28');
    const forwards: number[] = [];
    let after: string | null = null;
    for (let request = 0; request < 20; request += 1) {
      const { nodes, pageInfo }: Tape = await page(run.id, { first: 2, after });
      forwards.push(...nodes.map(({ seq }) => seq));
      after = pageInfo.endCursor ?? after;
      if (request === 1) await finishRun(gateway, run.id, 'grown');
    }
    expect(forwards).toEqual([1, 2, 3, 4, 5, 6]);
    const backwards: number[] = [];
    let before: string | null = null;
    do {
      const { nodes, pageInfo }: Tape = await page(run.id, { last: 4, before });
      backwards.unshift(...nodes.map(({ seq }) => seq));
      before = pageInfo.hasPreviousPage ? pageInfo.startCursor : null;
    } while (before !== null);
    expect(backwards).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test('B28: a page says whether events come before and after it', async () => {
    const { run } = await send('b28-flags');
    await finishRun(gateway, run.id, 'done');
    const first = await page(run.id, { first: 2 });
    expect(first.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: false });
    const second = await page(run.id, { first: 2, after: first.pageInfo.endCursor });
    expect(second.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: true });
    const third = await page(run.id, { first: 2, after: second.pageInfo.endCursor });
    expect(third.pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: true });
    const last = await page(run.id, { last: 2 });
    expect(last.pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: true });
    const previous = await page(run.id, { last: 2, before: last.pageInfo.startCursor });
    expect(previous.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: true });
    const start = await page(run.id, { last: 2, before: previous.pageInfo.startCursor });
    expect(start.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: false });
  });

  test('B29: a filter by type does not change the cursors', async () => {
    const { run } = await send('b29');
    await finishRun(gateway, run.id, 'done');
    const { nodes } = await page(run.id, { types: ['STATUS'], first: 2 });
    expect(nodes.map(({ seq }) => seq)).toEqual([2, 3]);
    const rest = await page(run.id, { types: ['STATUS', 'STATUS'], after: nodes[1]?.cursor });
    expect(rest.nodes.map(({ seq }) => seq)).toEqual([6]);
    expect(codeOf(await gateway.run(RunTapeDocument, { id: run.id, types: [] }))).toBe('BAD_USER_INPUT');
  });

  test('B33: an invalid cursor is rejected with the reason', async () => {
    const [{ run }, { run: other }] = [await send('b33'), await send('b33-other')];
    const cases: [string, RegExp][] = [
      ['nonsense', /"nonsense" is malformed/],
      [formatCursor({ runId: other.id, seq: 1 }), new RegExp(`belongs to run ${other.id}`)],
      [formatCursor({ runId: run.id, seq: 99 }), /newest event, which has seq 2/],
    ];
    for (const [after, message] of cases) {
      const { errors } = await gateway.run(RunTapeDocument, { id: run.id, after });
      expect(errors?.[0]?.message).toMatch(message);
      expect(errors?.[0]?.originalError?.name).toBe('CursorError');
    }
  });
});

describe('approvals', () => {
  test('the first decision settles one, and a different decision returns the settled approval', async () => {
    const { run } = await send('decide');
    const approvalId = await requestApproval(gateway, run.id);
    const decide = (decision: 'ALLOW' | 'DENY') =>
      gateway.data(DecideApprovalDocument, { input: { approvalId, decision, reason: 'because' } });
    expect((await decide('ALLOW')).decideApproval).toMatchObject({
      approval: { status: 'ALLOWED', scope: 'ONCE', decidedBy: 'ada', reason: 'because' },
      run: { id: run.id, state: 'IN_PROGRESS' },
    });
    expect((await decide('ALLOW')).decideApproval.__typename).toBe('DecideApprovalSuccess');
    expect((await decide('DENY')).decideApproval).toMatchObject({
      __typename: 'ApprovalSettledError',
      approval: { id: approvalId, status: 'ALLOWED' },
    });
  });

  test('are listed by state', async () => {
    const { run, session } = await send('listed');
    const approvalId = await requestApproval(gateway, run.id);
    const list = async (filter: Record<string, unknown>) => {
      const { approvals } = await gateway.data(ApprovalsDocument, { filter: { sessionId: session.id, ...filter } });
      return approvals.edges.map(({ node }) => node.id);
    };
    expect(await list({ statuses: ['PENDING'] })).toEqual([approvalId]);
    expect(await list({ statuses: ['DENIED', 'EXPIRED'] })).toEqual([]);
    expect(await list({ tool: 'no such tool' })).toEqual([]);
  });
});
