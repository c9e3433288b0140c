import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { publicOrMasked } from '../../../src/graphql/public-errors.ts';
import { activityBounds, pruneActivity } from '../../../src/repositories/activity.ts';
import { formatActivityCursor } from '../../../src/streams/activity/activity-cursor.ts';
import { formatCursor } from '../../../src/streams/cursor.ts';
import {
  ActivityPageDocument,
  ArchiveSessionDocument,
  BranchSessionDocument,
  DecideApprovalDocument,
  FollowActivityDocument,
  FollowApprovalsDocument,
  PurgeSessionDocument,
  ResolveSessionDocument,
  SendMessageDocument,
  UpdateSessionDocument,
} from '../../generated/graphql.ts';
import {
  codeOf,
  finishRun,
  type InProcess,
  nextOf,
  openInProcess,
  requestApproval,
  requestBudget,
  streamOf,
} from './in-process.ts';

let gateway: InProcess;
beforeEach(async () => {
  gateway = await openInProcess();
});
afterEach(async () => {
  // A subscription that ended has removed its listener.
  expect(gateway.notifications.listeners()).toBe(0);
  await gateway[Symbol.asyncDispose]();
});

async function send(sessionKey: string, options = {}) {
  const { sendMessage } = await gateway.data(SendMessageDocument, { input: { sessionKey, text: 'hello' } }, options);
  if (sendMessage.__typename !== 'SendMessageSuccess') throw new Error(JSON.stringify(sendMessage));
  return sendMessage;
}

const follow = async (variables = {}, options = {}) =>
  streamOf(await gateway.subscribe(FollowActivityDocument, variables, options));

const nextBatch = async (stream: ReturnType<typeof streamOf>) =>
  (await nextOf(stream, FollowActivityDocument)).activity;

/** The next changes of a stream, at least as many as asked for. */
async function take(stream: ReturnType<typeof streamOf>, count: number) {
  const items = [...(await nextBatch(stream)).items];
  while (items.length < count) items.push(...(await nextBatch(stream)).items);
  return items;
}

const page = async (variables: Record<string, unknown> = {}, options = {}) =>
  (await gateway.data(ActivityPageDocument, variables, options)).activity;

const kindsOf = (items: readonly { kind: string; state?: string | null }[]) =>
  items.map(({ kind, state }) => (state ? `${kind} ${state}` : kind));

