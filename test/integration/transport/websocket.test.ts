import { describe, expect, test } from 'vitest';
import {
  CancelRunDocument,
  FollowApprovalsDocument,
  FollowRunBatchesDocument,
  FollowRunDocument,
  FollowSessionDocument,
  GatewayDocument,
  SendMessageDocument,
} from '../../generated/graphql.ts';
import { converse, decideNextApproval, follow, send, typesOf } from '../conversation.ts';
import { startTestGateway, until } from '../gateway.ts';
import { failureOf, iterate, openSocket } from './socket.ts';
import { collect } from './sse.ts';

const unknownRun = 'run_00000000000000000000000000';

describe('the client of graphql-ws', () => {
  test('B59: sends queries and mutations over the socket too', async () => {
    const { url } = await startTestGateway();
    const socket = openSocket(url);
    const [queried] = await collect(iterate(socket, GatewayDocument, {}));
    expect(queried).toMatchObject({ data: { viewer: { principal: 'ada' } } });
    const input = { sessionKey: 'socket', text: 'Hello' };
    const [sent] = await collect(iterate(socket, SendMessageDocument, { input }));
    expect(sent?.data?.sendMessage).toMatchObject({ __typename: 'SendMessageSuccess', created: true });
  });

  test('gets the error of an operation, and keeps its socket', async () => {
    const { url } = await startTestGateway();
    const socket = openSocket(url);
    const { client } = await startTestGateway();
    const { run } = await send(client, { sessionKey: 'elsewhere', text: 'Hello' });
    let isClosed = false;
    void socket.closed.then(() => {
      isClosed = true;
    });
    const open = iterate(socket, FollowApprovalsDocument, {});
    const waiting = open.next();
    expect(await failureOf(iterate(socket, 'query {'))).toMatchObject([
      { message: expect.stringContaining('Syntax Error') },
    ]);
    expect(await failureOf(iterate(socket, '{ nothing }'))).toMatchObject([
      { message: expect.stringContaining('Cannot query field "nothing"') },
    ]);
    const wrong = iterate(socket, 'query ($first: Int) { runs(first: $first) { nodes { id } } }', { first: 'many' });
    expect(await collect(wrong)).toMatchObject([{ errors: [{ message: expect.stringContaining('"$first"') }] }]);
    const [unknown] = await collect(iterate(socket, FollowRunDocument, { runId: unknownRun }));
    expect(unknown).toMatchObject({
      errors: [{ message: `There is no run ${unknownRun}.`, extensions: { code: 'NOT_FOUND' } }],
    });
    const foreign = await collect(iterate(socket, FollowRunDocument, { runId: run.id }));
    expect(foreign).toMatchObject([{ errors: [{ extensions: { code: 'NOT_FOUND' } }] }]);
    expect(isClosed).toBe(false);
    await open.return?.();
    expect(await waiting).toMatchObject({ done: true });
  });
});

