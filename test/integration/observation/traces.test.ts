import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { readConfiguration } from '../../../src/config/configuration.ts';
import { parseTraceParent, spanIdOf, traceIdOf } from '../../../src/domain/trace-context.ts';
import type { Policy } from '../../../src/policy/policy.ts';
import { traceCommand } from '../../../src/server/commands/trace.ts';
import { createHttpFetch } from '../../../src/tools/http-fetch.ts';
import { createTestClient } from '../../client.ts';
import { converse } from '../conversation.ts';
import { calling, countedTool } from '../counted-tool.ts';
import { startTestGateway, until } from '../gateway.ts';
import { sendEvents, sendJson, startProvider, textChunk } from '../providers/fake-provider.ts';
import { freePort, startHttpServer, untilServer } from '../tools/mcp-programs.ts';

interface ReceivedSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: { key: string; value: Record<string, unknown> }[];
}

/** A collector that accepts OTLP over HTTP. */
async function startCollector(status = 200) {
  const provider = await startProvider((response) => sendJson(response, status, {}));
  const spans = (): ReceivedSpan[] =>
    provider.requests.flatMap(({ body }) => {
      const { resourceSpans } = JSON.parse(body);
      return resourceSpans.flatMap(({ scopeSpans }: { scopeSpans: { spans: ReceivedSpan[] }[] }) =>
        scopeSpans.flatMap((scope) => scope.spans),
      );
    });
  return { ...provider, endpoint: new URL('/', provider.baseURL).href, spans };
}

async function databaseUrl(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'runtape-traces-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return `file:${join(folder, 'runtape.db')}`;
}

const attributesOf = (span: ReceivedSpan | undefined) =>
  Object.fromEntries((span?.attributes ?? []).map(({ key, value }) => [key, Object.values(value)[0]]));

/** Runs the command `trace` and returns what it prints. */
async function exportAgain(url: string, tracing: object, runId: string): Promise<string> {
  const outcome = readConfiguration({ DATABASE_URL: url }, () => JSON.stringify({ tracing }));
  if (!outcome.ok) throw new Error(outcome.problems.join('\n'));
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  try {
    await traceCommand(outcome.configuration, [runId]);
    return write.mock.calls.map(([line]) => line).join('');
  } finally {
    write.mockRestore();
  }
}

describe('the traces of runs', () => {
  test('B104: agree with the tape, and the command exports an old run again with the same ids', async () => {
    const { endpoint, spans, requests } = await startCollector();
    const url = await databaseUrl();
    const { client } = await startTestGateway({ tools: [countedTool()], file: { tracing: { endpoint } } }, url);
    const { runId, run } = await converse(client, { sessionKey: 'a', text: calling(['count', { word: 'private' }]) });
    const exported = await until(() => spans().length > 0 && spans());
    expect(requests[0]?.path).toBe('/v1/traces');
    const ofName = (name: string) => exported.filter((span) => span.name === name);
    const [root] = ofName('invoke_agent');
    expect(root).toMatchObject({ traceId: traceIdOf({ runId }), spanId: spanIdOf({ runId }, { kind: 'run' }) });
    expect(root?.parentSpanId).toBeUndefined();
    expect(attributesOf(root)).toMatchObject({
      'runtape.run.id': runId,
      'gen_ai.usage.input_tokens': run.usage.inputTokens,
      'gen_ai.usage.output_tokens': run.usage.outputTokens,
    });
    expect(BigInt(root?.startTimeUnixNano ?? 0)).toBe(BigInt(Date.parse(run.createdAt)) * 1_000_000n);
    expect(BigInt(root?.endTimeUnixNano ?? 0)).toBe(BigInt(Date.parse(run.endedAt ?? '')) * 1_000_000n);
    expect(ofName('chat scripted')).toHaveLength(2);
    expect(ofName('execute_tool count')).toHaveLength(1);
    expect(new Set(exported.map(({ traceId }) => traceId)).size).toBe(1);
    const ids = new Set(exported.map(({ spanId }) => spanId));
    expect(exported.every(({ parentSpanId }) => parentSpanId === undefined || ids.has(parentSpanId))).toBe(true);
    expect(JSON.stringify(exported)).not.toContain('private');

    const printed = await exportAgain(url, { endpoint }, runId);
    expect(printed).toBe(`trace ${root?.traceId}: ${exported.length} spans of ${runId}\n`);
    expect(spans().slice(exported.length)).toEqual(exported);
    await exportAgain(url, { endpoint, content: true }, runId);
    expect(JSON.stringify(spans().slice(2 * exported.length))).toContain('private');
    await expect(exportAgain(url, { endpoint }, 'run_unknown')).rejects.toThrow('There is no run run_unknown');
    await expect(exportAgain(url, {}, runId)).rejects.toThrow('No collector is configured');
  });

  test('a collector that is away costs a run nothing, and the command says why it failed', async () => {
    const { endpoint } = await startCollector(400);
    const url = await databaseUrl();
    const { client } = await startTestGateway({ file: { tracing: { endpoint } } }, url);
    const { runId, run } = await converse(client, { sessionKey: 'a', text: 'hello' });
    expect(run.state).toBe('DONE');
    await expect(exportAgain(url, { endpoint }, runId)).rejects.toThrow(/did not take the trace/);
  });
});

