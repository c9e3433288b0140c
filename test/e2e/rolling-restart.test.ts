import { Agent, createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { poll } from '../until.ts';
import { serverFolder } from './fixtures.ts';

interface Backend {
  url: string;
  isReady: boolean;
}

const CHECK_MILLISECONDS = 100;

/** Passes requests to servers that are ready, over connections that stay open, and repeats none. */
async function startBalancer(backends: Backend[]): Promise<string> {
  const agent = new Agent({ keepAlive: true });
  let next = 0;
  const balancer = createServer((request, response) => {
    const ready = backends.filter(({ isReady }) => isReady);
    const backend = ready[next++ % ready.length];
    if (backend) forward(request, response, backend.url, agent);
    else response.writeHead(502).end();
  });
  const checks = setInterval(() => {
    for (const backend of backends) {
      const isReady = (status: number) => void Object.assign(backend, { isReady: status === 200 });
      fetch(new URL('/readyz', backend.url)).then(
        ({ status }) => isReady(status),
        () => isReady(0),
      );
    }
  }, CHECK_MILLISECONDS);
  await new Promise<void>((resolve) => balancer.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    clearInterval(checks);
    agent.destroy();
    balancer.closeAllConnections();
    balancer.close();
  });
  return `http://127.0.0.1:${(balancer.address() as AddressInfo).port}/graphql`;
}

function forward(request: IncomingMessage, response: ServerResponse, url: string, agent: Agent): void {
  const { host, connection, ...headers } = request.headers;
  const forwarded = httpRequest(url, { method: request.method ?? 'GET', headers, agent }, (received) => {
    response.writeHead(received.statusCode ?? 502);
    received.pipe(response);
  });
  forwarded.once('error', () => response.writeHead(502).end());
  request.pipe(forwarded);
}

test('B51: a rolling restart of two servers behind a balancer loses no request', async () => {
  const folders = [await serverFolder(), await serverFolder()];
  const environment = { RUNTAPE_DRAIN_SECONDS: '1' };
  const servers = await Promise.all(folders.map(({ start }) => start(environment)));
  const backends = servers.map(({ url }) => ({ url, isReady: true }));
  const url = await startBalancer(backends);
  const statuses: number[] = [];
  let isDone = false;
  const send = async () => {
    while (!isDone) {
      const query = 'mutation { sendMessage(input: { sessionKey: "k", text: "/say hi" }) { __typename } }';
      const body = JSON.stringify({ query: statuses.length % 10 === 0 ? query : '{ viewer { principal } }' });
      const headers = { 'content-type': 'application/json', accept: 'application/graphql-response+json' };
      statuses.push(
        await fetch(url, { method: 'POST', headers, body }).then(
          ({ status }) => status,
          () => 0,
        ),
      );
    }
  };
  const clients = Array.from({ length: 4 }, send);
  for (const [index, server] of servers.entries()) {
    const exit = server.stop('SIGTERM');
    const drained = await poll(async () => {
      const response = await fetch(new URL('/readyz', server.url)).catch(() => null);
      return response && response.status === 503 ? response : null;
    });
    expect(drained.headers.get('connection')).toBe('close');
    expect(await drained.text()).toBe('stopping\n');
    expect(await exit).toBe(0);
    const { port } = new URL(server.url);
    await folders[index]?.start({ ...environment, PORT: port });
    await poll(() => backends[index]?.isReady, { description: 'the restarted server to be ready' });
  }
  isDone = true;
  await Promise.all(clients);
  process.stdout.write(`rolling restart: ${statuses.length} requests\n`);
  expect(statuses.filter((status) => status !== 200)).toEqual([]);
  expect(statuses.length).toBeGreaterThan(50);
});