describe('the feed of changes', () => {
  test('has one item for each change that a list shows, in order', async () => {
    const stream = await follow();
    expect(await nextBatch(stream)).toMatchObject({ items: [], caughtUp: true });
    const { run, session } = await send('chat');
    const approvalId = await requestApproval(gateway, run.id);
    await gateway.data(DecideApprovalDocument, { input: { approvalId, decision: 'ALLOW' } });
    const items = await take(stream, 7);
    expect(kindsOf(items)).toEqual([
      'SESSION_CREATED',
      'RUN_CREATED',
      'RUN_STATE_CHANGED IN_PROGRESS',
      'WAIT_OPENED',
      'RUN_STATE_CHANGED AWAITING_APPROVAL',
      'WAIT_SETTLED',
      'RUN_STATE_CHANGED IN_PROGRESS',
    ]);
    for (const item of items) expect(item).toMatchObject({ sessionId: session.id, session: { key: 'chat' } });
    expect(items.slice(1).every(({ runId }) => runId === run.id)).toBe(true);
    expect(items[5]).toMatchObject({ waitId: approvalId, wait: { id: approvalId, state: 'SETTLED' } });
    await stream.return?.();
  });

  test('shows sessions that are created, changed, branched, archived and purged', async () => {
    const { resolveSession } = await gateway.data(ResolveSessionDocument, { input: { key: 'own' } });
    const sessionId = 'session' in resolveSession ? resolveSession.session.id : '';
    await gateway.data(ResolveSessionDocument, { input: { key: 'own' } });
    const { run } = await send('own');
    await finishRun(gateway, run.id, 'done');
    await gateway.data(UpdateSessionDocument, { input: { sessionId, title: 'Mine' } });
    await gateway.data(UpdateSessionDocument, { input: { sessionId } });
    await gateway.data(BranchSessionDocument, { input: { sessionId, runId: run.id, key: 'branch' } });
    await gateway.data(ArchiveSessionDocument, { input: { sessionId } });
    await gateway.data(ArchiveSessionDocument, { input: { sessionId } });
    const purge = { sessionId, confirmKey: 'own', withBranches: true };
    await gateway.data(PurgeSessionDocument, { input: purge });
    const { edges } = await page();
    expect(kindsOf(edges.map(({ node }) => node))).toEqual([
      'SESSION_CREATED',
      // The first message gives the session its title.
      'SESSION_UPDATED',
      'RUN_CREATED',
      'RUN_STATE_CHANGED IN_PROGRESS',
      'RUN_STATE_CHANGED DONE',
      'SESSION_UPDATED',
      'SESSION_CREATED',
      'SESSION_ARCHIVED',
      'SESSION_PURGED',
      'SESSION_PURGED',
    ]);
    // The ids remain; the objects are gone.
    expect(edges[2]?.node).toMatchObject({ sessionId, runId: run.id, session: null, run: null });
    expect(edges.at(-1)?.node).toMatchObject({ sessionId, session: null });
  });

  test('B65: a cursor of a batch or of an item continues after it; Last-Event-ID takes precedence', async () => {
    const { run } = await send('chat');
    await finishRun(gateway, run.id, 'done');
    const { edges } = await page();
    const [first, second, third] = edges.map(({ cursor }) => cursor);
    const resumed = await follow({ after: first, maxBatch: 1 });
    const batches = [await nextBatch(resumed), await nextBatch(resumed), await nextBatch(resumed)];
    expect(batches.map(({ cursor, caughtUp }) => [cursor, caughtUp])).toEqual([
      [second, false],
      [third, false],
      [edges[3]?.cursor, true],
    ]);
    await resumed.return?.();
    const reconnected = await follow({ after: first }, { lastEventId: third });
    const { value } = await reconnected.next();
    expect(value?.cursor).toBe(edges[3]?.cursor);
    await reconnected.return?.();
  });

  test('filters by kind and session; a cursor also covers what the filter leaves out', async () => {
    const one = await send('one');
    const two = await send('two');
    const ofTwo = await page({ filter: { sessionId: two.session.id, kinds: ['RUN_CREATED'] } });
    expect(ofTwo.edges.map(({ node }) => node.runId)).toEqual([two.run.id]);
    const stream = await follow({ after: formatActivityCursor(0), filter: { kinds: ['RUN_STATE_CHANGED'] } });
    const { cursor, items } = await nextBatch(stream);
    expect({ cursor, items }).toEqual({ cursor: formatActivityCursor(4), items: [] });
    await finishRun(gateway, one.run.id, 'done');
    expect(kindsOf(await take(stream, 2))).toEqual(['RUN_STATE_CHANGED IN_PROGRESS', 'RUN_STATE_CHANGED DONE']);
    await stream.return?.();
    const nothing = await gateway.subscribe(FollowActivityDocument, { filter: { kinds: [] } });
    expect(codeOf(nothing as never)).toBe('BAD_USER_INPUT');
    const tooMany = await gateway.subscribe(FollowActivityDocument, { maxBatch: 1001 });
    expect(codeOf(tooMany as never)).toBe('BAD_USER_INPUT');
  });

  test('pages both ways with a constant number of statements', async () => {
    for (let index = 0; index < 25; index += 1) await requestApproval(gateway, (await send(`s${index}`)).run.id);
    const { edges, pageInfo } = await page({ last: 5 });
    expect(pageInfo).toMatchObject({ hasPreviousPage: true, hasNextPage: false });
    const before = await page({ last: 5, before: edges[0]?.cursor });
    const after = await page({ first: 5, after: before.edges.at(-1)?.cursor });
    expect(after.edges).toEqual(edges);
    const count = async (first: number) => {
      const start = gateway.statements();
      expect((await page({ first })).edges).toHaveLength(first);
      return gateway.statements() - start;
    };
    const [few, many] = [await count(5), await count(100)];
    expect(many).toBe(few);
    expect(many).toBeLessThan(8);
  });

  test('B65: a cursor that cannot be used is refused with what is wrong', async () => {
    const { run } = await send('chat');
    const queryCode = async (variables: object) => {
      const { errors } = await gateway.run(ActivityPageDocument, { ...variables });
      return codeOf({ errors: errors?.map(publicOrMasked) });
    };
    const refusal = async (after: string) => {
      const query = await queryCode({ after });
      const subscription = codeOf((await gateway.subscribe(FollowActivityDocument, { after })) as never);
      const approvals = codeOf((await gateway.subscribe(FollowApprovalsDocument, { after })) as never);
      expect([subscription, approvals]).toEqual([query, query]);
      return query;
    };
    expect(await refusal('malformed')).toBe('BAD_USER_INPUT');
    expect(await refusal(formatCursor({ runId: run.id, seq: 1 }))).toBe('BAD_USER_INPUT');
    expect(await refusal(formatActivityCursor(99))).toBe('BAD_USER_INPUT');
    const ofApprovals = formatActivityCursor(1, 'apr_01JD0000000000000000000000');
    expect(await queryCode({ before: ofApprovals })).toBe('BAD_USER_INPUT');
    expect(codeOf((await gateway.subscribe(FollowActivityDocument, { after: ofApprovals })) as never)).toBe(
      'BAD_USER_INPUT',
    );
    await pruneActivity(gateway.database, new Date(Date.now() + 1000));
    expect(await activityBounds(gateway.database)).toEqual({ prunedUpTo: 2, newest: 2 });
    expect(await refusal(formatActivityCursor(1))).toBe('CURSOR_EXPIRED');
    expect(await queryCode({ before: formatActivityCursor(1) })).toBe('CURSOR_EXPIRED');
    expect((await page({ after: formatActivityCursor(2) })).edges).toEqual([]);
  });
});

