import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';

export interface ReceivedRequest {
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
  /** Resolves when the response or its connection is closed. */
  closed: Promise<unknown>;
}

export interface FakeProvider {
  baseURL: string;
  requests: ReceivedRequest[];
  /** Number of connections opened so far. */
  connections(): number;
}

/** Starts a model provider on loopback whose responses the test writes. It is closed when the test ends. */
export async function startProvider(
  respond: (response: ServerResponse, request: ReceivedRequest) => unknown,
): Promise<FakeProvider> {
  const requests: ReceivedRequest[] = [];
  let connections = 0;
  const server = createServer(async (incoming, response) => {
    const closed = once(response, 'close');
    const { url = '', headers } = incoming;
    const request = { path: url, headers, body: await text(incoming), closed };
    requests.push(request);
    await respond(response, request);
  });
  server.on('connection', () => {
    connections += 1;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  });
  const { port } = server.address() as AddressInfo;
  return { baseURL: `http://127.0.0.1:${port}/v1`, requests, connections: () => connections };
}

/** Sends server-sent events, each one a text or a chunk as JSON, and leaves the response open. */
export function sendEvents(response: ServerResponse, ...events: unknown[]): void {
  if (!response.headersSent) response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const event of events) response.write(`data: ${typeof event === 'string' ? event : JSON.stringify(event)}\n\n`);
}

export function sendJson(response: ServerResponse, status: number, value: unknown, headers = {}): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers });
  response.end(JSON.stringify(value));
}

export const textChunk = (content: string) => ({ id: 'r1', choices: [{ index: 0, delta: { content } }] });
export const stopChunk = (reason = 'stop') => ({ choices: [{ index: 0, delta: {}, finish_reason: reason }] });
export const usageChunk = { choices: [], usage: { prompt_tokens: 3, completion_tokens: 4 } };
