import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { follow, send } from '../conversation.ts';
import { startTestGateway } from '../gateway.ts';

interface Answered {
  status: number | undefined;
  headers: Record<string, unknown>;
  body: string;
}

/** A body whose length is not said is answered by the library that knows the whole protocol. */
function post(url: string, body: string, headers: Record<string, string>, isChunked: boolean): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const length = isChunked ? { 'transfer-encoding': 'chunked' } : { 'content-length': Buffer.byteLength(body) };
    const sent = request(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers, ...length },
    });
    sent.once('error', reject);
    sent.once('response', async (response) => {
      const { statusCode: status, headers: all } = response;
      const { date: _date, 'content-length': _length, 'transfer-encoding': _encoding, ...rest } = all;
      resolve({ status, headers: rest, body: await text(response) });
    });
    sent.end(body);
  });
}

const bodies: Record<string, unknown> = {
  'a query': { query: '{ viewer { principal scopes } }' },
  'a query with variables': {
    query: 'query ($first: Int) { sessions(first: $first) { nodes { id } } }',
    variables: { first: 2 },
  },
  'the operation that is named': {
    query: 'query A { viewer { principal } } query B { __typename }',
    operationName: 'B',
  },
  'no operation where several are': { query: 'query A { __typename } query B { __typename }' },
  'an operation that is not there': { query: 'query A { __typename }', operationName: 'C' },
  'a field that fails': { query: '{ sessions(first: 1000) { nodes { id } } }' },
  'a field that fails beside one that does not': {
    query: '{ viewer { principal } session(id: "ses_x", key: "y") { id } }',
  },
  'a variable of another type': {
    query: 'query ($first: Int!) { sessions(first: $first) { nodes { id } } }',
    variables: { first: 'two' },
  },
  'a variable that is missing': { query: 'query ($id: ID!) { run(id: $id) { id } }' },
  'a field that is unknown': { query: '{ nothing }' },
  'a syntax error': { query: '{ viewer { ' },
  'a mutation that is refused': {
    query: 'mutation { cancelRun(input: { runId: "run_x" }) { __typename ... on Error { message } } }',
  },
  'no query': { variables: {} },
  'a query that is no text': { query: 1 },
  'variables that are no object': { query: '{ __typename }', variables: [] },
  'a parameter that is unknown': { query: '{ __typename }', surprise: true },
  'null parameters': { query: '{ __typename }', variables: null, operationName: null, extensions: null },
  extensions: { query: '{ __typename }', extensions: { a: 1 } },
  'an unknown document': { documentId: 'nothing' },
  'a batch': [{ query: '{ __typename }' }],
  'a text': 'query',
  nothing: null,
};

const accepts = [
  undefined,
  '*/*',
  'application/json',
  'application/graphql-response+json',
  'application/graphql-response+json, application/json',
  'application/json; charset=utf-8',
  'text/plain',
];

describe('the short way answers as the long one does', () => {
  test.each(Object.entries(bodies))('%s', async (_what, body) => {
    const { url } = await startTestGateway();
    for (const accept of accepts) {
      const headers: Record<string, string> = accept === undefined ? {} : { accept };
      const [short, long] = [
        await post(url, JSON.stringify(body), headers, false),
        await post(url, JSON.stringify(body), headers, true),
      ];
      expect({ accept, ...short }).toEqual({ accept, ...long });
    }
  });

  test('a body that is no JSON', async () => {
    const { url } = await startTestGateway();
    for (const body of ['', '{', '{"query": "{ __typename }"', '\ufeff{}']) {
      expect(await post(url, body, {}, false)).toEqual(await post(url, body, {}, true));
    }
  });
});

const event = '__typename runId seq cursor type actor recordedAt payload hash';
const selections: Record<string, string> = {
  'what every event has': `nodes { ${event} } edges { cursor node { ${event} } }`,
  'fields of their types': `edges { node { seq
    ... on InputEvent { text steered } ... on StatusEvent { from to reason failure: error { code message retryable } }
    ... on ContextEvent { step model estimatedTokens failedCompaction }
    ... on OutputEvent { finishReason responseId usage { inputTokens outputTokens estimated } } ... on ToolCallEvent { tool input }
  } }`,
  'what belongs to others': `nodes { ...Brief ... on ContextEvent { memories { id } compaction { id } }
    ... on ApprovalRequestEvent { approval { id status risk run { id tape(last: 1) { nodes { seq } } } } } }`,
  'nothing but where it ends': 'nodes { ...Brief } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }',
  'what is left out': 'nodes { ...Brief hash @include(if: $no) } edges @skip(if: $no) { ...Place }',
  'the same again': 'nodes { seq } nodes { type } again: nodes { seq: cursor cursor: seq }',
  'the name of the prototype': 'nodes { __proto__: seq }',
};
const pages = ['first: 3', 'last: 2', 'first: 20', 'first: 2, after: $after', 'first: 0', 'types: [STATUS]'];

describe('tapes are answered alike', () => {
  test.each(Object.entries(selections))('%s', async (_what, selection) => {
    const { url, client } = await startTestGateway();
    const { run, cursor: after } = await send(client, { sessionKey: 'tapes', text: 'fetch https://example.com' });
    await follow(client, run.id, { enough: ({ type }) => type === 'APPROVAL_REQUEST' });
    for (const page of pages) {
      const query = `query ($id: ID!, $after: String, $no: Boolean = false) {
        run(id: $id) { tape(${page}) { ${selection} } session { runs(first: 2) { nodes { id state tape(${page}) { ${selection} } } } } }
        other: run(id: "run_0") { tape(${page}) { ${selection} } }
        rest: run(id: $id) { tape(after: $after) { edges { ...Place } pageInfo { endCursor @skip(if: $no) } } }
      } fragment Brief on TapeEvent { seq type ...Seen } fragment Seen on StatusEvent { to }
        fragment Place on TapeEdge { cursor node { ...Brief } }`;
      const body = JSON.stringify({ query, variables: { id: run.id, after } });
      const [short, long] = [await post(url, body, {}, false), await post(url, body, {}, true)];
      expect({ page, ...short }).toEqual({ page, ...long });
      expect(short.body).toMatch(/"data":\{/);
    }
  });
});