describe('the changes of another principal', () => {
  const approver = { principal: 'eve', scopes: ['read', 'approve', 'approve:any'] };

  test('B3: are not shown', async () => {
    const bob = { principal: 'bob' };
    const stream = await follow({ after: formatActivityCursor(0) }, bob);
    expect(await nextBatch(stream)).toMatchObject({ items: [], caughtUp: true });
    await requestApproval(gateway, (await send('chat')).run.id);
    await send('own', bob);
    const items = await take(stream, 2);
    expect(items.map(({ kind, session }) => [kind, session?.key])).toEqual([
      ['SESSION_CREATED', 'own'],
      ['RUN_CREATED', 'own'],
    ]);
    await stream.return?.();
    expect((await page({}, bob)).edges).toHaveLength(2);
  });

  test('are shown to an approver as far as they are waits, without their sessions and runs', async () => {
    const stream = await follow({}, approver);
    await nextBatch(stream);
    const { run } = await send('chat');
    const approvalId = await requestApproval(gateway, run.id);
    const [opened] = await take(stream, 1);
    const expected = {
      kind: 'WAIT_OPENED',
      sessionId: null,
      session: null,
      run: null,
      runId: run.id,
      waitId: approvalId,
      wait: { id: approvalId, state: 'OPEN' },
    };
    expect(opened).toMatchObject(expected);
    await stream.return?.();
    expect((await page({}, approver)).edges.map(({ node }) => node)).toMatchObject([expected]);
  });

  test('are shown to an approver as far as they are budget requests, which `approvalEvents` does not have', async () => {
    const approvals = streamOf(await gateway.subscribe(FollowApprovalsDocument, {}, approver));
    const stream = await follow({}, approver);
    await nextBatch(stream);
    const { run } = await send('chat');
    const waitId = await requestBudget(gateway, run.id);
    const [opened] = await take(stream, 1);
    const shown = { waitId, runId: run.id, sessionId: null, run: null };
    expect(opened).toMatchObject({ ...shown, kind: 'WAIT_OPENED', wait: { id: waitId, state: 'OPEN' } });
    await gateway.record(run.id, { kind: 'cancel', reason: null });
    const [settled] = await take(stream, 1);
    expect(settled).toMatchObject({ ...shown, kind: 'WAIT_SETTLED', wait: { state: 'WITHDRAWN' } });
    await stream.return?.();
    const approvalId = await requestApproval(gateway, (await send('other')).run.id);
    const { approvalEvents } = await nextOf(approvals, FollowApprovalsDocument);
    expect(approvalEvents.approval.id).toBe(approvalId);
    await approvals.return?.();
  });
});

describe('approvalEvents', () => {
  test('B66: with a cursor reports what was settled and requested while the client was away', async () => {
    const open = async (variables = {}) => streamOf(await gateway.subscribe(FollowApprovalsDocument, variables));
    const next = async (stream: ReturnType<typeof streamOf>) => {
      const { approvalEvents } = await nextOf(stream, FollowApprovalsDocument);
      const { cursor, caughtUp, approval } = approvalEvents;
      return { cursor, change: `${approval.id} ${approval.status}`, caughtUp };
    };
    const ids: string[] = [];
    for (const key of ['a', 'b', 'c']) ids.push(await requestApproval(gateway, (await send(key)).run.id));
    const [a = '', b = '', c = ''] = ids;
    const first = await open();
    const snapshot = [await next(first), await next(first), await next(first)];
    expect(snapshot.map(({ change, caughtUp }) => [change, caughtUp])).toEqual([
      [`${a} PENDING`, false],
      [`${b} PENDING`, false],
      [`${c} PENDING`, true],
    ]);
    await first.return?.();
    await gateway.data(DecideApprovalDocument, { input: { approvalId: a, decision: 'DENY' } });
    const d = await requestApproval(gateway, (await send('d')).run.id);
    const second = await open({ after: snapshot[2]?.cursor });
    const missed = [await next(second), await next(second)];
    expect(missed.map(({ change, caughtUp }) => [change, caughtUp])).toEqual([
      [`${a} DENIED`, false],
      [`${d} PENDING`, true],
    ]);
    await second.return?.();
    // A client that was cut off within the snapshot receives the rest of it, and the changes since it began.
    const third = await open({ after: snapshot[1]?.cursor });
    const rest = [await next(third), await next(third), await next(third)];
    expect(rest.map(({ change }) => change)).toEqual([`${c} PENDING`, `${d} PENDING`, `${a} DENIED`]);
    await third.return?.();
  });
});