describe('traceparent', () => {
  const traceId = '0af7651916cd43dd8448eb211c80319c';
  const traceparent = `00-${traceId}-b7ad6b7169203331-01`;

  test('of the request is continued, and models and tools get that of their own span', async () => {
    const collector = await startCollector();
    const provider = await startProvider((response, { body }) => {
      const isFirst = !body.includes('"role":"tool"');
      const call = {
        index: 0,
        id: 'c',
        function: { name: 'http_fetch', arguments: JSON.stringify({ url: target.url }) },
      };
      const chunk = isFirst ? { choices: [{ index: 0, delta: { tool_calls: [call] } }] } : textChunk('Done.');
      sendEvents(response, chunk, '[DONE]');
      response.end();
    });
    const target = await startTarget();
    const policy: Policy = { evaluate: () => ({ effect: 'ALLOW', reason: 'By policy.', rules: [] }) };
    const { url } = await startTestGateway({
      policy,
      tools: [createHttpFetch({ isAllowed: () => true, lookup: async () => ['127.0.0.1'] })],
      file: {
        tracing: { endpoint: collector.endpoint },
        defaultModel: 'local',
        models: { local: { provider: 'openai-compatible', baseURL: provider.baseURL, model: 'm' } },
      },
    });
    await using client = createTestClient(url, { 'x-principal': 'ada', traceparent });
    const { runId } = await converse(client, { sessionKey: 'a', text: 'fetch it' });
    const spans = await until(() => collector.spans().length > 0 && collector.spans());
    const root = spans.find(({ name }) => name === 'invoke_agent');
    expect(root).toMatchObject({
      traceId,
      parentSpanId: 'b7ad6b7169203331',
      spanId: spanIdOf({ runId }, { kind: 'run' }),
    });
    const spanIds = (name: string) =>
      spans.flatMap((span) => (span.name === name ? [{ traceId, spanId: span.spanId }] : []));
    const sent = provider.requests.map(({ headers }) => parseTraceParent(headers.traceparent));
    expect(sent).toEqual(spanIds('chat local'));
    expect(sent).toHaveLength(2);
    expect(target.traceParents.map(parseTraceParent)).toEqual(spanIds('execute_tool http_fetch'));
  });

  test('reaches an MCP server over HTTP, as a header and in the metadata of the call', async () => {
    const collector = await startCollector();
    const port = await freePort();
    await startHttpServer(port);
    const proxy = await startProxy(port);
    const file = { tracing: { endpoint: collector.endpoint }, mcpServers: { remote: { url: `${proxy.url}/mcp` } } };
    const { client } = await startTestGateway({ file });
    await untilServer(client, 'remote', 'READY');
    const { runId } = await converse(client, { sessionKey: 'a', text: calling(['remote__echo', { message: 'x' }]) });
    const [call] = proxy.requests.filter(({ body }) => body.includes('tools/call'));
    const sent = parseTraceParent(call?.header);
    expect(sent?.traceId).toBe(traceIdOf({ runId }));
    expect(JSON.parse(call?.body ?? '{}').params._meta.traceparent).toBe(call?.header);
    const spans = await until(() => collector.spans().length > 0 && collector.spans());
    expect(sent?.spanId).toBe(spans.find(({ name }) => name === 'execute_tool remote__echo')?.spanId);
    const others = proxy.requests.filter(({ body }) => !body.includes('tools/call'));
    expect(others.every(({ header }) => header === undefined)).toBe(true);
  });

  test('is not recorded and not sent without tracing', async () => {
    const provider = await startProvider((response) => {
      sendEvents(response, textChunk('Done.'), '[DONE]');
      response.end();
    });
    const models = { local: { provider: 'openai-compatible', baseURL: provider.baseURL, model: 'm' } };
    const { url, gateway } = await startTestGateway({ file: { defaultModel: 'local', models } });
    await using client = createTestClient(url, { 'x-principal': 'ada', traceparent });
    const { runId } = await converse(client, { sessionKey: 'a', text: 'hello' });
    expect(provider.requests[0]?.headers.traceparent).toBeUndefined();
    const [input] = await gateway.parts.journal.read(runId, { after: 0, limit: 1 });
    expect(JSON.stringify(input)).not.toContain(traceId);
  });
});

/** A web server that keeps the headers `traceparent` of its requests. */
async function startTarget() {
  const traceParents: unknown[] = [];
  const server = createServer((request, response) => {
    traceParents.push(request.headers.traceparent);
    response.end('ok');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return { traceParents, url: `http://127.0.0.1:${port}/` };
}

/** Passes requests on to another port, and keeps their bodies and their headers `traceparent`. */
async function startProxy(port: number) {
  const requests: { body: string; header: string | undefined }[] = [];
  const server = createServer(async (request, response) => {
    const body = await text(request);
    const { host: _host, connection: _connection, 'content-length': _length, ...headers } = request.headers;
    requests.push({ body, header: String(headers.traceparent ?? '') || undefined });
    const method = request.method ?? 'GET';
    const sent = { method, headers: headers as Record<string, string>, ...(method === 'POST' && { body }) };
    const answer = await fetch(`http://127.0.0.1:${port}${request.url}`, sent).catch(() => null);
    if (!answer) return void response.destroy();
    response.writeHead(
      answer.status,
      Object.fromEntries([...answer.headers].filter(([name]) => !/encoding|length/.test(name))),
    );
    for await (const chunk of answer.body ?? []) response.write(chunk);
    response.end();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port: own } = server.address() as AddressInfo;
  return { requests, url: `http://127.0.0.1:${own}` };
}
