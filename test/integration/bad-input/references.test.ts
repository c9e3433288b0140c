import { describe, expect, test } from 'vitest';
import {
  AgentByIdDocument,
  AgentsDocument,
  ApprovalByIdDocument,
  ApprovalsDocument,
  ArchiveSessionDocument,
  CancelRunDocument,
  DecideApprovalDocument,
  DeleteAgentDocument,
  FollowApprovalsDocument,
  FollowRunBatchesDocument,
  FollowRunDocument,
  FollowSessionDocument,
  ForgetDocument,
  MemoriesDocument,
  NodeByIdDocument,
  PurgeSessionDocument,
  RememberDocument,
  ResolveSessionDocument,
  RetryRunDocument,
  RevokeGrantDocument,
  RunByIdDocument,
  RunsDocument,
  RunTapeDocument,
  SendMessageDocument,
  SessionByIdDocument,
  SessionsDocument,
  UpdateAgentDocument,
  UpdateSessionDocument,
} from '../../generated/graphql.ts';
import { converse } from '../conversation.ts';
import { startTestGateway } from '../gateway.ts';
import { checkResponse, dataOf, errorOf, outcomeOf, post } from './raw-requests.ts';

const zeros = '00000000000000000000000000';
/** A valid id that does not exist, one with another prefix, and texts that are not ids. */
const unknownIds = (prefix: string) => [
  `${prefix}_${zeros}`,
  `call_${zeros}`,
  'x',
  '',
  `${prefix}_`,
  "' OR 1=1 --",
  '\0\ud800',
  'ä'.repeat(5000),
];

describe('an unknown id', () => {
  test('B3: is null in a query', async () => {
    const { url } = await startTestGateway();
    const queries = [
      [SessionByIdDocument, 'ses', { session: null }],
      [RunByIdDocument, 'run', { run: null }],
      [RunTapeDocument, 'run', { run: null }],
      [ApprovalByIdDocument, 'apr', { approval: null }],
      [AgentByIdDocument, 'agt', { agent: null }],
      [NodeByIdDocument, 'mem', { node: null }],
    ] as const;
    for (const [document, prefix, expected] of queries) {
      for (const id of unknownIds(prefix)) expect(await dataOf(url, document, { id })).toEqual(expected);
    }
    const query = 'query ($ids: [ID!]!) { nodes(ids: $ids) { id } }';
    expect(await dataOf(url, query, { ids: unknownIds('run') })).toEqual({ nodes: unknownIds('run').map(() => null) });
    expect(await dataOf(url, query, { ids: [] })).toEqual({ nodes: [] });
    const tooMany = await errorOf(url, query, { ids: Array.from({ length: 101 }, () => 'x') });
    expect(tooMany).toMatchObject({ code: 'BAD_USER_INPUT', message: expect.stringContaining('101') });
  });

  test('B2: is a NotFoundError in a mutation', async () => {
    const { url, gateway } = await startTestGateway();
    const mutations = [
      [SendMessageDocument, 'ses', (id: string) => ({ sessionId: id, text: 'Hello' })],
      [SendMessageDocument, 'agt', (id: string) => ({ sessionKey: 'new', agentId: id, text: 'Hello' })],
      [ResolveSessionDocument, 'ses', (id: string) => ({ id })],
      [ResolveSessionDocument, 'agt', (id: string) => ({ key: 'new', agentId: id })],
      [UpdateSessionDocument, 'ses', (id: string) => ({ sessionId: id, title: 'Title' })],
      [ArchiveSessionDocument, 'ses', (id: string) => ({ sessionId: id })],
      [PurgeSessionDocument, 'ses', (id: string) => ({ sessionId: id, confirmKey: 'key' })],
      [RetryRunDocument, 'run', (id: string) => ({ runId: id })],
      [CancelRunDocument, 'run', (id: string) => ({ runId: id })],
      [DecideApprovalDocument, 'apr', (id: string) => ({ approvalId: id, decision: 'ALLOW' })],
      [RevokeGrantDocument, 'grt', (id: string) => ({ grantId: id })],
      [UpdateAgentDocument, 'agt', (id: string) => ({ agentId: id, name: 'name' })],
      [DeleteAgentDocument, 'agt', (id: string) => ({ agentId: id })],
      [RememberDocument, 'ses', (id: string) => ({ sessionId: id, text: 'fact' })],
      [ForgetDocument, 'mem', (id: string) => ({ memoryId: id })],
    ] as const;
    for (const [document, prefix, input] of mutations) {
      for (const id of unknownIds(prefix)) {
        const outcome = await outcomeOf(url, document, input(id));
        expect({ document: document.toString().slice(0, 30), id, ...outcome }).toMatchObject({
          __typename: 'NotFoundError',
        });
      }
    }
    const { reader } = gateway.parts.database;
    expect([await reader.session.count(), await reader.run.count()]).toEqual([0, 0]);
  });

  test('B3: is NOT_FOUND in a subscription, and an empty list as a filter', async () => {
    const { url } = await startTestGateway();
    const subscriptions = [
      [FollowRunDocument, 'run', 'runId'],
      [FollowRunBatchesDocument, 'run', 'runId'],
      [FollowSessionDocument, 'ses', 'sessionId'],
      [FollowApprovalsDocument, 'ses', 'sessionId'],
    ] as const;
    for (const [document, prefix, name] of subscriptions) {
      for (const id of unknownIds(prefix)) {
        const operation = { query: document.toString(), variables: { [name]: id } };
        const { text } = await post(url, operation, { accept: 'text/event-stream' });
        expect(text).toContain('"code":"NOT_FOUND"');
        expect(text).toMatch(/event: complete\ndata:\n\n$/);
      }
    }
    const [sessionId, agentId] = [`ses_${zeros}`, '\0'];
    expect(await dataOf(url, RunsDocument, { filter: { sessionId } })).toMatchObject({ runs: { edges: [] } });
    expect(await dataOf(url, ApprovalsDocument, { filter: { sessionId } })).toMatchObject({ approvals: { edges: [] } });
    expect(await dataOf(url, SessionsDocument, { filter: { agentId } })).toMatchObject({ sessions: { edges: [] } });
  });
});

