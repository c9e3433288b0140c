import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { onTestFinished } from 'vitest';
import { z } from 'zod';

const message = z.looseObject({ id: z.unknown().optional(), method: z.string().optional() });

/** A server over streamable HTTP with one tool, `act`, whose calls `answer` answers. Returns its URL. */
export async function startHostileServer(
  answer: (response: ServerResponse, id: unknown) => void,
  tool: object = {},
): Promise<string> {
  const tools = [{ name: 'act', inputSchema: { type: 'object' }, annotations: { readOnlyHint: true }, ...tool }];
  const results: Record<string, object> = {
    initialize: { protocolVersion: '2025-06-18', capabilities: { tools: {} }, serverInfo: { name: 'h', version: '1' } },
    'tools/list': { tools },
    ping: {},
  };
  const server = createServer(async (request: IncomingMessage, response: ServerResponse) => {
    response.on('error', () => {});
    if (request.method !== 'POST') return void response.writeHead(405).end();
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { id, method = '' } = message.parse(JSON.parse(Buffer.concat(chunks).toString()));
    if (id === undefined) return void response.writeHead(202).end();
    if (method === 'tools/call') return answer(response, id);
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ jsonrpc: '2.0', id, result: results[method] }));
  }).listen(0, '127.0.0.1');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}/mcp`;
}

/** Sends the same chunk until the client goes away, and at most 1 GiB. */
export function sendEndlessly(response: ServerResponse, chunk: Buffer): void {
  let remaining = 2 ** 30;
  const send = () => {
    while (!response.destroyed && remaining > 0) {
      remaining -= chunk.length;
      if (!response.write(chunk)) return void response.once('drain', send);
    }
    response.end();
  };
  send();
}
