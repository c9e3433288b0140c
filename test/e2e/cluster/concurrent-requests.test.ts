import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestClient, type TestClient } from '../../client.ts';
import {
  ApprovalsDocument,
  CancelRunDocument,
  DecideApprovalDocument,
  ResolveSessionDocument,
  RunsDocument,
  SendMessageDocument,
  type SendMessageInput,
} from '../../generated/graphql.ts';
import { follow, send, typesOf } from '../../integration/conversation.ts';
import { type Cluster, createCluster } from './cluster.ts';

/** Short enough to be filled by a few concurrent requests. */
const QUEUE_LENGTH = 5;

let cluster: Cluster;
let clients: TestClient[] = [];

beforeAll(async () => {
  cluster = await createCluster({ configuration: { limits: { queueLength: QUEUE_LENGTH } } });
  const servers = await Promise.all([cluster.start(), cluster.start(), cluster.start()]);
  clients = servers.map(({ url }) => createTestClient(url));
});

afterAll(async () => {
  await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
  await cluster.assertConsistent();
  await cluster[Symbol.asyncDispose]();
});

/** Calls `work` concurrently, with the clients of all servers in turn. */
function concurrently<T>(times: number, work: (client: TestClient, index: number) => Promise<T>): Promise<T[]> {
  return Promise.all(
    Array.from({ length: times }, (_, index) => work(clients[index % clients.length] as TestClient, index)),
  );
}

const sendMessage = (client: TestClient, input: SendMessageInput) =>
  client.send(SendMessageDocument, { input }).then((result) => result.sendMessage);

test('B14: a hundred concurrent messages to three servers with one idempotency key create one run', async () => {
  const input = { sessionKey: 'same', text: '/say once', idempotencyKey: 'same' };
  const answers = await concurrently(100, (client) => send(client, input));
  expect(new Set(answers.map(({ run }) => run.id)).size).toBe(1);
  expect(answers.filter(({ created }) => created)).toHaveLength(1);
  const others = await concurrently(9, (client) => sendMessage(client, { ...input, text: '/say something else' }));
  expect(new Set(others.map(({ __typename }) => __typename))).toEqual(new Set(['ConflictError']));
  const [row] = await cluster.query<{ runs: string }>(
    `SELECT count(*) AS "runs" FROM "Run" JOIN "Session" ON "Session"."id" = "sessionId" WHERE "key" = 'same'`,
  );
  expect(row).toEqual({ runs: '1' });
});

test('B1: concurrent requests to three servers with one session key create one session', async () => {
  const answers = await concurrently(30, async (client) => {
    const { resolveSession } = await client.send(ResolveSessionDocument, { input: { key: 'one' } });
    if (resolveSession.__typename !== 'ResolveSessionSuccess') throw new Error(resolveSession.__typename);
    return resolveSession;
  });
  expect(new Set(answers.map(({ session }) => session.id)).size).toBe(1);
  expect(answers.filter(({ created }) => created)).toHaveLength(1);
});

test('B15: concurrent messages to three servers for a new session run one at a time, in order', async () => {
  const texts = Array.from({ length: QUEUE_LENGTH }, (_, index) => `/words ${index + 1}`);
  const sent = await concurrently(texts.length, (client, index) =>
    send(client, { sessionKey: 'line', text: texts[index] ?? '' }),
  );
  const ids = sent.map(({ run }) => run.id);
  const tapes = await concurrently(ids.length, (client, index) => follow(client, ids[index] ?? ''));
  const spans = tapes
    .map((events) => ({ first: events.find(({ type }) => type === 'CONTEXT')?.recordedAt, last: events.at(-1) }))
    .sort((left, right) => String(left.first).localeCompare(String(right.first)));
  for (const [index, { last }] of spans.entries()) {
    expect(last).toMatchObject({ to: 'DONE' });
    const next = spans[index + 1]?.first;
    if (next) expect(String(last?.recordedAt) <= String(next), `${last?.recordedAt} ${next}`).toBe(true);
  }
  expect(spans.map(({ last }) => last?.runId)).toEqual([...ids].sort());
});

test('B15: of concurrent REJECT messages to three servers one is accepted while its run is active', async () => {
  const input = { sessionKey: 'rejecting', text: '/hang', whenBusy: 'REJECT' } as const;
  const [first] = clients as [TestClient];
  for (let times = 0; times < 5; times += 1) {
    const answers = await concurrently(9, (client) => sendMessage(client, input));
    const accepted = answers.flatMap((answer) => (answer.__typename === 'SendMessageSuccess' ? [answer.run.id] : []));
    expect(accepted).toHaveLength(1);
    expect(answers.filter(({ __typename }) => __typename === 'SessionBusyError')).toHaveLength(8);
    await first.send(CancelRunDocument, { input: { runId: accepted[0] ?? '' } });
    await follow(first, accepted[0] ?? '');
  }
});

test('B16: concurrent messages to three servers do not exceed the length of a queue', async () => {
  const [first] = clients as [TestClient];
  const { run } = await send(first, { sessionKey: 'full', text: '/hang' });
  await follow(first, run.id, { isLast: ({ type }) => type === 'CONTEXT' });
  const answers = await concurrently(30, (client, index) =>
    sendMessage(client, { sessionKey: 'full', text: `/say ${index}` }),
  );
  expect(answers.filter(({ __typename }) => __typename === 'SendMessageSuccess')).toHaveLength(QUEUE_LENGTH);
  expect(answers.filter(({ __typename }) => __typename === 'LimitExceededError')).toHaveLength(30 - QUEUE_LENGTH);
  const { runs } = await first.send(RunsDocument, { first: 100, filter: { states: ['PENDING'] } });
  expect(runs.edges).toHaveLength(QUEUE_LENGTH);
  await first.send(CancelRunDocument, { input: { runId: run.id } });
  for (const { node } of runs.edges) expect((await follow(first, node.id)).at(-1)).toMatchObject({ to: 'DONE' });
});

test('B37: of concurrent decisions on three servers one wins, and the others that disagree receive an error', async () => {
  const [first] = clients as [TestClient];
  for (let times = 0; times < 8; times += 1) {
    const { run } = await send(first, { sessionKey: `approval ${times}`, text: '/call memory_save {"text":"tea"}' });
    await follow(first, run.id, { isLast: ({ type }) => type === 'APPROVAL_REQUEST' });
    const { approvals } = await first.send(ApprovalsDocument, { filter: { statuses: ['PENDING'] } });
    const approvalId = approvals.edges[0]?.node.id ?? '';
    const answers = await concurrently(6, async (client, index) => {
      const decision = index % 2 === 0 ? 'ALLOW' : 'DENY';
      const { decideApproval } = await client.send(DecideApprovalDocument, { input: { approvalId, decision } });
      return { decision, outcome: decideApproval.__typename };
    });
    const agreed = answers.filter(({ outcome }) => outcome === 'DecideApprovalSuccess');
    expect(new Set(agreed.map(({ decision }) => decision)).size).toBe(1);
    expect(agreed).toHaveLength(3);
    expect(answers.filter(({ outcome }) => outcome === 'ApprovalSettledError')).toHaveLength(3);
    const events = await follow(first, run.id);
    expect(typesOf(events).filter((type) => type === 'APPROVAL_DECISION')).toHaveLength(1);
    expect(events.at(-1)).toMatchObject({ to: 'DONE' });
  }
});