describe('a subscription over the socket', () => {
  test('B25: replays a finished run and completes', async () => {
    const { client, url } = await startTestGateway();
    const { runId, events } = await converse(client, { sessionKey: 'finished', text: 'Hello' });
    const again = await collect(iterate(openSocket(url), FollowRunDocument, { runId }));
    expect(again.map(({ data }) => data?.runEvents)).toEqual(events);
  });

  test('B29: has only the requested types, and its cursors are valid for all types', async () => {
    const { client, url } = await startTestGateway();
    const text = '/pace 1\n/words 30\n/call clock {}\n/then\n/words 10';
    const { run } = await send(client, { sessionKey: 'types', text });
    const filtered = iterate(openSocket(url), FollowRunDocument, { runId: run.id, types: ['TOOL_CALL', 'OUTPUT'] });
    const seen = (await collect(filtered)).flatMap(({ data }) => (data ? [data.runEvents] : []));
    expect(typesOf(seen)).toEqual(['OUTPUT', 'TOOL_CALL', 'OUTPUT']);
    const rest = await follow(client, run.id, { after: seen[1]?.cursor });
    expect(rest[0]?.seq).toBe((seen[1]?.seq ?? 0) + 1);
    expect(rest.at(-1)).toMatchObject({ type: 'STATUS', to: 'DONE' });
  });

  test('B25: its batches set caughtUp once, and closed in the last one', async () => {
    const { client, url } = await startTestGateway();
    const { runId, events } = await converse(client, { sessionKey: 'batches', text: '/pace 1\n/words 30' });
    const request = { runId, maxBatch: 4 };
    const batches = (await collect(iterate(openSocket(url), FollowRunBatchesDocument, request))).flatMap(({ data }) =>
      data ? [data.runEventBatches] : [],
    );
    expect(batches.flatMap((batch) => batch.events)).toEqual(events);
    expect(Math.max(...batches.map((batch) => batch.events.length))).toBe(4);
    expect(batches.filter(({ caughtUp }) => caughtUp)).toHaveLength(1);
    expect(batches.map(({ closed }) => closed)).toEqual([...batches.slice(1).map(() => false), true]);
    expect(batches.map(({ cursor }) => cursor)).toEqual(batches.map((batch) => batch.events.at(-1)?.cursor));
    const live = await send(client, { sessionKey: 'batches', text: '/pace 1\n/words 60' });
    const following = await collect(iterate(openSocket(url), FollowRunBatchesDocument, { runId: live.run.id }));
    expect(following.map(({ data }) => data?.runEventBatches.closed).indexOf(true)).toBe(following.length - 1);
    expect(following.filter(({ data }) => data?.runEventBatches.caughtUp)).toHaveLength(1);
  });

  test('B25: of a session has all its runs, earlier and later ones', async () => {
    const { client, url } = await startTestGateway();
    const first = await converse(client, { sessionKey: 'session', text: 'Hello' });
    const { session } = await send(client, { sessionKey: 'session', text: '/pace 1\n/words 20' });
    const following = iterate(openSocket(url), FollowSessionDocument, { sessionId: session.id });
    const seen: { runId: string; seq: number; cursor: string }[] = [];
    let ended = 0;
    for await (const { data } of following) {
      const event = data?.sessionEvents;
      if (!event) throw new Error('An event is missing.');
      seen.push({ runId: event.runId, seq: event.seq, cursor: event.cursor });
      if (event.__typename !== 'StatusEvent' || event.to !== 'DONE') continue;
      ended += 1;
      if (ended === 2) await send(client, { sessionKey: 'session', text: 'Goodbye' });
      if (ended === 3) break;
    }
    const runs = [...new Set(seen.map(({ runId }) => runId))];
    expect(runs).toHaveLength(3);
    const tapes = await Promise.all(runs.map((runId) => follow(client, runId)));
    expect(seen).toEqual(tapes.flat().map(({ runId, seq, cursor }) => ({ runId, seq, cursor })));
    const after = first.events.at(-1)?.cursor;
    const rest = await collect(iterate(openSocket(url), FollowSessionDocument, { sessionId: session.id, after }), 1);
    expect(rest[0]?.data?.sessionEvents).toMatchObject({ runId: runs[1], seq: 1 });
  });

  test('B36: has every pending approval, then each approval as it is requested and settled', async () => {
    const { client, url, clientOf } = await startTestGateway();
    const text = '/call memory_save {"text":"tea"}\n/then\n/say Saved.';
    const waiting = await send(client, { sessionKey: 'first', text });
    await follow(client, waiting.run.id, { isLast: ({ type }) => type === 'APPROVAL_REQUEST' });
    const approvals = iterate(openSocket(url), FollowApprovalsDocument, {});
    const next = async () => {
      const { value } = await approvals.next();
      const approval = value?.data?.approvalEvents.approval;
      return [approval?.run.id, approval?.status];
    };
    expect(await next()).toEqual([waiting.run.id, 'PENDING']);
    const later = await send(client, { sessionKey: 'second', text });
    expect(await next()).toEqual([later.run.id, 'PENDING']);
    await send(clientOf('bob'), { sessionKey: 'of another principal', text });
    await decideNextApproval(client, waiting.run.id, 'ALLOW');
    expect(await next()).toEqual([waiting.run.id, 'ALLOWED']);
    await client.send(CancelRunDocument, { input: { runId: later.run.id } });
    expect(await next()).toEqual([later.run.id, 'WITHDRAWN']);
    await approvals.return?.();
  });
});

test('B27: fifty waiting subscriptions that end, properly or not, leave nothing behind', async () => {
  const { client, url, gateway } = await startTestGateway();
  const { notifications, orchestrator } = gateway.parts;
  const { run, session } = await send(client, { sessionKey: 'idle', text: '/hang' });
  await until(async () => orchestrator.activeCount() === 1);
  const before = notifications.listeners();
  const sockets = [openSocket(url), openSocket(url)];
  const warnings: Error[] = [];
  process.on('warning', (warning) => warnings.push(warning));
  const open = Array.from({ length: 50 }, (_, index): AsyncIterableIterator<unknown> => {
    const socket = sockets[index % 2] ?? openSocket(url);
    if (index % 5 === 0) return iterate(socket, FollowApprovalsDocument, {});
    if (index % 5 === 1) return iterate(socket, FollowSessionDocument, { sessionId: session.id });
    return iterate(socket, FollowRunDocument, { runId: run.id });
  });
  const reading = open.map(async (results) => collect(results).catch(() => []));
  await until(async () => notifications.listeners() >= before + 50);
  await Promise.all(open.filter((_, index) => index % 2 === 0).map((results) => results.return?.()));
  sockets[1]?.cut();
  await Promise.all(reading);
  await until(async () => notifications.listeners() === before);
  expect(orchestrator.activeCount()).toBe(1);
  expect(warnings).toEqual([]);
  await client.send(CancelRunDocument, { input: { runId: run.id } });
});
