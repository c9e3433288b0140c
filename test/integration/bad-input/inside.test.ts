import { describe, expect, test } from 'vitest';
import type { Overrides } from '../../../src/server/gateway.ts';
import { FollowRunDocument, GatewayDocument, RunByIdDocument, ToolsDocument } from '../../generated/graphql.ts';
import { converse } from '../conversation.ts';
import { countedTool } from '../counted-tool.ts';
import { startTestGateway } from '../gateway.ts';
import { type FakeProvider, sendEvents, startProvider, stopChunk, textChunk } from '../providers/fake-provider.ts';
import { failureOf, iterate, openSocket } from '../transport/socket.ts';
import { collect } from '../transport/sse.ts';
import { ask, dataOf } from './ask.ts';

const secret = 'the password in /srv/secret.ts:12 is SELECT';
const masked = /^An unexpected error occurred in the gateway\. Its log has the details under err_[0-9A-Z]{26}\.$/;

/** A tool of which one property can not be read. */
function brokenTool() {
  const tool = countedTool();
  Object.defineProperty(tool, 'description', {
    get() {
      throw new TypeError(secret);
    },
  });
  return tool;
}

describe('what nobody expected', () => {
  test('is told by an id of the log, over HTTP, over the socket and in a stream', async () => {
    const tools = [countedTool()];
    const { client, url } = await startTestGateway({ tools });
    const { runId } = await converse(client, { sessionKey: 'broken', text: 'Hello' });
    tools[0] = brokenTool();
    const { body, status } = await ask(url, { query: ToolsDocument.toString() });
    expect(status).toBe(200);
    expect(body.errors).toEqual([expect.objectContaining({ message: expect.stringMatching(masked) })]);
    const [error] = body.errors ?? [];
    expect(error?.extensions).toEqual({ code: 'INTERNAL_SERVER_ERROR', errorId: expect.stringMatching(/^err_/) });
    expect(error?.message).toContain(String((error?.extensions as Record<string, unknown> | undefined)?.errorId));
    const [overSocket] = await collect(iterate(openSocket(url), ToolsDocument, {}));
    expect(overSocket?.errors).toMatchObject([{ message: expect.stringMatching(masked) }]);
    expect(await dataOf(url, RunByIdDocument, { id: runId })).toMatchObject({ run: { state: 'DONE' } });
  });

  test('in a subscription too: at its start, and in the middle of it', async () => {
    const { client, url, gateway } = await startTestGateway();
    const { runId } = await converse(client, { sessionKey: 'broken', text: 'Hello' });
    const { journal } = gateway.parts;
    const read = journal.read;
    Object.assign(journal, { read: () => Promise.reject(new TypeError(secret)) });
    const operation = { query: FollowRunDocument.toString(), variables: { runId } };
    const { text } = await ask(url, operation, { accept: 'text/event-stream' });
    expect(text).toMatch(/Its log has the details under err_[0-9A-Z]{26}/);
    const overSocket = await collect(iterate(openSocket(url), FollowRunDocument, { runId }));
    expect(overSocket).toMatchObject([{ errors: [{ message: expect.stringMatching(masked) }] }]);
    Object.assign(journal, { read });
    expect(await collect(iterate(openSocket(url), FollowRunDocument, { runId }))).toHaveLength(7);
  });

  test('of whom a client says it is, it is masked as well, and the server goes on', async () => {
    let isBroken = true;
    const authenticate: Overrides['authenticate'] = () => {
      if (isBroken) throw new TypeError(secret);
      return { principal: 'ada', scopes: ['read'] };
    };
    const { url } = await startTestGateway({ authenticate });
    const { body } = await ask(url, { query: GatewayDocument.toString() });
    expect(body.errors).toMatchObject([{ message: expect.stringMatching(masked) }]);
    const closed = await failureOf(iterate(openSocket(url), GatewayDocument, {}));
    expect(closed).toMatchObject({ code: 4500, reason: expect.stringMatching(masked) });
    isBroken = false;
    expect(await dataOf(url, GatewayDocument, {})).toMatchObject({ viewer: { principal: 'ada' } });
  });

  test('a policy that throws fails its run and no other', async () => {
    const policy = {
      evaluate() {
        throw new TypeError(secret);
      },
    };
    const { client, url } = await startTestGateway({ policy });
    const { run, runId } = await converse(client, { sessionKey: 'policy', text: '/call clock {}' });
    expect(run).toMatchObject({ state: 'FAILED', error: { code: 'INTERNAL', message: expect.stringMatching(masked) } });
    await ask(url, { query: RunByIdDocument.toString(), variables: { id: runId } });
    const next = await converse(client, { sessionKey: 'policy', text: 'Hello' });
    expect(next.run.state).toBe('DONE');
  });
});

describe('a model that answers nonsense', () => {
  const page = '<!doctype html><html><body>Sign in to the hotel network</body></html>';
  const answers: [string, Parameters<typeof startProvider>[0]][] = [
    ['a page of HTML', (response) => response.writeHead(200, { 'content-type': 'text/html' }).end(page)],
    [
      'an event stream of garbage',
      (response) =>
        response.writeHead(200, { 'content-type': 'text/event-stream' }).end('data: \u0001{\n\ndata: no\n\n'),
    ],
    ['an empty stream', (response) => response.writeHead(200, { 'content-type': 'text/event-stream' }).end()],
    ['an empty body', (response) => response.writeHead(200, { 'content-type': 'application/json' }).end()],
  ];

  const fileFor = ({ baseURL }: FakeProvider) => ({
    defaultModel: 'hotel',
    models: { hotel: { provider: 'openai-compatible', baseURL, model: 'm' } },
  });

  test.each(answers)('B19: %s fails the run, says so, and the server goes on', async (_what, answer) => {
    const provider = await startProvider(answer);
    const { client, url } = await startTestGateway({ file: fileFor(provider) });
    const { run, runId } = await converse(client, { sessionKey: 'nonsense', text: 'Hello' });
    expect(run).toMatchObject({ state: 'FAILED', output: null, error: { code: 'MODEL_UNAVAILABLE' } });
    await ask(url, { query: RunByIdDocument.toString(), variables: { id: runId } });
    const next = await converse(client, { sessionKey: 'nonsense', text: 'Hello', model: 'scripted' });
    expect(next.run.state).toBe('DONE');
  });

  test('B19: one that comes to its senses is heard', async () => {
    let isSober = false;
    const provider = await startProvider((response) => {
      if (isSober) {
        sendEvents(response, textChunk('Good morning.'), stopChunk(), '[DONE]');
        response.end();
      } else response.writeHead(200, { 'content-type': 'text/html' }).end(page);
      isSober = true;
    });
    const { client } = await startTestGateway({ file: fileFor(provider) });
    await converse(client, { sessionKey: 'sober', text: 'Hello' });
    const { run } = await converse(client, { sessionKey: 'sober', text: 'Hello' });
    expect(run).toMatchObject({ state: 'DONE', output: 'Good morning.' });
  });
});
