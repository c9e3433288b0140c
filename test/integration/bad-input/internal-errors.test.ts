import { describe, expect, test } from 'vitest';
import type { Overrides } from '../../../src/server/gateway.ts';
import { FollowRunDocument, GatewayDocument, RunByIdDocument, ToolsDocument } from '../../generated/graphql.ts';
import { converse } from '../conversation.ts';
import { countedTool } from '../counted-tool.ts';
import { startTestGateway } from '../gateway.ts';
import { type FakeProvider, sendEvents, startProvider, stopChunk, textChunk } from '../providers/fake-provider.ts';
import { failureOf, iterate, openSocket } from '../transport/socket.ts';
import { collect } from '../transport/sse.ts';
import { dataOf, post } from './raw-requests.ts';

const secret = 'the password in /srv/secret.ts:12 is SELECT';
const masked = /^An unexpected error occurred in the gateway\. Its log has the details under err_[0-9A-Z]{26}\.$/;

/** A tool whose description throws when it is read. */
function brokenTool() {
  const tool = countedTool();
  Object.defineProperty(tool, 'description', {
    get() {
      throw new TypeError(secret);
    },
  });
  return tool;
}

describe('an unexpected error', () => {
  test('is shown as an id of the log, over HTTP, WebSocket and SSE', async () => {
    const tools = [countedTool()];
    const { client, url } = await startTestGateway({ tools });
    const { runId } = await converse(client, { sessionKey: 'broken', text: 'Hello' });
    tools[0] = brokenTool();
    const { body, status } = await post(url, { query: ToolsDocument.toString() });
    expect(status).toBe(200);
    expect(body.errors).toEqual([expect.objectContaining({ message: expect.stringMatching(masked) })]);
    const [error] = body.errors ?? [];
    expect(error?.extensions).toEqual({ code: 'INTERNAL_SERVER_ERROR', errorId: expect.stringMatching(/^err_/) });
    expect(error?.message).toContain(String((error?.extensions as Record<string, unknown> | undefined)?.errorId));
    const [overSocket] = await collect(iterate(openSocket(url), ToolsDocument, {}));
    expect(overSocket?.errors).toMatchObject([{ message: expect.stringMatching(masked) }]);
    expect(await dataOf(url, RunByIdDocument, { id: runId })).toMatchObject({ run: { state: 'DONE' } });
  });

  test('is shown in the same way by a subscription', async () => {
    const { client, url, gateway } = await startTestGateway();
    const { runId } = await converse(client, { sessionKey: 'broken', text: 'Hello' });
    const { journal } = gateway.parts;
    const read = journal.read;
    Object.assign(journal, { read: () => Promise.reject(new TypeError(secret)) });
    const operation = { query: FollowRunDocument.toString(), variables: { runId } };
    const { text } = await post(url, operation, { accept: 'text/event-stream' });
    expect(text).toMatch(/Its log has the details under err_[0-9A-Z]{26}/);
    const overSocket = await collect(iterate(openSocket(url), FollowRunDocument, { runId }));
    expect(overSocket).toMatchObject([{ errors: [{ message: expect.stringMatching(masked) }] }]);
    Object.assign(journal, { read });
    expect(await collect(iterate(openSocket(url), FollowRunDocument, { runId }))).toHaveLength(7);
  });

  test('of authentication is masked too, and the server continues', async () => {
    let isBroken = true;
    const authenticate: Overrides['authenticate'] = () => {
      if (isBroken) throw new TypeError(secret);
      return { principal: 'ada', scopes: ['read'] };
    };
    const { url } = await startTestGateway({ authenticate });
    const { body } = await post(url, { query: GatewayDocument.toString() });
    expect(body.errors).toMatchObject([{ message: expect.stringMatching(masked) }]);
    const closed = await failureOf(iterate(openSocket(url), GatewayDocument, {}));
    expect(closed).toMatchObject({ code: 4500, reason: expect.stringMatching(masked) });
    isBroken = false;
    expect(await dataOf(url, GatewayDocument, {})).toMatchObject({ viewer: { principal: 'ada' } });
  });

  test('of the policy fails its run and no other', async () => {
    const policy = {
      evaluate() {
        throw new TypeError(secret);
      },
    };
    const { client, url } = await startTestGateway({ policy });
    const { run, runId } = await converse(client, { sessionKey: 'policy', text: '/call clock {}' });
    expect(run).toMatchObject({ state: 'FAILED', error: { code: 'INTERNAL', message: expect.stringMatching(masked) } });
    await post(url, { query: RunByIdDocument.toString(), variables: { id: runId } });
    const next = await converse(client, { sessionKey: 'policy', text: 'Hello' });
    expect(next.run.state).toBe('DONE');
  });
});

describe('a model that sends an invalid response', () => {
  const page = '<!doctype html><html><body>Sign in to the network</body></html>';
  const responses: [string, Parameters<typeof startProvider>[0]][] = [
    ['a page of HTML', (response) => response.writeHead(200, { 'content-type': 'text/html' }).end(page)],
    [
      'an event stream that is not JSON',
      (response) =>
        response.writeHead(200, { 'content-type': 'text/event-stream' }).end('data: \u0001{\n\ndata: no\n\n'),
    ],
    ['an empty stream', (response) => response.writeHead(200, { 'content-type': 'text/event-stream' }).end()],
    ['an empty body', (response) => response.writeHead(200, { 'content-type': 'application/json' }).end()],
  ];

  const fileFor = ({ baseURL }: FakeProvider) => ({
    defaultModel: 'remote',
    models: { remote: { provider: 'openai-compatible', baseURL, model: 'm' } },
  });

  test.each(responses)('B19: %s fails the run with an error, and the server continues', async (_what, respond) => {
    const provider = await startProvider(respond);
    const { client, url } = await startTestGateway({ file: fileFor(provider) });
    const { run, runId } = await converse(client, { sessionKey: 'invalid', text: 'Hello' });
    expect(run).toMatchObject({ state: 'FAILED', output: null, error: { code: 'MODEL_UNAVAILABLE' } });
    await post(url, { query: RunByIdDocument.toString(), variables: { id: runId } });
    const next = await converse(client, { sessionKey: 'invalid', text: 'Hello', model: 'scripted' });
    expect(next.run.state).toBe('DONE');
  });

  test('B19: a valid response afterwards is used', async () => {
    let isValid = false;
    const provider = await startProvider((response) => {
      if (isValid) {
        sendEvents(response, textChunk('Good morning.'), stopChunk(), '[DONE]');
        response.end();
      } else response.writeHead(200, { 'content-type': 'text/html' }).end(page);
      isValid = true;
    });
    const { client } = await startTestGateway({ file: fileFor(provider) });
    await converse(client, { sessionKey: 'valid', text: 'Hello' });
    const { run } = await converse(client, { sessionKey: 'valid', text: 'Hello' });
    expect(run).toMatchObject({ state: 'DONE', output: 'Good morning.' });
  });
});
