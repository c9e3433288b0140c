import { type ClientRequest, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { defaultFieldResolver } from 'graphql';
import { describe, expect, onTestFinished, test } from 'vitest';
import { schema } from '../../../src/graphql/schema.ts';
import { clientHeaders } from '../../client-headers.ts';
import { follow, send } from '../conversation.ts';
import { startTestGateway } from '../gateway.ts';

interface ReceivedResponse {
  status: number | undefined;
  headers: Record<string, unknown>;
  body: string;
}

function post(url: string, body: string, headers: Record<string, string> = {}): Promise<ReceivedResponse> {
  const sent = request(url, { method: 'POST', headers: { 'content-type': 'application/json', ...headers } });
  const received = responseTo(sent);
  sent.end(body);
  return received;
}

/** The accelerator leaves GET requests to yoga. */
function getFromYoga(
  url: string,
  { query, variables }: { query: string; variables: object },
): Promise<ReceivedResponse> {
  const sent = request(`${url}?${new URLSearchParams({ query, variables: JSON.stringify(variables) })}`);
  const received = responseTo(sent);
  sent.end();
  return received;
}

function responseTo(sent: ClientRequest): Promise<ReceivedResponse> {
  return new Promise((resolve, reject) => {
    sent.once('error', reject);
    sent.once('response', async (response) => {
      const { statusCode: status, headers: allHeaders } = response;
      const { date: _date, 'content-length': _length, 'transfer-encoding': _encoding, ...rest } = allHeaders;
      resolve({ status, headers: rest, body: await text(response) });
    });
  });
}

const bodies: Record<string, unknown> = {
  'a query': { query: '{ viewer { principal scopes } }' },
  'a query with variables': {
    query: 'query ($first: Int) { sessions(first: $first) { nodes { id } } }',
    variables: { first: 2 },
  },
  'an operation name': {
    query: 'query A { viewer { principal } } query B { __typename }',
    operationName: 'B',
  },
  'several operations and no name': { query: 'query A { __typename } query B { __typename }' },
  'an unknown operation name': { query: 'query A { __typename }', operationName: 'C' },
  'a field that fails': { query: '{ sessions(first: 1000) { nodes { id } } }' },
  'a field that fails and one that succeeds': {
    query: '{ viewer { principal } session(id: "ses_x", key: "y") { id } }',
  },
  'a variable of the wrong type': {
    query: 'query ($first: Int!) { sessions(first: $first) { nodes { id } } }',
    variables: { first: 'two' },
  },
  'a missing variable': { query: 'query ($id: ID!) { run(id: $id) { id } }' },
  'an unknown field': { query: '{ nothing }' },
  'a syntax error': { query: '{ viewer { ' },
  'a mutation that is rejected': {
    query: 'mutation { cancelRun(input: { runId: "run_x" }) { __typename ... on Error { message } } }',
  },
  'a missing query': { variables: {} },
  'a query that is not a string': { query: 1 },
  'variables that are not an object': { query: '{ __typename }', variables: [] },
  'an unknown parameter': { query: '{ __typename }', unknown: true },
  'null parameters': { query: '{ __typename }', variables: null, operationName: null, extensions: null },
  extensions: { query: '{ __typename }', extensions: { a: 1 } },
  'an unknown document': { documentId: 'nothing' },
  'a batch': [{ query: '{ __typename }' }],
  'a string': 'query',
  null: null,
};

const accepts = [
  ...clientHeaders.map(({ accept }) => accept),
  '',
  'application/graphql-response+json',
  'application/json; charset=utf-8',
  'application/*',
  'application/graphql-response+json;q=0.5, application/json',
  '*/*, application/graphql-response+json',
  'application/json;q=0',
  'application/graphql-response+json;version=1',
  'text/event-stream, application/json',
  'text/event-stream',
  'text/plain',
];

describe('responses are the same as those of yoga', () => {
  async function startBoth() {
    const [accelerated, yoga] = [await startTestGateway(), await startTestGateway({ httpAccelerator: false })];
    return async (body: string) => {
      for (const accept of accepts) {
        const headers: Record<string, string> = accept === undefined ? {} : { accept };
        const [response, expected] = [await post(accelerated.url, body, headers), await post(yoga.url, body, headers)];
        expect([body, accept, response]).toEqual([body, accept, expected]);
      }
    };
  }

  test.each(Object.entries(bodies))('for %s', async (_what, body) => {
    const expectSameAsYoga = await startBoth();
    await expectSameAsYoga(JSON.stringify(body));
  });

  test('for a body that is not JSON', async () => {
    const expectSameAsYoga = await startBoth();
    for (const body of ['', '{', '{"query": "{ __typename }"', '\ufeff{}']) await expectSameAsYoga(body);
  });
});

/** Counts the calls of the resolver of `viewer`; `before` runs first in each. */
function countViewerCalls(before: () => void | Promise<void> = () => {}): () => number {
  const field = schema.getQueryType()?.getFields().viewer;
  if (!field) throw new Error('The schema has no field `viewer`.');
  const { resolve = defaultFieldResolver } = field;
  let calls = 0;
  field.resolve = async (...args) => {
    calls += 1;
    await before();
    return resolve(...args);
  };
  onTestFinished(() => {
    field.resolve = resolve;
  });
  return () => calls;
}

describe('an operation is executed once', () => {
  const query = '{ viewer { principal } }';
  const validBodies = [
    { query },
    { query, extensions: { a: 1 } },
    {
      query: `query A ${query} subscription B { runEvents(runId: "run_x") { seq } }`,
      operationName: 'A',
    },
  ];
  const invalidBodies = [
    { query: `query A ${query}`, operationName: 'C' },
    { query: '{ viewer { principal unknown } }' },
    { query, unknown: true },
    [{ query }],
  ];

  test.each([true, false])('or not at all if it is invalid (httpAccelerator: %s)', async (httpAccelerator) => {
    const { url } = await startTestGateway({ httpAccelerator });
    const calls = countViewerCalls();
    for (const accept of accepts) {
      for (const body of [...validBodies, ...invalidBodies]) {
        const before = calls();
        const headers: Record<string, string> = accept === undefined ? {} : { accept };
        await post(url, JSON.stringify(body), headers);
        expect([accept, body, calls() - before]).toEqual([
          accept,
          body,
          validBodies.some((valid) => valid === body) ? 1 : 0,
        ]);
      }
    }
  });

  test('if its resolver fails', async () => {
    const calls = countViewerCalls(() => {
      throw new Error('The resolver fails.');
    });
    const { url } = await startTestGateway();
    const { status, body } = await post(url, JSON.stringify({ query }));
    expect([status, JSON.parse(body).errors[0].extensions.code]).toEqual([200, 'INTERNAL_SERVER_ERROR']);
    expect(calls()).toBe(1);
  });

  test('if the client disconnects before the response', async () => {
    const { url } = await startTestGateway();
    const body = JSON.stringify({ query });
    const sent = request(url, { method: 'POST', headers: { 'content-type': 'application/json' } });
    sent.once('error', () => {});
    const disconnected = new Promise((resolve) => sent.once('close', resolve));
    let isFirst = true;
    const calls = countViewerCalls(async () => {
      if (!isFirst) return;
      isFirst = false;
      sent.destroy();
      await disconnected;
    });
    sent.end(body);
    await disconnected;
    // Answered after the first one, on another connection.
    expect((await post(url, body)).status).toBe(200);
    expect(calls()).toBe(2);
  });
});

const event = '__typename runId seq cursor type actor recordedAt payload hash';
const selections: Record<string, string> = {
  'the fields of all events': `nodes { ${event} } edges { cursor node { ${event} } }`,
  'the fields of single types': `edges { node { seq
    ... on InputEvent { text steered } ... on StatusEvent { from to reason failure: error { code message retryable } }
    ... on ContextEvent { step model estimatedTokens failedCompaction }
    ... on OutputEvent { finishReason responseId usage { inputTokens outputTokens estimated } } ... on ToolCallEvent { tool input }
  } }`,
  'fields that use loaders': `nodes { ...Brief ... on ContextEvent { memories { id } compaction { id } }
    ... on ApprovalRequestEvent { approval { id status risk run { id tape(last: 1) { nodes { seq } } } } } }`,
  'page information': 'nodes { ...Brief } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }',
  directives: 'nodes { ...Brief hash @include(if: $no) } edges @skip(if: $no) { ...Place }',
  'repeated fields and aliases': 'nodes { seq } nodes { type } again: nodes { seq: cursor cursor: seq }',
  'an alias that would set the prototype': 'nodes { __proto__: seq }',
};
const pages = ['first: 3', 'last: 2', 'first: 20', 'first: 2, after: $after', 'first: 0', 'types: [STATUS]'];

describe('tape pages are the same as those of yoga', () => {
  test.each(Object.entries(selections))('%s', async (_what, selection) => {
    const { url, client } = await startTestGateway();
    const { run, cursor: after } = await send(client, { sessionKey: 'tapes', text: 'fetch https://example.com' });
    await follow(client, run.id, { isLast: ({ type }) => type === 'APPROVAL_REQUEST' });
    for (const page of pages) {
      const query = `query ($id: ID!, $after: String, $no: Boolean = false) {
        run(id: $id) { tape(${page}) { ${selection} } session { runs(first: 2) { nodes { id state tape(${page}) { ${selection} } } } } }
        other: run(id: "run_0") { tape(${page}) { ${selection} } }
        rest: run(id: $id) { tape(after: $after) { edges { ...Place } pageInfo { endCursor @skip(if: $no) } } }
      } fragment Brief on TapeEvent { seq type ...Seen } fragment Seen on StatusEvent { to }
        fragment Place on TapeEdge { cursor node { ...Brief } }`;
      const operation = { query, variables: { id: run.id, after } };
      const response = await post(url, JSON.stringify(operation));
      expect({ page, ...response }).toEqual({ page, ...(await getFromYoga(url, operation)) });
      expect(response.body).toMatch(/"data":\{/);
    }
  });
});
