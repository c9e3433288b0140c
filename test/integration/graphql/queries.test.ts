import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  AgentsDocument,
  ArchiveSessionDocument,
  CreateAgentDocument,
  GatewayDocument,
  MemoriesDocument,
  NodeByIdDocument,
  RememberDocument,
  ResolveSessionDocument,
  RetryRunDocument,
  RunByIdDocument,
  type RunFilter,
  RunsDocument,
  SendMessageDocument,
  SessionByIdDocument,
  SessionByKeyDocument,
  type SessionOrder,
  SessionsDocument,
  type SessionsQueryVariables,
  UpdateSessionDocument,
} from '../../generated/graphql.ts';
import { codeOf, finishRun, type InProcess, openInProcess, requestApproval } from './in-process.ts';

let gateway: InProcess;
beforeAll(async () => {
  gateway = await openInProcess();
});
afterAll(() => gateway[Symbol.asyncDispose]());

const bob = { principal: 'bob' };

async function send(sessionKey: string, text = 'hello', options = {}) {
  const { sendMessage } = await gateway.data(SendMessageDocument, { input: { sessionKey, text } }, options);
  if (sendMessage.__typename !== 'SendMessageSuccess') throw new Error(JSON.stringify(sendMessage));
  return sendMessage;
}

describe('sessions', () => {
  test('B1: concurrent calls with one key create one session', async () => {
    const resolve = () => gateway.data(ResolveSessionDocument, { input: { key: 'b1' } });
    const results = await Promise.all(Array.from({ length: 100 }, resolve));
    const resolved = results.map(({ resolveSession }) => {
      if (resolveSession.__typename !== 'ResolveSessionSuccess') throw new Error(JSON.stringify(resolveSession));
      return resolveSession;
    });
    expect(new Set(resolved.map(({ session }) => session.id)).size).toBe(1);
    expect(resolved.filter(({ created }) => created)).toHaveLength(1);
  });

  test('B2: a missing session is refused if it must exist, and an id and a key of two sessions conflict', async () => {
    const input = { key: 'b2-unknown', requireExisting: true };
    const missing = await gateway.data(ResolveSessionDocument, { input });
    expect(missing.resolveSession).toMatchObject({ __typename: 'NotFoundError', id: 'b2-unknown' });
    expect((await gateway.data(SessionByKeyDocument, { key: 'b2-unknown' })).session).toBeNull();
    const one = await send('b2-one');
    await send('b2-two');
    const both = await gateway.data(ResolveSessionDocument, { input: { id: one.session.id, key: 'b2-two' } });
    expect(both.resolveSession.__typename).toBe('ConflictError');
  });

  test('B5: paging a list that grows returns each item once, in both directions', async () => {
    const options = { principal: 'pager' };
    const keys = Array.from({ length: 7 }, (_, index) => `b5-${index}`);
    const sent = [];
    for (const key of keys) sent.push((await send(key, 'hi', options)).session.id);
    const newestFirst = sent.toReversed();
    const returned: string[] = [];
    let after: string | null = null;
    for (;;) {
      const {
        sessions,
      }: {
        sessions: { edges: { node: { id: string } }[]; pageInfo: { hasNextPage: boolean; endCursor: string | null } };
      } = await gateway.data(SessionsDocument, { first: 2, after }, options);
      returned.push(...sessions.edges.map(({ node }) => node.id));
      await send(`b5-later-${returned.length}`, 'hi', options);
      if (!sessions.pageInfo.hasNextPage) break;
      after = sessions.pageInfo.endCursor;
    }
    expect(returned).toEqual(newestFirst);
    const { sessions: first } = await gateway.data(SessionsDocument, { first: 2 }, options);
    expect(first.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: false });
    const after2 = { first: 2, after: first.pageInfo.endCursor };
    const { sessions: second } = await gateway.data(SessionsDocument, after2, options);
    expect(second.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: true });
    const { sessions: last } = await gateway.data(SessionsDocument, { last: 3 }, options);
    expect(last.edges.map(({ node }) => node.id)).toEqual(newestFirst.slice(-3));
    expect(last.pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: true });
    const { sessions: before } = await gateway.data(
      SessionsDocument,
      { last: 2, before: last.pageInfo.startCursor },
      options,
    );
    expect(before.edges.map(({ node }) => node.id)).toEqual(newestFirst.slice(-5, -3));
  });

  test('B6: archiving is refused while a run is open; later it frees the key, hides the session, and can be repeated', async () => {
    const { session, run } = await send('b6');
    const input = { sessionId: session.id };
    const busy = await gateway.data(ArchiveSessionDocument, { input });
    expect(busy.archiveSession).toMatchObject({ __typename: 'SessionBusyError', activeRun: { id: run.id } });
    await finishRun(gateway, run.id, 'hi');
    for (const _ of [1, 2]) {
      const { archiveSession } = await gateway.data(ArchiveSessionDocument, { input });
      expect(archiveSession).toMatchObject({
        __typename: 'ArchiveSessionSuccess',
        session: { archivedAt: expect.any(String) },
      });
    }
    expect((await gateway.data(SessionByKeyDocument, { key: 'b6' })).session).toBeNull();
    expect((await send('b6')).session.id).not.toBe(session.id);
    const isListed = async (includeArchived: boolean) => {
      const { sessions } = await gateway.data(SessionsDocument, { first: 100, filter: { includeArchived } });
      return sessions.edges.some(({ node }) => node.id === session.id);
    };
    expect([await isListed(false), await isListed(true)]).toEqual([false, true]);
  });

  test('B9: a title set by the caller stays, and one taken from a message can be replaced', async () => {
    await gateway.data(ResolveSessionDocument, { input: { key: 'b9', title: 'By hand' } });
    expect((await send('b9', 'Something else')).session.title).toBe('By hand');
    const { session } = await send('b9-message', 'From the message\nand more');
    expect(session.title).toBe('From the message');
    const input = { sessionId: session.id, title: 'Later' };
    expect((await gateway.data(UpdateSessionDocument, { input })).updateSession).toMatchObject({
      session: { title: 'Later' },
    });
    expect((await send('b9-message', 'Again')).session.title).toBe('Later');
  });

  test('a session shows its newest run and the usage of all runs', async () => {
    const { session, run } = await send('facts', 'How are you?\nReally.');
    await finishRun(gateway, run.id, 'Fine.');
    const again = await send('facts');
    const shown = await gateway.data(SessionByIdDocument, { id: session.id });
    expect(shown.session).toMatchObject({
      title: 'How are you?',
      activeRun: null,
      lastRun: { id: again.run.id, state: 'PENDING', output: null },
      usage: { inputTokens: 10, outputTokens: 5, totalTokens: 15, estimated: false, cost: null },
    });
    expect(Date.parse(shown.session?.lastActivityAt ?? '')).toBeGreaterThan(Date.parse(shown.session?.createdAt ?? ''));
  });

  test('B5: sessions with the same time of activity are paged newest first, in both directions', async () => {
    const options = { principal: 'ties' };
    const sent: string[] = [];
    for (let index = 0; index < 7; index += 1) sent.push((await send(`tie-${index}`, 'hi', options)).session.id);
    const setActivity = (ids: string[], activeAt: string) =>
      gateway.database.write((client) =>
        client.session.updateMany({ where: { id: { in: ids } }, data: { activeAt: new Date(activeAt) } }),
      );
    // The oldest two sessions are the most recently active ones.
    await setActivity(sent.slice(0, 2), '2026-11-22T12:00:00.000Z');
    await setActivity(sent.slice(2), '2026-11-22T11:00:00.000Z');
    const expected = [...sent.slice(0, 2).reverse(), ...sent.slice(2).reverse()];
    const pageOf = async (variables: SessionsQueryVariables) =>
      (await gateway.data(SessionsDocument, { orderBy: 'LAST_ACTIVITY', ...variables }, options)).sessions;
    const forwards: string[] = [];
    const backwards: string[] = [];
    let cursor: string | null | undefined = null;
    do {
      const found = await pageOf({ first: 2, after: cursor });
      forwards.push(...found.edges.map(({ node }) => node.id));
      expect(found.pageInfo.hasPreviousPage).toBe(cursor !== null);
      cursor = found.pageInfo.hasNextPage ? found.pageInfo.endCursor : null;
    } while (cursor != null);
    do {
      const found = await pageOf({ last: 2, before: cursor });
      backwards.unshift(...found.edges.map(({ node }) => node.id));
      expect(found.pageInfo.hasNextPage).toBe(cursor !== null);
      cursor = found.pageInfo.hasPreviousPage ? found.pageInfo.startCursor : null;
    } while (cursor != null);
    expect(forwards).toEqual(expected);
    expect(backwards).toEqual(expected);
  });

  test('B33: a cursor is valid only in the order of its list, and a search takes no order', async () => {
    await send('order');
    const endOf = async (orderBy: SessionOrder) =>
      (await gateway.data(SessionsDocument, { orderBy, first: 1 })).sessions.pageInfo.endCursor;
    const [byActivity, byCreation] = [await endOf('LAST_ACTIVITY'), await endOf('CREATED')];
    const orderBy = 'LAST_ACTIVITY';
    const cases = [
      [{ orderBy, after: byCreation }, `"${byCreation}" is not a cursor of a list with \`orderBy: LAST_ACTIVITY\``],
      [{ after: byActivity }, `"${byActivity}" is a cursor of a list with \`orderBy: LAST_ACTIVITY\``],
      [
        { orderBy: 'CREATED', before: byActivity },
        `"${byActivity}" is a cursor of a list with \`orderBy: LAST_ACTIVITY\``,
      ],
      [{ orderBy, before: 'x' }, '"x" is not a cursor'],
      [{ orderBy, filter: { search: 'x' } }, '`orderBy` and `search` cannot be combined'],
    ] as const;
    for (const [variables, message] of cases) {
      const { errors } = await gateway.run(SessionsDocument, variables);
      expect(codeOf({ errors })).toBe('BAD_USER_INPUT');
      expect(errors?.[0]?.message).toContain(message);
    }
  });

  test('B33: a search rejects a cursor of another list', async () => {
    const { sessions } = await gateway.data(SessionsDocument, {});
    const after = sessions.pageInfo.endCursor;
    const { errors } = await gateway.run(SessionsDocument, { filter: { search: 'x' }, after });
    expect(codeOf({ errors })).toBe('BAD_USER_INPUT');
    expect(errors?.[0]?.message).toContain('not a cursor of a search');
  });
});

