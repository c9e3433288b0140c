import { once } from 'node:events';
import { connect } from 'node:net';
import { EventSource } from 'undici';
import { expect, onTestFinished, test } from 'vitest';
import { CancelRunDocument, FollowApprovalsDocument, FollowRunDocument } from '../generated/graphql.ts';
import { decideNextApproval, type Event, follow, runById, send } from '../integration/conversation.ts';
import { failureOf, iterate, openSocket } from '../integration/transport/socket.ts';
import { eventIn, streamAddress } from '../integration/transport/sse.ts';
import { collectRun, serverFolder, withClient } from './fixtures.ts';

/** Close codes after which the graphql-ws client reconnects. */
const retryableCodes = [1001, 1005, 1006, 1012, 1013];
const graceMilliseconds = 10_000;

async function millisecondsOf(work: Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work;
  return performance.now() - start;
}

test('B51: a server exits within its grace time, and closes sockets with a code that makes clients reconnect', async () => {
  const { start } = await serverFolder();
  const server = await start();
  const socket = openSocket(server.url);
  const failure = failureOf(iterate(socket, FollowApprovalsDocument, {}));
  await withClient(server, async (client) => {
    const { run } = await send(client, { sessionKey: 'approval', text: '/call memory_save {"text":"tea"}' });
    const { until } = collectRun(client, run.id);
    await until(({ type }) => type === 'APPROVAL_REQUEST');
    const exit = server.stop('SIGTERM');
    expect(await millisecondsOf(exit)).toBeLessThan(graceMilliseconds);
    expect(await exit).toBe(0);
  });
  expect(retryableCodes).toContain((await socket.closed).code);
  await failure;
});

test('a frozen client does not delay the shutdown', async () => {
  const { start } = await serverFolder();
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
  const [response] = await once(frozen, 'data');
  expect(String(response)).toContain('101 Switching Protocols');
  frozen.pause();
  const exit = server.stop('SIGTERM');
  expect(await millisecondsOf(exit)).toBeLessThan(graceMilliseconds);
  expect(await exit).toBe(0);
});

test('B51: the next server finishes the runs of the one that stopped, and an EventSource receives every event', async () => {
  const { start } = await serverFolder();
  const first = await start();
  const text = '/pace 40\n/words 30\n/call clock {}\n/then\n/pace 10\n/words 30';
  const { run } = await withClient(first, (client) => send(client, { sessionKey: 'long', text }));
  const operation = { query: FollowRunDocument.toString(), variables: { runId: run.id } };
  const source = new EventSource(streamAddress(first.url, operation));
  const received: Event[] = [];
  const complete = new Promise<void>((resolve) => source.addEventListener('complete', () => resolve()));
  await new Promise<void>((resolve) => {
    source.addEventListener('next', (message) => {
      received.push(eventIn(message as MessageEvent));
      if (received.at(-1)?.type === 'OUTPUT_DELTA') resolve();
    });
  });
  expect(await first.stop('SIGTERM')).toBe(0);
  expect(received.at(-1)).not.toMatchObject({ to: 'DONE' });
  const second = await start({ PORT: new URL(first.url).port });
  await complete;
  source.close();
  await withClient(second, async (client) => {
    const tape = await follow(client, run.id);
    expect(received).toEqual(tape);
    expect(tape.at(-1)).toMatchObject({ to: 'DONE' });
    expect(tape.filter(({ type }) => type === 'RESUMPTION')).toEqual([]);
    expect((await runById(client, run.id)).output?.split(' ')).toHaveLength(30);
  });
  expect(await second.stop('SIGTERM')).toBe(0);
});

test('B51: a second signal ends the server at once, and the next one resumes its runs', async () => {
  const { start } = await serverFolder();
  const first = await start({ RUNTAPE_LEASE_SECONDS: '1' });
  const { run } = await withClient(first, (client) => send(client, { sessionKey: 'stuck', text: '/hang' }));
  await withClient(first, (client) => follow(client, run.id, { isLast: ({ type }) => type === 'CONTEXT' }));
  void first.stop('SIGTERM');
  await first.untilPrinted('"stopping"');
  // A signal that follows the first one at once counts as the same, which npm has passed on.
  const repeating = setInterval(() => void first.stop('SIGTERM'), 100);
  expect(await first.exited.finally(() => clearInterval(repeating))).toBe(1);
  const second = await start({ RUNTAPE_LEASE_SECONDS: '1' });
  await withClient(second, async (client) => {
    const resumed = await follow(client, run.id, { isLast: ({ type }) => type === 'RESUMPTION' });
    expect(resumed.at(-1)).toMatchObject({ attempt: 1, step: 1 });
    await client.send(CancelRunDocument, { input: { runId: run.id } });
    expect((await follow(client, run.id)).at(-1)).toMatchObject({ to: 'CANCELLED' });
  });
  expect(await second.stop('SIGTERM')).toBe(0);
});

test('B38: an approval that was open when the server stopped is decided after the restart by another client', async () => {
  const { start } = await serverFolder();
  const first = await start();
  const text = '/call memory_save {"text":"I like tea"}\n/then\n/say Saved.';
  const { run } = await withClient(first, async (client) => {
    const sent = await send(client, { sessionKey: 'approval', text });
    await follow(client, sent.run.id, { isLast: ({ type }) => type === 'APPROVAL_REQUEST' });
    return sent;
  });
  expect(await first.stop('SIGTERM')).toBe(0);
  const second = await start();
  await withClient(second, async (client) => {
    const { outcome } = await decideNextApproval(client, run.id, 'ALLOW');
    expect(outcome.__typename).toBe('DecideApprovalSuccess');
    expect((await follow(client, run.id)).at(-1)).toMatchObject({ to: 'DONE' });
    expect(await runById(client, run.id)).toMatchObject({ output: 'Saved.', resumptions: 0 });
  });
  expect(await second.stop('SIGTERM')).toBe(0);
});