describe('a cursor', () => {
  const encode = (text: string) => Buffer.from(text).toString('base64url');

  test('B33: that is malformed, of another list or run, or ahead of the tape is refused and named', async () => {
    const { client, url } = await startTestGateway();
    const { runId } = await converse(client, { sessionKey: 'one', text: 'Hello' });
    const other = await converse(client, { sessionKey: 'two', text: 'Hello' });
    const malformed = ['x', '', '😀', encode(`${runId}/-1`), encode(`${runId}/1e3`), encode(`${runId}/1 `)];
    const foreign = [...malformed, encode(other.runId), other.events[0]?.cursor ?? '', encode(`${runId}/999`)];
    const tapeCursors = foreign.map((cursor) => [RunTapeDocument, { id: runId }, cursor] as const);
    const listCursors = [SessionsDocument, ApprovalsDocument, AgentsDocument, MemoriesDocument].flatMap((document) =>
      [...malformed, encode(runId)].map((cursor) => [document, {}, cursor] as const),
    );
    const ofRuns = malformed.map((cursor) => [RunsDocument, {}, cursor] as const);
    for (const [document, variables, cursor] of [...tapeCursors, ...listCursors, ...ofRuns]) {
      const error = await errorOf(url, document, { ...variables, after: cursor });
      expect({ cursor, ...error }).toMatchObject({ code: 'BAD_USER_INPUT', message: expect.stringContaining(cursor) });
    }
    for (const cursor of foreign) {
      const operation = { query: FollowRunDocument.toString(), variables: { runId, after: cursor } };
      const { text } = await post(url, operation, { accept: 'text/event-stream' });
      expect(text).toContain('"code":"BAD_USER_INPUT"');
      expect(text).toContain(cursor);
    }
  });

  test('B33: ahead of the tape is refused with the newest event', async () => {
    const { client, url } = await startTestGateway();
    const { runId, events } = await converse(client, { sessionKey: 'one', text: 'Hello' });
    const after = encode(`${runId}/${events.length + 1}`);
    const { message } = await errorOf(url, RunTapeDocument, { id: runId, after });
    expect(message).toBe(`The cursor "${after}" lies beyond the newest event, which has seq ${events.length}.`);
  });
});

describe('a page', () => {
  test('B5: of an invalid size, or with two sizes, is refused', async () => {
    const { url } = await startTestGateway();
    for (const document of [SessionsDocument, RunsDocument, ApprovalsDocument, AgentsDocument]) {
      for (const size of [0, 101, -1, -2147483648]) {
        for (const name of ['first', 'last']) {
          const { code, message } = await errorOf(url, document, { [name]: size });
          expect({ code, message }).toEqual({ code: 'BAD_USER_INPUT', message: expect.stringContaining(`${size}`) });
          expect(message).toContain(`\`${name}\``);
        }
      }
      const both = await errorOf(url, document, { first: 5, last: 5 });
      expect(both).toMatchObject({ code: 'BAD_USER_INPUT', message: expect.stringContaining('`last`') });
      expect(await dataOf(url, document, { first: 100 })).toBeTruthy();
    }
  });

  test('of a size that is not an integer is refused before execution', async () => {
    const { url } = await startTestGateway();
    for (const first of [1.5, '5', 2 ** 40, true, [1]]) {
      const { body, status, text } = await post(url, { query: RunsDocument.toString(), variables: { first } });
      expect({ first, status }).toEqual({ first, status: 400 });
      expect(body.errors?.[0]?.message).toContain('"$first"');
      checkResponse(status, text);
    }
  });
});