describe('runs', () => {
  test('B14: concurrent messages with one idempotency key create one run, and one of them reports it as created', async () => {
    const input = { sessionKey: 'b14', text: 'once', idempotencyKey: 'b14' };
    const results = await Promise.all(Array.from({ length: 100 }, () => gateway.data(SendMessageDocument, { input })));
    const sent = results.map(({ sendMessage }) => {
      if (sendMessage.__typename !== 'SendMessageSuccess') throw new Error(JSON.stringify(sendMessage));
      return sendMessage;
    });
    expect(new Set(sent.map(({ run }) => run.id)).size).toBe(1);
    expect(sent.filter(({ created }) => created)).toHaveLength(1);
    const other = await gateway.data(SendMessageDocument, { input: { ...input, text: 'twice' } });
    expect(other.sendMessage.__typename).toBe('ConflictError');
  });

  test('B16: a message to a full queue is refused, and nothing is recorded', async () => {
    for (const text of ['one', 'two', 'three']) await send('b16', text);
    const { sendMessage } = await gateway.data(SendMessageDocument, { input: { sessionKey: 'b16', text: 'four' } });
    expect(sendMessage).toMatchObject({ __typename: 'LimitExceededError', limit: 'queueLength' });
    const { session } = await gateway.data(SessionByKeyDocument, { key: 'b16' });
    const { runs } = await gateway.data(RunsDocument, { filter: { sessionId: session?.id } });
    expect(runs.edges).toHaveLength(3);
  });

  test('B22: a run that has ended can be retried as a new run with the same message', async () => {
    const { run } = await send('b22', 'again');
    const early = await gateway.data(RetryRunDocument, { input: { runId: run.id } });
    expect(early.retryRun).toMatchObject({ __typename: 'InvalidTransitionError', run: { state: 'PENDING' } });
    await finishRun(gateway, run.id, 'done');
    const { retryRun } = await gateway.data(RetryRunDocument, { input: { runId: run.id } });
    expect(retryRun).toMatchObject({ run: { input: 'again', state: 'PENDING', retryOf: { id: run.id } } });
  });

  test('are selected by the time of their creation, with one bound or two, which are exclusive', async () => {
    const options = { principal: 'bounds' };
    const [ten, eleven, twelve] = ['2026-11-22T10:00:00.000Z', '2026-11-22T11:00:00.000Z', '2026-11-22T12:00:00.000Z'];
    const hours = new Map<string, string>();
    for (const createdAt of [ten, eleven, twelve]) {
      const { run } = await send(`bounds-${createdAt}`, 'hi', options);
      hours.set(run.id, createdAt);
      const data = { createdAt: new Date(createdAt) };
      await gateway.database.write((client) => client.run.update({ where: { id: run.id }, data }));
    }
    const found = async (filter: RunFilter) => {
      const { runs } = await gateway.data(RunsDocument, { filter }, options);
      return runs.edges.map(({ node }) => hours.get(node.id));
    };
    expect(await found({ createdAfter: ten })).toEqual([twelve, eleven]);
    expect(await found({ createdAfter: twelve })).toEqual([]);
    expect(await found({ createdBefore: twelve })).toEqual([eleven, ten]);
    expect(await found({ createdBefore: ten })).toEqual([]);
    expect(await found({ createdAfter: ten, createdBefore: twelve })).toEqual([eleven]);
    expect(await found({})).toEqual([twelve, eleven, ten]);
  });

  test('a page of 50 runs with their related objects takes as many statements as a page of two', async () => {
    const options = { principal: 'counter' };
    const document = `query ($first: Int) { runs(first: $first) { nodes { id head cursor session { id key cursor activeRun { id } usage { totalTokens } lastActivityAt agent { id } grants { id } }
      agent { id } retryOf { id } pendingApprovals { id } tape(last: 1) { nodes { seq type } pageInfo { hasPreviousPage } } } } }`;
    for (let index = 0; index < 50; index += 1) {
      const { run } = await send(`many-${index}`, 'hi', options);
      if (index % 2 === 0) await requestApproval(gateway, run.id);
    }
    const count = async (first: number) => {
      const before = gateway.statements();
      const { errors } = await gateway.run(document, { first }, options);
      expect(errors).toBeUndefined();
      return gateway.statements() - before;
    };
    const [few, many] = [await count(2), await count(50)];
    expect(many).toBe(few);
    expect(many).toBeLessThan(16);
    const { data } = await gateway.run(
      '{ runs(first: 2) { nodes { head tape(last: 1) { nodes { seq } } } } }',
      {},
      options,
    );
    expect(data).toMatchObject({ runs: { nodes: [{ head: 2, tape: { nodes: [{ seq: 2 }] } }, { tape: {} }] } });
  });
});

