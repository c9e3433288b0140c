import { once } from 'node:events';
import { connect } from 'node:net';
import { EventSource } from 'undici';
import { expect, onTestFinished, test } from 'vitest';
import { CancelRunDocument, FollowApprovalsDocument, FollowRunDocument } from '../generated/graphql.ts';
import { answerNext, type Event, follow, runById, send } from '../integration/conversation.ts';
import { failureOf, iterate, openSocket } from '../integration/transport/socket.ts';
import { eventIn, streamAddress } from '../integration/transport/sse.ts';
import { withClient, witness } from './conversation.ts';
import { createHome, type Home } from './server-process.ts';

/** Closing codes after which the client of graphql-ws comes back. */
const retried = [1001, 1005, 1006, 1012, 1013];
const graceMilliseconds = 10_000;

async function home(): Promise<Home> {
  const made = await createHome();
  onTestFinished(() => made[Symbol.asyncDispose]());
  return made;
}

async function millisecondsOf(work: Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work;
  return performance.now() - start;
}

test('B51: a server that is asked to stop ends within its grace time, and open sockets are told to come back', async () => {
  const { start } = await home();
  const server = await start();
  const socket = openSocket(server.url);
  const failure = failureOf(iterate(socket, FollowApprovalsDocument, {}));
  await withClient(server, async (client) => {
    const { run } = await send(client, { sessionKey: 'asked', text: '/call memory_save {"text":"tea"}' });
    const { until } = witness(client, run.id);
    await until(({ type }) => type === 'APPROVAL_REQUEST');
    const exit = server.end('SIGTERM');
    expect(await millisecondsOf(exit)).toBeLessThan(graceMilliseconds);
    expect(await exit).toBe(0);
  });
  expect(retried).toContain((await socket.closed).code);
  await failure;
});

test('a client that is frozen does not keep a server from stopping', async () => {
  const { start } = await home();
  const server = await start();
  const { hostname, port, pathname } = new URL(server.url);
  const frozen = connect(Number(port), hostname);
  onTestFinished(async () => void frozen.destroy());
  frozen.on('error', () => undefined);
  frozen.write(
    `GET ${pathname} HTTP/1.1\r\nHost: ${hostname}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n' +
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
  const [answer] = await once(frozen, 'data');
  expect(String(answer)).toContain('101 Switching Protocols');
  frozen.pause();
  const exit = server.end('SIGTERM');
  expect(await millisecondsOf(exit)).toBeLessThan(graceMilliseconds);
  expect(await exit).toBe(0);
});

test('B51: the next server finishes what the stopping one was doing, and a browser sees it all', async () => {
  const { start } = await home();
  const first = await start();
  const text = '/pace 40\n/words 30\n/call clock {}\n/then\n/pace 10\n/words 30';
  const { run } = await withClient(first, (client) => send(client, { sessionKey: 'long', text }));
  const operation = { query: FollowRunDocument.toString(), variables: { runId: run.id } };
  const source = new EventSource(streamAddress(first.url, operation));
  const seen: Event[] = [];
  const complete = new Promise<void>((resolve) => source.addEventListener('complete', () => resolve()));
  await new Promise<void>((resolve) => {
    source.addEventListener('next', (message) => {
      seen.push(eventIn(message as MessageEvent));
      if (seen.at(-1)?.type === 'OUTPUT_DELTA') resolve();
    });
  });
  expect(await first.end('SIGTERM')).toBe(0);
  expect(seen.at(-1)).not.toMatchObject({ to: 'DONE' });
  const second = await start({ PORT: new URL(first.url).port });
  await complete;
  source.close();
  await withClient(second, async (client) => {
    const tape = await follow(client, run.id);
    expect(seen).toEqual(tape);
    expect(tape.at(-1)).toMatchObject({ to: 'DONE' });
    expect(tape.filter(({ type }) => type === 'RESUMPTION')).toEqual([]);
    expect((await runById(client, run.id)).output?.split(' ')).toHaveLength(30);
  });
  expect(await second.end('SIGTERM')).toBe(0);
});

test('B51: a second signal ends it at once, and what it was doing is taken up again', async () => {
  const { start } = await home();
  const first = await start({ RUNTAPE_LEASE_SECONDS: '1' });
  const { run } = await withClient(first, (client) => send(client, { sessionKey: 'stuck', text: '/hang' }));
  await withClient(first, (client) => follow(client, run.id, { enough: ({ type }) => type === 'CONTEXT' }));
  void first.end('SIGTERM');
  await first.prints('"stopping"');
  expect(await first.end('SIGTERM')).toBe(1);
  const second = await start({ RUNTAPE_LEASE_SECONDS: '1' });
  await withClient(second, async (client) => {
    const again = await follow(client, run.id, { enough: ({ type }) => type === 'RESUMPTION' });
    expect(again.at(-1)).toMatchObject({ attempt: 1, step: 1 });
    await client.send(CancelRunDocument, { input: { runId: run.id } });
    expect((await follow(client, run.id)).at(-1)).toMatchObject({ to: 'CANCELLED' });
  });
  expect(await second.end('SIGTERM')).toBe(0);
});

test('B38: a decision that was waited for when the server stopped is made after it, by another client', async () => {
  const { start } = await home();
  const first = await start();
  const text = '/call memory_save {"text":"I like tea"}\n/then\n/say Saved.';
  const { run } = await withClient(first, async (client) => {
    const sent = await send(client, { sessionKey: 'asked', text });
    await follow(client, sent.run.id, { enough: ({ type }) => type === 'APPROVAL_REQUEST' });
    return sent;
  });
  expect(await first.end('SIGTERM')).toBe(0);
  const second = await start();
  await withClient(second, async (client) => {
    const { outcome } = await answerNext(client, run.id, 'ALLOW');
    expect(outcome.__typename).toBe('DecideApprovalSuccess');
    expect((await follow(client, run.id)).at(-1)).toMatchObject({ to: 'DONE' });
    expect(await runById(client, run.id)).toMatchObject({ output: 'Saved.', resumptions: 0 });
  });
  expect(await second.end('SIGTERM')).toBe(0);
});
