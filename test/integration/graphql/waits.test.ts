import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  NodeByIdDocument,
  PendingWaitsDocument,
  SendMessageDocument,
  WaitByIdDocument,
  WaitsDocument,
  WaitsOfSessionDocument,
} from '../../generated/graphql.ts';
import {
  codeOf,
  type InProcess,
  openInProcess,
  requestApproval,
  requestBudget,
  requestClientTool,
} from './in-process.ts';

let gateway: InProcess;
beforeAll(async () => {
  gateway = await openInProcess();
});
afterAll(() => gateway[Symbol.asyncDispose]());

const approver = { principal: 'eve', scopes: ['read', 'approve', 'approve:any'] };

async function send(sessionKey: string, options = {}) {
  const { sendMessage } = await gateway.data(SendMessageDocument, { input: { sessionKey, text: 'hello' } }, options);
  if (sendMessage.__typename !== 'SendMessageSuccess') throw new Error(JSON.stringify(sendMessage));
  return { sessionId: sendMessage.session.id, runId: sendMessage.run.id };
}

/** A session whose run waits for an approval. */
async function waiting(sessionKey: string, options = {}) {
  const sent = await send(sessionKey, options);
  return { ...sent, waitId: await requestApproval(gateway, sent.runId) };
}

const deny = (approvalId: string) =>
  ({ kind: 'decideApproval', approvalId, verdict: { decision: 'DENY', by: 'ada', reason: 'Not now.' } }) as const;

test('a wait is found by its id, by `node` and with its run, and says how it was settled', async () => {
  const { runId, waitId } = await waiting('one');
  const open = { id: waitId, kind: 'APPROVAL', runId, startedBy: 'ada', decidedAt: null, decidedBy: null };
  const { wait } = await gateway.data(WaitByIdDocument, { id: waitId });
  expect(wait).toMatchObject({ ...open, __typename: 'Approval', state: 'OPEN', outcome: null, run: { id: runId } });
  expect((await gateway.data(NodeByIdDocument, { id: waitId })).node).toMatchObject({
    __typename: 'Approval',
    id: waitId,
  });
  expect((await gateway.data(PendingWaitsDocument, { runId })).run?.pendingWaits).toMatchObject([open]);
  await gateway.record(runId, deny(waitId));
  expect((await gateway.data(WaitByIdDocument, { id: waitId })).wait).toMatchObject({
    state: 'SETTLED',
    outcome: 'DENIED',
    decidedBy: 'ada',
    reason: 'Not now.',
  });
  expect((await gateway.data(PendingWaitsDocument, { runId })).run?.pendingWaits).toEqual([]);
  for (const id of [runId, 'apr_x', 'nonsense']) {
    expect((await gateway.data(WaitByIdDocument, { id })).wait).toBeNull();
  }
});

test('B3: waits of another principal are shown to nobody but an approver, who does not see their runs', async () => {
  const { sessionId, runId, waitId } = await waiting('owned', { principal: 'bob' });
  const ids = async (options: object, filter = {}) =>
    (await gateway.data(WaitsDocument, { filter }, options)).waits.edges.map(({ node }) => node.id);
  expect((await gateway.data(WaitByIdDocument, { id: waitId })).wait).toBeNull();
  expect(await ids({}, { sessionId })).toEqual([]);
  expect(await ids({}, { runId })).toEqual([]);
  expect(await ids({ principal: 'bob' })).toEqual([waitId]);
  expect(await ids(approver, { runId })).toEqual([waitId]);
  const { wait } = await gateway.data(WaitByIdDocument, { id: waitId }, approver);
  expect(wait).toMatchObject({ id: waitId, runId, startedBy: 'bob', run: null });
  expect((await gateway.data(WaitsOfSessionDocument, { id: sessionId }, approver)).session).toBeNull();
});

test('a budget request shows its amounts, to an approver as well, and to nobody else', async () => {
  const { runId } = await send('budget', { principal: 'bob' });
  const id = await requestBudget(gateway, runId, { budget: 'COST', spent: 4.5, allowance: 5, needed: 1.25 });
  const shown = { id, kind: 'BUDGET', runId, startedBy: 'bob', budget: 'COST', spent: 4.5, allowance: 5, needed: 1.25 };
  for (const options of [{ principal: 'bob' }, approver]) {
    const { waits } = await gateway.data(WaitsDocument, { filter: { runId } }, options);
    expect(waits.edges.map(({ node }) => node)).toMatchObject([{ ...shown, granted: null, period: 'DAY' }]);
    expect((await gateway.data(NodeByIdDocument, { id }, options)).node).toMatchObject({ id });
  }
  expect((await gateway.data(WaitsDocument, { filter: { runId } })).waits.edges).toEqual([]);
  expect((await gateway.data(NodeByIdDocument, { id })).node).toBeNull();
});

