import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { eventCursor } from '../../../src/graphql/execution/subscribe.ts';
import { formatCursor } from '../../../src/streams/cursor.ts';
import {
  ArchiveSessionDocument,
  CancelRunDocument,
  DecideApprovalDocument,
  FollowApprovalsDocument,
  FollowRunBatchesDocument,
  FollowRunDocument,
  FollowSessionDocument,
  SendMessageDocument,
} from '../../generated/graphql.ts';
import { ask, codeOf, finish, type InProcess, nextOf, openInProcess, streamOf } from './in-process.ts';

let gateway: InProcess;
beforeEach(async () => {
  gateway = await openInProcess();
});
afterEach(async () => {
  // Whoever left has left nothing behind.
  expect(gateway.notifications.listeners()).toBe(0);
  await gateway[Symbol.asyncDispose]();
});

async function send(sessionKey = 'chat', asking = {}) {
  const { sendMessage } = await gateway.data(SendMessageDocument, { input: { sessionKey, text: 'hello' } }, asking);
  if (sendMessage.__typename !== 'SendMessageSuccess') throw new Error(JSON.stringify(sendMessage));
  return sendMessage;
}

describe('runEvents', () => {
  test('B25: before, during and after a run the events are the same, and the stream completes', async () => {
    const { run } = await send();
    const collect = async () => {
      const seen: number[] = [];
      for await (const { data } of streamOf(await gateway.subscribe(FollowRunDocument, { runId: run.id }))) {
        seen.push((data as { runEvents: { seq: number } }).runEvents.seq);
      }
      return seen;
    };
    const early = collect();
    await finish(gateway, run.id, 'done');
    expect(await early).toEqual([1, 2, 3, 4, 5, 6]);
    expect(await collect()).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test('continues after a cursor; the one of SSE wins; results carry theirs', async () => {
    const { run } = await send();
    await finish(gateway, run.id, 'done');
    const after = formatCursor({ runId: run.id, seq: 2 });
    const first = async (asking: { lastEventId?: string }) => {
      const stream = streamOf(await gateway.subscribe(FollowRunDocument, { runId: run.id, after }, asking));
      const { value } = await stream.next();
      await stream.return?.();
      return { seq: value?.data?.runEvents as unknown, cursor: value?.[eventCursor] };
    };
    expect(await first({})).toMatchObject({ seq: { seq: 3 }, cursor: formatCursor({ runId: run.id, seq: 3 }) });
    const lastEventId = formatCursor({ runId: run.id, seq: 4 });
    expect(await first({ lastEventId })).toMatchObject({ seq: { seq: 5 } });
  });

  test('leaving takes effect at once, while the next event is waited for', async () => {
    const { run } = await send();
    const stream = streamOf(await gateway.subscribe(FollowRunDocument, { runId: run.id }));
    await nextOf(stream, FollowRunDocument);
    await nextOf(stream, FollowRunDocument);
    const waiting = stream.next();
    await stream.return?.();
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(gateway.notifications.listeners()).toBe(0);
  });

  test("the client's signal ends it too", async () => {
    const { run } = await send();
    const client = new AbortController();
    const stream = streamOf(await gateway.subscribe(FollowRunDocument, { runId: run.id }, { signal: client.signal }));
    await nextOf(stream, FollowRunDocument);
    await nextOf(stream, FollowRunDocument);
    const waiting = stream.next();
    client.abort();
    expect((await waiting).done).toBe(true);
  });

  test('each event is shown as it is by then, not as an earlier one was', async () => {
    const { run } = await send();
    const approvalId = await ask(gateway, run.id);
    const types = ['APPROVAL_REQUEST', 'APPROVAL_DECISION'] as const;
    const variables = { runId: run.id, types: [...types] };
    const stream = streamOf(await gateway.subscribe(FollowRunDocument, variables));
    const asked = await nextOf(stream, FollowRunDocument);
    expect(asked.runEvents).toMatchObject({ approval: { status: 'PENDING' } });
    await gateway.data(DecideApprovalDocument, { input: { approvalId, decision: 'ALLOW' } });
    const decided = await nextOf(stream, FollowRunDocument);
    expect(decided.runEvents).toMatchObject({ status: 'ALLOWED', approval: { status: 'ALLOWED' } });
    await stream.return?.();
  });

  test('B3, B33: what can not be followed is refused at the door', async () => {
    const { run } = await send();
    const refused = async (variables: Record<string, unknown>, asking = {}) =>
      codeOf((await gateway.subscribe(FollowRunDocument, { runId: run.id, ...variables }, asking)) as never);
    expect(await refused({}, { principal: 'bob' })).toBe('NOT_FOUND');
    expect(await refused({}, { scopes: ['write'] })).toBe('FORBIDDEN');
    expect(await refused({ after: 'nonsense' })).toBe('BAD_USER_INPUT');
    expect(await refused({ after: formatCursor({ runId: run.id, seq: 9 }) })).toBe('BAD_USER_INPUT');
    expect(await refused({}, { lastEventId: 'nonsense' })).toBe('BAD_USER_INPUT');
    expect(await refused({ types: [] })).toBe('BAD_USER_INPUT');
  });
});

describe('runEventBatches', () => {
  test('says once when it is caught up, and at last that the run has ended', async () => {
    const { run } = await send();
    const variables = { runId: run.id, types: ['STATUS' as const], maxBatch: 10 };
    const stream = streamOf(await gateway.subscribe(FollowRunBatchesDocument, variables));
    const { runEventBatches: first } = await nextOf(stream, FollowRunBatchesDocument);
    expect(first).toMatchObject({ events: [{ seq: 2 }], caughtUp: true, closed: false });
    expect(first.cursor).toBe(formatCursor({ runId: run.id, seq: 2 }));
    await finish(gateway, run.id, 'done');
    const closed: boolean[] = [];
    for await (const { data } of stream)
      closed.push((data as { runEventBatches: typeof first }).runEventBatches.closed);
    expect(closed.at(-1)).toBe(true);
    expect(closed.slice(0, -1)).not.toContain(true);
  });

  test('takes only sizes that it can have', async () => {
    const { run } = await send();
    for (const maxBatch of [0, 1001]) {
      const answer = await gateway.subscribe(FollowRunBatchesDocument, { runId: run.id, maxBatch });
      expect(codeOf(answer as never)).toBe('BAD_USER_INPUT');
    }
  });
});

test('sessionEvents follows one run after the other until the session is archived', async () => {
  const { session, run } = await send();
  const stream = streamOf(await gateway.subscribe(FollowSessionDocument, { sessionId: session.id, types: ['OUTPUT'] }));
  await finish(gateway, run.id, 'one');
  expect((await nextOf(stream, FollowSessionDocument)).sessionEvents).toMatchObject({ runId: run.id, text: 'one' });
  const next = await send();
  await finish(gateway, next.run.id, 'two', 2);
  expect((await nextOf(stream, FollowSessionDocument)).sessionEvents).toMatchObject({ text: 'two' });
  await gateway.data(ArchiveSessionDocument, { input: { sessionId: session.id } });
  await stream.return?.();

  const over = streamOf(
    await gateway.subscribe(FollowSessionDocument, {
      sessionId: session.id,
      after: formatCursor({ runId: next.run.id, seq: 4 }),
    }),
  );
  const rest: number[] = [];
  for await (const { data } of over) rest.push((data as { sessionEvents: { seq: number } }).sessionEvents.seq);
  expect(rest).toEqual([5, 6]);

  const elsewhere = await send('elsewhere');
  const after = formatCursor({ runId: elsewhere.run.id, seq: 1 });
  const refused = await gateway.subscribe(FollowSessionDocument, { sessionId: session.id, after });
  expect(codeOf(refused as never)).toBe('BAD_USER_INPUT');
});

describe('approvalEvents', () => {
  const approval = async (stream: ReturnType<typeof streamOf>) => {
    const { approvalEvents } = await nextOf(stream, FollowApprovalsDocument);
    return [approvalEvents.approval.id, approvalEvents.approval.status];
  };
  const follow = async (variables = {}, asking = {}) =>
    streamOf(await gateway.subscribe(FollowApprovalsDocument, variables, asking));

  test('first what waits, then what is asked or settled, of the viewer alone', async () => {
    const { run } = await send('one');
    const settled = await ask(gateway, (await send('zero')).run.id);
    await gateway.data(DecideApprovalDocument, { input: { approvalId: settled, decision: 'DENY' } });
    const waiting = await ask(gateway, run.id);
    const stream = await follow();
    expect(await approval(stream)).toEqual([waiting, 'PENDING']);
    await ask(gateway, (await send('one', { principal: 'bob' })).run.id);
    const next = approval(stream);
    const asked = await ask(gateway, (await send('two')).run.id);
    expect(await next).toEqual([asked, 'PENDING']);
    await gateway.data(DecideApprovalDocument, { input: { approvalId: waiting, decision: 'ALLOW' } });
    expect(await approval(stream)).toEqual([waiting, 'ALLOWED']);
    await stream.return?.();
  });

  test('of one session where that is asked for', async () => {
    const [one, two] = [await send('one'), await send('two')];
    const stream = await follow({ sessionId: one.session.id });
    await ask(gateway, two.run.id);
    const next = approval(stream);
    const asked = await ask(gateway, one.run.id);
    expect(await next).toEqual([asked, 'PENDING']);
    await gateway.data(CancelRunDocument, { input: { runId: one.run.id } });
    expect(await approval(stream)).toEqual([asked, 'WITHDRAWN']);
    await stream.return?.();
    const answer = await gateway.subscribe(
      FollowApprovalsDocument,
      { sessionId: one.session.id },
      { principal: 'bob' },
    );
    expect(codeOf(answer as never)).toBe('NOT_FOUND');
  });

  test('a wake-up without events loses nothing and repeats nothing', async () => {
    const publish = gateway.notifications.publish;
    gateway.notifications.publish = (wake) => publish({ ...wake, events: null });
    const stream = await follow();
    const seen: unknown[] = [];
    const ids: string[] = [];
    for (let index = 0; index < 5; index += 1) ids.push(await ask(gateway, (await send(`s${index}`)).run.id));
    for (const _ of ids) seen.push(await approval(stream));
    expect(seen).toEqual(ids.map((id) => [id, 'PENDING']));
    for (const approvalId of ids) {
      await gateway.data(DecideApprovalDocument, { input: { approvalId, decision: 'DENY' } });
      expect(await approval(stream)).toEqual([approvalId, 'DENIED']);
    }
    const brief = await ask(gateway, (await send('brief')).run.id);
    await gateway.data(DecideApprovalDocument, { input: { approvalId: brief, decision: 'DENY' } });
    expect(await approval(stream)).toEqual([brief, 'DENIED']);
    await stream.return?.();
  });

  test('a reader who stalls while very many change gets each of them', async () => {
    const first = await ask(gateway, (await send('first')).run.id);
    const stream = await follow();
    expect(await approval(stream)).toEqual([first, 'PENDING']);
    const ids: string[] = [];
    for (let index = 0; index < 130; index += 1) ids.push(await ask(gateway, (await send(`s${index}`)).run.id));
    const seen: string[] = [];
    while (seen.length < ids.length) seen.push(String((await approval(stream))[0]));
    expect(seen).toEqual(ids);
    await stream.return?.();
  });
});
