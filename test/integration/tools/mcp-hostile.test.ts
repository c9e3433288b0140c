import type { ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { Agent } from 'undici';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { createBoundedFetch } from '../../../src/tools/mcp/bounded-fetch.ts';
import { converse } from '../conversation.ts';
import { calling } from '../counted-tool.ts';
import { startTestGateway } from '../gateway.ts';
import { sendEndlessly, startHostileServer } from './hostile-mcp-server.ts';
import { resultOf, untilServer } from './mcp-programs.ts';

const MEBIBYTE = 1024 * 1024;
/** Far below the size of the answers, and above what a test of this size needs itself. */
const MAX_GROWTH_BYTES = 300 * MEBIBYTE;

const callAct = calling(['remote__act', {}]);

async function startWith(answer: (response: ServerResponse, id: unknown) => void, tool?: object) {
  const url = await startHostileServer(answer, tool);
  const started = await startTestGateway({ file: { mcpServers: { remote: { url } } } });
  await untilServer(started.client, 'remote', 'READY');
  return started;
}

describe('an answer of an MCP server over HTTP', () => {
  const filler = Buffer.alloc(MEBIBYTE, 'a');
  const answers: [string, (response: ServerResponse) => void][] = [
    [
      'with an endless line of events',
      (response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: ');
        sendEndlessly(response, filler);
      },
    ],
    [
      'with an endless event of many lines',
      (response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        sendEndlessly(response, Buffer.from('data: a\n'.repeat(100_000)));
      },
    ],
    [
      'with endless JSON',
      (response) => {
        response.writeHead(200, { 'content-type': 'application/json' }).write('{"a":"');
        sendEndlessly(response, filler);
      },
    ],
    [
      'that decompresses to a gigabyte',
      (response) => {
        const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
        response.writeHead(200, headers);
        sendEndlessly(response, gzipSync(Buffer.alloc(64 * MEBIBYTE, ' ')));
      },
    ],
  ];
  test.each(answers)('B45: %s fails the call with the reason, and memory stays flat', async (_name, answer) => {
    const { client } = await startWith(answer);
    const before = process.memoryUsage.rss();
    const { events } = await converse(client, { sessionKey: 's', text: callAct });
    expect(resultOf(events)).toMatchObject({
      ok: false,
      error: expect.stringContaining('It sent a message longer than 8388608 bytes.'),
    });
    expect(process.memoryUsage.rss() - before).toBeLessThan(MAX_GROWTH_BYTES);
    await untilServer(client, 'remote', 'READY');
  });

  test('B45: may be a long stream of short events', async () => {
    const { client } = await startWith((response, id) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const note = {
        jsonrpc: '2.0',
        method: 'notifications/message',
        params: { level: 'info', data: 'a'.repeat(1000) },
      };
      for (let sent = 0; sent < 12_000; sent += 1) response.write(`data: ${JSON.stringify(note)}\r\n\r\n`);
      const result = { content: [{ type: 'text', text: 'done' }] };
      response.end(`data: ${JSON.stringify({ jsonrpc: '2.0', id, result })}\n\n`);
    });
    const { events } = await converse(client, { sessionKey: 's', text: callAct });
    expect(resultOf(events)).toMatchObject({ ok: true, output: 'done' });
  });

  test('B60: cannot hide its members behind a quotation mark of a comment', async () => {
    const { client } = await startWith((response, id) => {
      const meta = Object.fromEntries(Array.from({ length: 50_000 }, (_, index) => [`field${index}`, 1]));
      const message = { jsonrpc: '2.0', id, result: { content: [], _meta: meta } };
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(`: "\ndata: ${JSON.stringify(message)}\n\n`);
    });
    const { events } = await converse(client, { sessionKey: 's', text: callAct });
    expect(resultOf(events)).toMatchObject({
      ok: false,
      error: expect.stringContaining('more than 2000 members in its first 3 levels'),
    });
  });

  test.each([
    [16, { ok: true, output: 'done' }],
    [17, { ok: false, error: expect.stringContaining('It sent more than 16 messages at once.') }],
  ])('B60: may be a list of 16 messages: %i', async (count, result) => {
    const { client } = await startWith((response, id) => {
      const note = { jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: ',' } };
      const answer = { jsonrpc: '2.0', id, result: { content: [{ type: 'text', text: 'done' }] } };
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify([...Array(count - 1).fill(note), answer]));
    });
    const { events } = await converse(client, { sessionKey: 's', text: callAct });
    expect(resultOf(events)).toMatchObject(result);
  });

  test.each([
    [16, { ok: true, output: 'done' }],
    [17, { ok: false, error: expect.stringContaining('It sent more than 16 interim responses to a request.') }],
  ])('B60: may come after 16 interim responses: %i', async (count, result) => {
    const { client } = await startWith((response, id) => {
      for (let sent = 0; sent < count; sent += 1) response.writeEarlyHints({ link: '</a>; rel=preload' });
      response.writeHead(200, { 'content-type': 'application/json', 'x-list': ['a', 'b'] });
      response.end(JSON.stringify({ jsonrpc: '2.0', id, result: { content: [{ type: 'text', text: 'done' }] } }));
    });
    const { events } = await converse(client, { sessionKey: 's', text: callAct });
    expect(resultOf(events)).toMatchObject(result);
  });

  test('B45: that redirects to another origin gets neither the message nor the headers there', async () => {
    const received: string[] = [];
    const elsewhere = await startHostileServer((response, id) => {
      received.push(String(id));
      response.end();
    });
    const { client } = await startWith((response) => void response.writeHead(307, { location: elsewhere }).end());
    const { events } = await converse(client, { sessionKey: 's', text: callAct });
    expect(resultOf(events)).toMatchObject({ ok: false, error: expect.stringMatching(/Redirect to .* not followed/) });
    expect(received).toEqual([]);
  });
});