describe('page arguments', () => {
  const cases: [string, Record<string, unknown>, RegExp][] = [
    ['a size of zero', { first: 0 }, /`first` must be from 1 to 100, but is 0/],
    ['a negative size', { last: -1 }, /`last` must be from 1 to 100, but is -1/],
    ['too large a size', { first: 101 }, /`first` must be from 1 to 100, but is 101/],
    ['two sizes', { first: 1, last: 1 }, /cannot be combined/],
    ['an invalid cursor', { after: 'x' }, /"x" is not a cursor of this list/],
    [
      'a cursor of another list',
      { before: Buffer.from('run_01ARZ3NDEKTSV4RRFFQ69G5FAV').toString('base64url') },
      /not a cursor/,
    ],
  ];
  test.each(cases)('B5: %s is rejected with the reason', async (_name, variables, message) => {
    const { errors } = await gateway.run(SessionsDocument, variables);
    expect(codeOf({ errors })).toBe('BAD_USER_INPUT');
    expect(errors?.[0]?.message).toMatch(message);
  });

  test('an invalid instant is rejected', async () => {
    const { errors } = await gateway.run(RunsDocument, { filter: { createdAfter: '2026-02-30T00:00:00Z' } });
    expect(codeOf({ errors })).toBe('BAD_USER_INPUT');
  });
});

