import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { formatCursor } from '../../../src/streams/cursor.ts';
import {
  ArchiveSessionDocument,
  CancelRunDocument,
  DecideApprovalDocument,
  FollowApprovalsDocument,
  FollowRunBatchesDocument,
  FollowRunDocument,
  FollowSessionDocument,
  PurgeSessionDocument,
  RunByIdDocument,
  SendMessageDocument,
} from '../../generated/graphql.ts';
import { poll, withDeadline } from '../../until.ts';
import { codeOf, finishRun, type InProcess, nextOf, openInProcess, requestApproval, streamOf } from './in-process.ts';

let gateway: InProcess;
beforeEach(async () => {
  gateway = await openInProcess();
});
afterEach(async () => {
  // A subscription that ended has removed its listener.
  expect(gateway.notifications.listeners()).toBe(0);
  await gateway[Symbol.asyncDispose]();
});

async function send(sessionKey = 'chat', options = {}) {
  const { sendMessage } = await gateway.data(SendMessageDocument, { input: { sessionKey, text: 'hello' } }, options);
  if (sendMessage.__typename !== 'SendMessageSuccess') throw new Error(JSON.stringify(sendMessage));
  return sendMessage;
}

describe('runEvents', () => {
  test('B25: a subscriber gets the same events during the run and after its end, and then the stream completes', async () => {
    const { run } = await send();
    const collect = async () => {
      const seqs: number[] = [];
      for await (const { data } of streamOf(await gateway.subscribe(FollowRunDocument, { runId: run.id }))) {
        seqs.push((data as { runEvents: { seq: number } }).runEvents.seq);
      }
      return seqs;
    };
    const live = collect();
    await finishRun(gateway, run.id, 'done');
    expect(await live).toEqual([1, 2, 3, 4, 5, 6]);
    expect(await collect()).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test('resumes after the cursor; Last-Event-ID takes precedence; each result carries its cursor', async () => {
    const { run } = await send();
    await finishRun(gateway, run.id, 'done');
    const after = formatCursor({ runId: run.id, seq: 2 });
    const first = async (options: { lastEventId?: string }) => {
      const stream = streamOf(await gateway.subscribe(FollowRunDocument, { runId: run.id, after }, options));
      const { value } = await stream.next();
      await stream.return?.();
      return { seq: value?.data?.runEvents as unknown, cursor: value?.cursor };
    };
    expect(await first({})).toMatchObject({ seq: { seq: 3 }, cursor: formatCursor({ runId: run.id, seq: 3 }) });
    const lastEventId = formatCursor({ runId: run.id, seq: 4 });
    expect(await first({ lastEventId })).toMatchObject({ seq: { seq: 5 } });
  });

  test('return ends the stream at once, even while it waits for the next event', async () => {
    const { run } = await send();
    const stream = streamOf(await gateway.subscribe(FollowRunDocument, { runId: run.id }));
    await nextOf(stream, FollowRunDocument);
    await nextOf(stream, FollowRunDocument);
    const next = stream.next();
    await stream.return?.();
    expect(await next).toEqual({ done: true, value: undefined });
    expect(gateway.notifications.listeners()).toBe(0);
  });

  test('the signal of the client ends it', async () => {
    const { run } = await send();
    const client = new AbortController();
    const stream = streamOf(await gateway.subscribe(FollowRunDocument, { runId: run.id }, { signal: client.signal }));
    await nextOf(stream, FollowRunDocument);
    await nextOf(stream, FollowRunDocument);
    const next = stream.next();
    client.abort();
    expect((await next).done).toBe(true);
  });

  test('each event shows rows as they are now, not as they were at an earlier event', async () => {
    const { run } = await send();
    const approvalId = await requestApproval(gateway, run.id);
    const types = ['APPROVAL_REQUEST', 'APPROVAL_DECISION'] as const;
    const variables = { runId: run.id, types: [...types] };
    const stream = streamOf(await gateway.subscribe(FollowRunDocument, variables));
    const request = await nextOf(stream, FollowRunDocument);
    expect(request.runEvents).toMatchObject({ approval: { status: 'PENDING' } });
    await gateway.data(DecideApprovalDocument, { input: { approvalId, decision: 'ALLOW' } });
    const decision = await nextOf(stream, FollowRunDocument);
    expect(decision.runEvents).toMatchObject({ status: 'ALLOWED', approval: { status: 'ALLOWED' } });
    await stream.return?.();
  });

  test('B3, B33: a run or cursor that is not available is refused before the stream starts', async () => {
    const { run } = await send();
    const refusalOf = async (variables: Record<string, unknown>, options = {}) =>
      codeOf((await gateway.subscribe(FollowRunDocument, { runId: run.id, ...variables }, options)) as never);
    expect(await refusalOf({}, { principal: 'bob' })).toBe('NOT_FOUND');
    expect(await refusalOf({}, { scopes: ['write'] })).toBe('FORBIDDEN');
    expect(await refusalOf({ after: 'nonsense' })).toBe('BAD_USER_INPUT');
    expect(await refusalOf({ after: formatCursor({ runId: run.id, seq: 9 }) })).toBe('BAD_USER_INPUT');
    expect(await refusalOf({}, { lastEventId: 'nonsense' })).toBe('BAD_USER_INPUT');
    expect(await refusalOf({ types: [] })).toBe('BAD_USER_INPUT');
  });
});

describe('runEventBatches', () => {
  test('reports once that it has caught up, and at the end that the run has ended', async () => {
    const { run } = await send();
    const variables = { runId: run.id, types: ['STATUS' as const], maxBatch: 10 };
    const stream = streamOf(await gateway.subscribe(FollowRunBatchesDocument, variables));
    const { runEventBatches: first } = await nextOf(stream, FollowRunBatchesDocument);
    expect(first).toMatchObject({ events: [{ seq: 2 }], caughtUp: true, closed: false });
    expect(first.cursor).toBe(formatCursor({ runId: run.id, seq: 2 }));
    await finishRun(gateway, run.id, 'done');
    const closed: boolean[] = [];
    for await (const { data } of stream)
      closed.push((data as { runEventBatches: typeof first }).runEventBatches.closed);
    expect(closed.at(-1)).toBe(true);
    expect(closed.slice(0, -1)).not.toContain(true);
  });

  test('rejects batch sizes that are out of range', async () => {
    const { run } = await send();
    for (const maxBatch of [0, 1001]) {
      const result = await gateway.subscribe(FollowRunBatchesDocument, { runId: run.id, maxBatch });
      expect(codeOf(result as never)).toBe('BAD_USER_INPUT');
    }
  });
});

test('sessionEvents follows one run after another until the session is archived', async () => {
  const { session, run } = await send();
  const stream = streamOf(await gateway.subscribe(FollowSessionDocument, { sessionId: session.id, types: ['OUTPUT'] }));
  await finishRun(gateway, run.id, 'one');
  expect((await nextOf(stream, FollowSessionDocument)).sessionEvents).toMatchObject({ runId: run.id, text: 'one' });
  const next = await send();
  await finishRun(gateway, next.run.id, 'two', 2);
  expect((await nextOf(stream, FollowSessionDocument)).sessionEvents).toMatchObject({ text: 'two' });
  await gateway.data(ArchiveSessionDocument, { input: { sessionId: session.id } });
  await stream.return?.();

  const resumed = streamOf(
    await gateway.subscribe(FollowSessionDocument, {
      sessionId: session.id,
      after: formatCursor({ runId: next.run.id, seq: 4 }),
    }),
  );
  const rest: number[] = [];
  for await (const { data } of resumed) rest.push((data as { sessionEvents: { seq: number } }).sessionEvents.seq);
  expect(rest).toEqual([5, 6]);

  const other = await send('other');
  const after = formatCursor({ runId: other.run.id, seq: 1 });
  const refused = await gateway.subscribe(FollowSessionDocument, { sessionId: session.id, after });
  expect(codeOf(refused as never)).toBe('BAD_USER_INPUT');
});

test.each([
  ['archived', 'archive'],
  ['purged', 'purge'],
] as const)('sessionEvents completes when the session is %s, without a poll', async (_name, command) => {
  const { session, run } = await send();
  await finishRun(gateway, run.id, 'one');
  const variables = { sessionId: session.id, types: ['OUTPUT'] };
  const stream = streamOf(await gateway.subscribe(FollowSessionDocument, variables));
  await nextOf(stream, FollowSessionDocument);
  const read = gateway.statements();
  const end = withDeadline(stream.next(), { description: 'the end of the stream', seconds: 10 });
  // The stream reads whether the session is archived, and whether it has another run. Then it waits for a notification.
  await poll(() => gateway.statements() === read + 2, { description: 'the look for another run' });
  await gateway.data(RunByIdDocument, { id: run.id });
  if (command === 'archive') await gateway.data(ArchiveSessionDocument, { input: { sessionId: session.id } });
  else await gateway.data(PurgeSessionDocument, { input: { sessionId: session.id, confirmKey: 'chat' } });
  expect((await end).done).toBe(true);
});

describe('approvalEvents', () => {
  const approval = async (stream: ReturnType<typeof streamOf>) => {
    const { approvalEvents } = await nextOf(stream, FollowApprovalsDocument);
    return [approvalEvents.approval.id, approvalEvents.approval.status];
  };
  const follow = async (variables = {}, options = {}) =>
    streamOf(await gateway.subscribe(FollowApprovalsDocument, variables, options));

  test('first the pending approvals of the viewer, then each one that is requested or settled', async () => {
    const { run } = await send('one');
    const settled = await requestApproval(gateway, (await send('zero')).run.id);
    await gateway.data(DecideApprovalDocument, { input: { approvalId: settled, decision: 'DENY' } });
    const pending = await requestApproval(gateway, run.id);
    const stream = await follow();
    expect(await approval(stream)).toEqual([pending, 'PENDING']);
    await requestApproval(gateway, (await send('one', { principal: 'bob' })).run.id);
    const next = approval(stream);
    const requested = await requestApproval(gateway, (await send('two')).run.id);
    expect(await next).toEqual([requested, 'PENDING']);
    await gateway.data(DecideApprovalDocument, { input: { approvalId: pending, decision: 'ALLOW' } });
    expect(await approval(stream)).toEqual([pending, 'ALLOWED']);
    await stream.return?.();
  });

  test('of one session if the argument names it', async () => {
    const [one, two] = [await send('one'), await send('two')];
    const stream = await follow({ sessionId: one.session.id });
    await requestApproval(gateway, two.run.id);
    const next = approval(stream);
    const requested = await requestApproval(gateway, one.run.id);
    expect(await next).toEqual([requested, 'PENDING']);
    await gateway.data(CancelRunDocument, { input: { runId: one.run.id } });
    expect(await approval(stream)).toEqual([requested, 'WITHDRAWN']);
    await stream.return?.();
    const result = await gateway.subscribe(
      FollowApprovalsDocument,
      { sessionId: one.session.id },
      { principal: 'bob' },
    );
    expect(codeOf(result as never)).toBe('NOT_FOUND');
  });

  test('notifications without events lose and repeat nothing', async () => {
    const publish = gateway.notifications.publish;
    gateway.notifications.publish = (notification) => publish({ ...notification, events: null });
    const stream = await follow();
    const received: unknown[] = [];
    const ids: string[] = [];
    for (let index = 0; index < 5; index += 1)
      ids.push(await requestApproval(gateway, (await send(`s${index}`)).run.id));
    for (const _ of ids) received.push(await approval(stream));
    expect(received).toEqual(ids.map((id) => [id, 'PENDING']));
    for (const approvalId of ids) {
      await gateway.data(DecideApprovalDocument, { input: { approvalId, decision: 'DENY' } });
      expect(await approval(stream)).toEqual([approvalId, 'DENIED']);
    }
    const brief = await requestApproval(gateway, (await send('brief')).run.id);
    await gateway.data(DecideApprovalDocument, { input: { approvalId: brief, decision: 'DENY' } });
    expect(await approval(stream)).toEqual([brief, 'DENIED']);
    await stream.return?.();
  });

  test('a slow reader gets every approval of a burst', async () => {
    const first = await requestApproval(gateway, (await send('first')).run.id);
    const stream = await follow();
    expect(await approval(stream)).toEqual([first, 'PENDING']);
    const ids: string[] = [];
    for (let index = 0; index < 130; index += 1)
      ids.push(await requestApproval(gateway, (await send(`s${index}`)).run.id));
    const received: string[] = [];
    while (received.length < ids.length) received.push(String((await approval(stream))[0]));
    expect(received).toEqual(ids);
    await stream.return?.();
  });
});
