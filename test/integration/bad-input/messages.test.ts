import { request } from 'node:http';
import { text as textOf } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { ResolveSessionDocument, SendMessageDocument } from '../../generated/graphql.ts';
import { converse } from '../conversation.ts';
import { startTestGateway, type TestGateway } from '../gateway.ts';
import { checkResponse, errorOf, outcomeOf, post } from './raw-requests.ts';

async function countRows({ gateway }: TestGateway) {
  const { reader } = gateway.parts.database;
  return [await reader.session.count(), await reader.run.count(), await reader.event.count()];
}

describe('an invalid message', () => {
  test('B16: is refused with the problem, and nothing is recorded', async () => {
    const started = await startTestGateway();
    const inputs = [
      [{ sessionKey: 'k', text: '' }, 'text'],
      [{ sessionKey: 'k', text: ' \n\t ' }, 'text'],
      [{ sessionKey: 'k', text: 'x'.repeat(400 * 1024) }, 'text'],
      [{ sessionKey: 'k', text: 'ä'.repeat(70 * 1024) }, 'text'],
      [{ sessionKey: '', text: 'Hello' }, 'sessionKey'],
      [{ sessionKey: 'k'.repeat(201), text: 'Hello' }, 'sessionKey'],
      [{ text: 'Hello' }, 'sessionId'],
      [{ sessionId: 'ses_x', sessionKey: 'k', text: 'Hello' }, 'sessionId'],
      [{ sessionKey: 'k', text: 'Hello', model: 'gpt-0' }, 'model'],
      [{ sessionKey: 'k', text: 'Hello', idempotencyKey: 'i'.repeat(201) }, 'idempotencyKey'],
      [{ sessionKey: 'k', text: 'Hello', idempotencyKey: '' }, 'idempotencyKey'],
    ] as const;
    for (const [input, path] of inputs) {
      const outcome = await outcomeOf(started.url, SendMessageDocument, input);
      expect(outcome).toMatchObject({
        __typename: 'InvalidInputError',
        issues: [{ path: [path], message: expect.stringMatching(/.+/) }],
        message: expect.stringContaining(path),
      });
    }
    expect(await countRows(started)).toEqual([0, 0, 0]);
  });

  test('is refused with all problems at once, and with the names of the models', async () => {
    const { url } = await startTestGateway();
    const both = await outcomeOf(url, SendMessageDocument, { sessionKey: '', text: '' });
    expect(both).toMatchObject({ issues: [{ path: ['sessionKey'] }, { path: ['text'] }] });
    const model = await outcomeOf(url, SendMessageDocument, { sessionKey: 'k', text: 'Hello', model: 'gpt-0' });
    expect(model).toMatchObject({ message: expect.stringContaining('scripted') });
  });

  test('a session is identified by either its id or its key', async () => {
    const { url } = await startTestGateway();
    const query = 'query ($id: ID, $key: String) { session(id: $id, key: $key) { id } }';
    for (const variables of [{}, { id: 'a', key: 'b' }, { id: null, key: null }]) {
      const { code, message } = await errorOf(url, query, variables);
      expect({ code, message }).toMatchObject({
        code: 'BAD_USER_INPUT',
        message: expect.stringContaining('exactly one'),
      });
    }
    const neither = await outcomeOf(url, ResolveSessionDocument, {});
    expect(neither).toMatchObject({ __typename: 'InvalidInputError' });
  });
});

test('B10: unusual characters are accepted and returned in storable form', async () => {
  const { client } = await startTestGateway();
  const text = 'a\0b \ud800 c \udc00\ud800 \u{1f600} \u202e \u0007 \r\n "quoted" \\ é';
  const { run, events } = await converse(client, { sessionKey: 'odd \0', text, idempotencyKey: '\ud800' });
  expect(run.state).toBe('DONE');
  expect(run.input).toBe(text.toWellFormed().replaceAll('\0', '\ufffd'));
  expect(events[0]).toMatchObject({ text: run.input, payload: { text: run.input } });
});

describe('an invalid request', () => {
  test('is refused with status 400 and a message', async () => {
    const { url } = await startTestGateway();
    const bodies = [
      ['{"query": "{ viewer', /JSON/],
      ['', /./],
      ['null', /./],
      ['[]', /./],
      ['"text"', /./],
      [{}, /query/i],
      [{ query: 7 }, /query/i],
      [{ query: '' }, /./],
      [{ query: '{ viewer { principal }' }, /Syntax Error/],
      [{ query: '{ nothing }' }, /Cannot query field "nothing"/],
      [{ query: 'mutation { sendMessage(input: { text: 5 }) { __typename } }' }, /String cannot represent/],
      [{ query: 'query A { viewer { principal } } query B { viewer { principal } }' }, /operation/i],
      [{ query: '{ viewer { principal } }', variables: 'none' }, /./],
      [{ query: '{ viewer { principal } }', operationName: 'None' }, /operation/],
      [{ query: 'query ($id: ID!) { run(id: $id) { id } }', variables: { id: { a: 1 } } }, /ID cannot represent/],
      [{ query: 'query ($id: ID!) { run(id: $id) { id } }' }, /"\$id"/],
    ] as const;
    for (const [body, pattern] of bodies) {
      const { status, body: response } = await post(url, body);
      expect({ body, status }).toEqual({ body, status: 400 });
      expect(response.errors?.[0]?.message).toMatch(pattern);
    }
    const typed = await post(url, { query: '{ viewer { principal } }' }, { 'content-type': 'text/plain' });
    expect(typed.status).toBe(415);
    const unknown = { sessionKey: 'k', text: 'Hello', colour: 'red' };
    const { message } = await errorOf(url, SendMessageDocument, { input: unknown });
    expect(message).toContain('colour');
  });

  test('with several operations in one body is refused', async () => {
    const { url } = await startTestGateway();
    const { status } = await post(url, [{ query: '{ viewer { principal } }' }, { query: '{ viewer { principal } }' }]);
    expect(status).toBe(400);
  });

  test('B60: with a body above the limit is refused, with or without its length', async () => {
    const { url } = await startTestGateway();
    const long = JSON.stringify({ query: '{ viewer { principal } }', padding: 'x'.repeat(512 * 1024) });
    const { status, text } = await post(url, long);
    expect([status, JSON.parse(text).errors[0].extensions.limit]).toEqual([413, 'bodyBytes']);
    expect(await postChunked(url, long)).toMatchObject({ status: 413 });
    const short = JSON.stringify({ query: '{ viewer { principal } }' });
    expect(await postChunked(url, short)).toMatchObject({
      status: 200,
      body: { data: { viewer: { principal: 'ada' } } },
    });
    expect((await post(url, short)).status).toBe(200);
  });
});

/** Posts a body in chunks, without `content-length`. */
async function postChunked(url: string, body: string) {
  const headers = { 'content-type': 'application/json', 'transfer-encoding': 'chunked' };
  const outgoing = request(url, { method: 'POST', headers });
  const responded = new Promise<{ status: number; text: string }>((resolve, reject) => {
    outgoing.on('response', async (incoming) =>
      resolve({ status: incoming.statusCode ?? 0, text: await textOf(incoming) }),
    );
    outgoing.on('error', reject);
  });
  for (let start = 0; start < body.length; start += 64 * 1024) outgoing.write(body.slice(start, start + 64 * 1024));
  outgoing.end();
  const { status, text } = await responded;
  return checkResponse(status, text);
}