describe('B3: objects of another principal', () => {
  test('are not found by any lookup or mutation', async () => {
    const { session, run } = await send('b3');
    const approval = await requestApproval(gateway, run.id);
    for (const id of [session.id, run.id, approval]) {
      expect((await gateway.data(NodeByIdDocument, { id })).node).toMatchObject({ id });
      expect((await gateway.data(NodeByIdDocument, { id }, bob)).node).toBeNull();
    }
    expect((await gateway.data(RunByIdDocument, { id: run.id }, bob)).run).toBeNull();
    expect((await gateway.data(SessionByIdDocument, { id: session.id }, bob)).session).toBeNull();
    expect((await gateway.data(SessionByKeyDocument, { key: 'b3' }, bob)).session).toBeNull();
    expect((await gateway.data(RunsDocument, { filter: { sessionId: session.id } }, bob)).runs.edges).toEqual([]);
    const archived = await gateway.data(ArchiveSessionDocument, { input: { sessionId: session.id } }, bob);
    expect(archived.archiveSession).toMatchObject({ __typename: 'NotFoundError', id: session.id });
    const retried = await gateway.data(RetryRunDocument, { input: { runId: run.id } }, bob);
    expect(retried.retryRun).toMatchObject({ __typename: 'NotFoundError', id: run.id });
    const sent = await gateway.data(SendMessageDocument, { input: { sessionId: session.id, text: 'x' } }, bob);
    expect(sent.sendMessage.__typename).toBe('NotFoundError');
  });

  test('nodes returns null at the index of an unknown id, and rejects too many ids', async () => {
    const { session, run } = await send('nodes');
    const ids = [run.id, 'nonsense', 'cmp_01ARZ3NDEKTSV4RRFFQ69G5FAV', session.id];
    const document = 'query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }';
    const { data } = await gateway.run<unknown, never>(document, { ids });
    expect(data).toEqual({
      nodes: [{ __typename: 'Run', id: run.id }, null, null, { __typename: 'Session', id: session.id }],
    });
    expect(codeOf(await gateway.run(document, { ids: Array(101).fill('x') }))).toBe('BAD_USER_INPUT');
  });
});