test('waits are filtered by kind, state, session and run', async () => {
  const options = { principal: 'filter' };
  const first = await waiting('first', options);
  const second = await waiting('second', options);
  const third = await waiting('third', options);
  await gateway.record(first.runId, { ...deny(first.waitId), verdict: { decision: 'DENY', by: 'ada', reason: null } });
  await gateway.record(second.runId, { kind: 'cancel', reason: null });
  const names = new Map([first, second, third].map(({ waitId }, index) => [waitId, index + 1]));
  const found = async (filter: object) =>
    (await gateway.data(WaitsDocument, { filter }, options)).waits.edges.map(({ node }) => names.get(node.id));
  const inSession = async (id: string, filter: object) => {
    const { session } = await gateway.data(WaitsOfSessionDocument, { id, filter }, options);
    return session?.waits.edges.map(({ node }) => names.get(node.id));
  };
  expect(await found({})).toEqual([3, 2, 1]);
  expect(await found({ states: ['OPEN'] })).toEqual([3]);
  expect(await found({ states: ['SETTLED', 'WITHDRAWN'] })).toEqual([2, 1]);
  expect(await found({ states: ['EXPIRED'] })).toEqual([]);
  expect(await found({ states: [] })).toEqual([]);
  expect(await found({ kinds: ['APPROVAL'] })).toEqual([3, 2, 1]);
  expect(await found({ kinds: ['QUESTION', 'BUDGET'] })).toEqual([]);
  expect(await found({ sessionId: second.sessionId })).toEqual([2]);
  expect(await found({ sessionId: second.sessionId, runId: first.runId })).toEqual([]);
  expect(await found({ runId: 'a\0b' })).toEqual([]);
  expect(await inSession(third.sessionId, {})).toEqual([3]);
  expect(await inSession(third.sessionId, { states: ['OPEN'], kinds: ['APPROVAL'], runId: third.runId })).toEqual([3]);
  expect(await inSession(third.sessionId, { states: ['SETTLED'] })).toEqual([]);
  expect(await inSession(third.sessionId, { kinds: [] })).toEqual([]);
  expect(await inSession(third.sessionId, { sessionId: first.sessionId })).toEqual([]);
});

test('B5: waits are paged newest first, in both directions, also those requested at the same time', async () => {
  const options = { principal: 'pages' };
  const ids: string[] = [];
  const { sessionId, runId, waitId } = await waiting('paged', options);
  ids.push(waitId);
  const { database } = gateway;
  const [row] = await database.reader.wait.findMany({ where: { runId } });
  if (!row) throw new Error('There is no wait.');
  const others = [...'1234567'].filter((suffix) => !row.id.endsWith(suffix)).slice(0, 6);
  for (const suffix of others) {
    const id = `${row.id.slice(0, -1)}${suffix}`;
    await database.write((client) => client.wait.create({ data: { ...row, id } }));
    ids.push(id);
  }
  const newestFirst = ids.toSorted().reverse();
  const lists = [
    async (page: object) => (await gateway.data(WaitsDocument, page, options)).waits,
    async (page: object) =>
      (await gateway.data(WaitsOfSessionDocument, { id: sessionId, ...page }, options)).session?.waits,
  ];
  for (const list of lists) {
    const shown = async (page: object) => (await list(page))?.edges.map(({ node }) => node.id);
    const first = await list({ first: 3 });
    expect(await shown({ first: 3 })).toEqual(newestFirst.slice(0, 3));
    expect(first?.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: false });
    expect(await shown({ first: 3, after: first?.pageInfo.endCursor })).toEqual(newestFirst.slice(3, 6));
    expect(await shown({ last: 2 })).toEqual(newestFirst.slice(-2));
    const last = await list({ last: 2 });
    expect(await shown({ last: 3, before: last?.pageInfo.startCursor })).toEqual(newestFirst.slice(-5, -2));
  }
  for (const variables of [{ after: 'x' }, { before: Buffer.from(runId).toString('base64url') }, { first: 0 }]) {
    expect(codeOf(await gateway.run(WaitsDocument, variables, options))).toBe('BAD_USER_INPUT');
    const inSession = await gateway.run(WaitsOfSessionDocument, { id: sessionId, ...variables }, options);
    expect(codeOf(inSession)).toBe('BAD_USER_INPUT');
  }
});

test('a list of 50 waits, runs or sessions takes as many statements as a list of one', async () => {
  const options = { principal: 'counter' };
  for (let index = 0; index < 50; index += 1) await waiting(`many-${index}`, options);
  const wait = 'id kind state outcome runId startedBy summary run { id session { id } }';
  const documents = [
    `query ($first: Int) { waits(first: $first) { nodes { ${wait} } } }`,
    `query ($first: Int) { runs(first: $first) { nodes { pendingWaits { ${wait} } pendingApprovals { id } } } }`,
    `query ($first: Int) { sessions(first: $first) { nodes { waits(first: 2) { nodes { ${wait} } } } } }`,
  ];
  for (const document of documents) {
    const count = async (first: number) => {
      const before = gateway.statements();
      const { data, errors } = await gateway.run(document, { first }, options);
      expect(errors).toBeUndefined();
      expect(JSON.stringify(data).match(/"kind":"APPROVAL"/g)).toHaveLength(first);
      return gateway.statements() - before;
    };
    const [few, many] = [await count(1), await count(50)];
    expect([document, many]).toEqual([document, few]);
    expect(many).toBeLessThan(10);
  }
});

test('a list of 50 calls of client tools takes as many statements as a list of one, with inputs and results', async () => {
  const options = { principal: 'client-tools' };
  for (let index = 0; index < 50; index += 1) {
    const { runId } = await send(`call-${index}`, options);
    await requestClientTool(gateway, runId);
  }
  const document = `query ($first: Int) { waits(first: $first) { nodes {
    id kind summary startedBy run { id toolCalls { waits { id summary } } } ... on ClientToolCall { tool input output error }
  } } }`;
  const count = async (first: number) => {
    const before = gateway.statements();
    const { data, errors } = await gateway.run(document, { first }, options);
    expect(errors).toBeUndefined();
    expect(JSON.stringify(data).match(/"input":{"title":"Which\?"}/g)).toHaveLength(first);
    return gateway.statements() - before;
  };
  const [few, many] = [await count(1), await count(50)];
  expect(many).toBe(few);
  expect(many).toBeLessThan(12);
});