test('B45: structured content that does not match the output schema is an error result', async () => {
  const outputSchema = { type: 'object', properties: { count: { type: 'integer' } }, required: ['count'] };
  const { client } = await startWith(
    (response, id) => {
      const result = { content: [], structuredContent: { count: 'many' } };
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ jsonrpc: '2.0', id, result }));
    },
    { outputSchema },
  );
  const { events } = await converse(client, { sessionKey: 's', text: callAct });
  expect(resultOf(events)).toMatchObject({
    ok: false,
    error: expect.stringMatching(
      /The call was executed.*does not match the output schema.*output\/count must be integer/,
    ),
  });
});

test('B45: a pattern in an input schema does not block the server', async () => {
  const inputSchema = { type: 'object', properties: { name: { type: 'string', pattern: '^(a+)+$' } } };
  const { client } = await startWith((response) => void response.end(), { inputSchema });
  const text = calling(['remote__act', { name: `${'a'.repeat(60)}!` }]);
  const { events } = await converse(client, { sessionKey: 's', text });
  expect(resultOf(events)).toMatchObject({
    ok: false,
    error: 'Invalid input: input/name must match pattern "^(a+)+$".',
  });
});

test('B60: a server over HTTP that leaves more than 1,024 responses open is reported, and one that ends them is not', async () => {
  const url = await startHostileServer((response, id) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write(': open\n\n');
    if (id === 'ended') response.end();
  });
  const agent = new Agent();
  const reasons: string[] = [];
  const boundedFetch = createBoundedFetch(agent, systemClock, (reason) => reasons.push(reason));
  const call = (id: string) =>
    boundedFetch(url, { method: 'POST', body: JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call' }) });
  const opened: Response[] = [];
  for (let sent = 0; sent < 1024; sent += 1) opened.push(await call('open'));
  for (let sent = 0; sent < 3; sent += 1) {
    await opened.pop()?.body?.cancel();
    await (await call('ended')).text();
    opened.push(await call('open'));
  }
  expect(reasons).toEqual([]);
  await call('open');
  expect(reasons).toEqual(['It left more than 1024 responses open.']);
  await agent.destroy();
});

test('B60: a server over HTTP pays for the requests that it causes', async () => {
  const url = await startHostileServer((response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).end('data: 1\n\n');
  });
  const agent = new Agent();
  const waits: number[] = [];
  const sleep = async (milliseconds: number) => void waits.push(milliseconds);
  const boundedFetch = createBoundedFetch(agent, { ...systemClock, elapsed: () => 0, sleep }, () => {});
  const post = async (method: string) =>
    (await boundedFetch(url, { method: 'POST', body: JSON.stringify({ jsonrpc: '2.0', id: 1, method }) })).text();
  await post('tools/call');
  for (let sent = 0; sent < 600; sent += 1) await post('ping');
  expect(waits).toEqual([]);
  await post('tools/call');
  expect(waits).toHaveLength(1);
  expect(waits[0]).toBeGreaterThan(400);
  await agent.destroy();
});