describe('scopes', () => {
  test('each root field requires its scope', async () => {
    const codeWith = async (scopes: string[], document: string) => codeOf(await gateway.run(document, {}, { scopes }));
    const writeMutation = 'mutation { forget(input: { memoryId: "x" }) { __typename } }';
    const approveMutation = 'mutation { revokeGrant(input: { grantId: "x" }) { __typename } }';
    expect(await codeWith([], '{ gateway { version } }')).toBe('FORBIDDEN');
    expect(await codeWith(['read'], '{ gateway { version } }')).toBeUndefined();
    expect(await codeWith(['read', 'approve'], writeMutation)).toBe('FORBIDDEN');
    expect(await codeWith(['write'], writeMutation)).toBeUndefined();
    expect(await codeWith(['read', 'write'], approveMutation)).toBe('FORBIDDEN');
    expect(await codeWith(['approve'], approveMutation)).toBeUndefined();
  });
});

describe('agents, memories, gateway', () => {
  test('a new agent is listed, and its name cannot be used again', async () => {
    const input = { name: 'poet', instructions: 'Rhyme.' };
    const { createAgent } = await gateway.data(CreateAgentDocument, { input });
    expect(createAgent).toMatchObject({ agent: { name: 'poet', model: 'scripted', tools: [], isDefault: false } });
    expect((await gateway.data(CreateAgentDocument, { input })).createAgent.__typename).toBe('ConflictError');
    expect((await gateway.data(AgentsDocument, {})).agents.edges.map(({ node }) => node.name)).toEqual(['poet']);
  });

  test('a search for memories returns one page with scores', async () => {
    for (const text of ['Tea is green', 'Coffee is black']) await gateway.data(RememberDocument, { input: { text } });
    const { memories } = await gateway.data(MemoriesDocument, { query: 'green tea', first: 5 });
    expect(memories.edges).toMatchObject([{ score: 1, node: { text: 'Tea is green', session: null } }]);
    const all = await gateway.data(MemoriesDocument, { first: 1 });
    expect(all.memories).toMatchObject({ edges: [{ score: null }], pageInfo: { hasNextPage: true } });
    for (const position of ['after', 'before', 'last']) {
      const value = position === 'last' ? 1 : all.memories.pageInfo.endCursor;
      const refused = await gateway.run(MemoriesDocument, { query: 'tea', [position]: value });
      expect(codeOf(refused)).toBe('BAD_USER_INPUT');
      expect(refused.errors?.[0]?.message).toContain(`\`${position}\``);
    }
  });

  test('memories are paged in both directions', async () => {
    for (const text of ['One apple', 'Two pears', 'Three plums'])
      await gateway.data(RememberDocument, { input: { text } });
    const read = async (args: object) => {
      const { memories } = await gateway.data(MemoriesDocument, args);
      return { texts: memories.edges.map(({ node }) => node.text), page: memories.pageInfo };
    };
    const first = await read({ first: 2 });
    expect(first.texts).toEqual(['Three plums', 'Two pears']);
    const next = await read({ first: 1, after: first.page.endCursor });
    expect(next.texts).toEqual(['One apple']);
    const back = await read({ last: 2, before: next.page.startCursor });
    expect(back).toMatchObject({ texts: first.texts, page: { hasPreviousPage: false, hasNextPage: true } });
    const end = await read({ last: 1 });
    expect(end).toMatchObject({ page: { hasPreviousPage: true, hasNextPage: false } });
  });

  test('gateway and viewer', async () => {
    const shown = await gateway.data(GatewayDocument, {});
    expect(shown.viewer).toEqual({ principal: 'ada', scopes: ['read', 'write', 'approve'] });
    expect(shown.gateway).toMatchObject({ version: '0.0.0', journal: 'sqlite', models: ['scripted'], tools: [] });
    expect(shown.gateway.modelCatalogue).toEqual([
      { name: 'scripted', provider: 'scripted', contextTokens: 32_000, fallbacks: [], circuit: 'CLOSED' },
    ]);
    expect(shown.gateway.limits).toContainEqual({ name: 'queueLength', value: 3 });
  });
});
