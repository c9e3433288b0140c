import { once } from 'node:events';
import { describe, expect, onTestFinished, test } from 'vitest';
import WebSocket from 'ws';
import { bearing, startGuarded, tokens } from '../access/accounts.ts';
import { until } from '../gateway.ts';

const kibibytes = (count: number) => 'x'.repeat(count * 1024);
const init = (more: object = {}) =>
  JSON.stringify({ type: 'connection_init', payload: { ...bearing(tokens.ada), ...more } });
const subscribe = (id: string, query: string) => JSON.stringify({ id, type: 'subscribe', payload: { query } });

interface RawSocket {
  socket: WebSocket;
  messages: { type: string; id?: string; payload?: unknown }[];
  closed: Promise<number>;
}

async function open(url: string): Promise<RawSocket> {
  const raw = connect(url);
  await once(raw.socket, 'open');
  return raw;
}

function connect(url: string): RawSocket {
  const socket = new WebSocket(url.replace('http', 'ws'), 'graphql-transport-ws');
  onTestFinished(async () => socket.terminate());
  const messages: RawSocket['messages'] = [];
  socket.on('error', () => {});
  socket.on('message', (data) => void messages.push(JSON.parse(String(data))));
  const closed = new Promise<number>((resolve) => socket.once('close', resolve));
  return { socket, messages, closed };
}

async function openAuthenticated(url: string): Promise<RawSocket> {
  const raw = await open(url);
  raw.socket.send(init());
  await until(() => raw.messages.length > 0, 'connection_ack');
  return raw;
}

describe('B60: a WebSocket that is not authenticated', () => {
  test('is closed with 1009 when it sends more than 16 KiB in one message', async () => {
    const { url } = await startGuarded();
    const { socket, closed, messages } = await open(url);
    socket.send(init({ padding: kibibytes(17) }));
    expect(await closed).toBe(1009);
    expect(messages).toEqual([]);
  });

  test('is closed with 1009 when its messages together exceed 16 KiB', async () => {
    const { url } = await startGuarded();
    const { socket, closed } = await open(url);
    for (let count = 0; count < 5; count += 1)
      socket.send(JSON.stringify({ type: 'ping', payload: { x: kibibytes(4) } }));
    expect(await closed).toBe(1009);
  });

  test('is closed with 1009 when the fragments of an unfinished message exceed 16 KiB', async () => {
    const { url } = await startGuarded();
    const { socket, closed } = await open(url);
    for (let count = 0; count < 40; count += 1) socket.send(kibibytes(1), { fin: false });
    expect(await closed).toBe(1009);
  });

  test('is closed with 4408 when it sends no connection_init in the configured time', async () => {
    const { url } = await startGuarded({ traffic: { connectionInitSeconds: 0.05 } });
    const { socket, closed } = await open(url);
    socket.send('x', { fin: false });
    expect(await closed).toBe(4408);
  });

  test('may send several fragments and messages below 16 KiB', async () => {
    const { url } = await startGuarded();
    const { socket, messages } = await open(url);
    socket.send(JSON.stringify({ type: 'ping' }));
    const text = init({ padding: kibibytes(8) });
    socket.send(text.slice(0, 100), { fin: false });
    socket.send(text.slice(100), { fin: true });
    await until(() => messages.some(({ type }) => type === 'connection_ack'), 'connection_ack');
  });

  test('is refused with 503 when too many wait; one that is authenticated or closed makes room', async () => {
    const { url } = await startGuarded({ traffic: { unauthenticatedSockets: 3, connectionInitSeconds: 60 } });
    const waiting = await Promise.all([open(url), open(url), open(url)]);
    const refused = connect(url);
    const [, response] = await once(refused.socket, 'unexpected-response');
    expect([response.statusCode, response.headers['retry-after']]).toEqual([503, '1']);
    waiting[0]?.socket.send(init());
    const next = await until(() => open(url).catch(() => null));
    next.socket.terminate();
    await until(() => open(url).catch(() => null));
  });

  test('is refused with 503 when too many of its address wait', async () => {
    const { url } = await startGuarded({ traffic: { unauthenticatedSocketsPerAddress: 1, connectionInitSeconds: 60 } });
    await open(url);
    const refused = connect(url);
    const [, response] = await once(refused.socket, 'unexpected-response');
    expect(response.statusCode).toBe(503);
  });
});

describe('B60: an authenticated WebSocket', () => {
  const query = '{ viewer { principal } }';

  test('may send longer messages, also in fragments, up to the limit for bodies', async () => {
    const { url } = await startGuarded();
    const { socket, messages, closed } = await openAuthenticated(url);
    const long = subscribe('long', `${query} #${kibibytes(100)}`);
    socket.send(long.slice(0, 50_000), { fin: false });
    socket.send(long.slice(50_000), { fin: true });
    await until(() => messages.some(({ id, type }) => id === 'long' && type === 'complete'));
    socket.send(subscribe('short', query));
    await until(() => messages.some(({ id, type }) => id === 'short' && type === 'complete'));
    socket.send(subscribe('too long', kibibytes(512)));
    expect(await closed).toBe(1009);
  });

  test('gets the errors of messages that exceed a limit, by their ids, and stays open', async () => {
    const { url } = await startGuarded();
    const { socket, messages } = await openAuthenticated(url);
    const deep = `${'['.repeat(50_000)}${']'.repeat(50_000)}`;
    socket.send(`{"id":"deep","type":"subscribe","payload":{"query":"${query}","extensions":${deep}}}`);
    socket.send(subscribe('lines', `{${'\n'.repeat(50_000)}}`));
    socket.send(subscribe('lists', `{ nodes(ids: ${'['.repeat(2400)}${']'.repeat(2400)}) { id } }`));
    await until(() => messages.length === 4);
    const errors = Object.fromEntries(messages.slice(1).map(({ id, payload }) => [id, payload]));
    expect(errors).toMatchObject({
      deep: [{ extensions: { code: 'LIMIT_EXCEEDED', limit: 'bodyLevels' } }],
      lines: [{ extensions: { code: 'LIMIT_EXCEEDED', limit: 'documentLines' } }],
      lists: [{ extensions: { code: 'LIMIT_EXCEEDED', limit: 'documentDepth' } }],
    });
    socket.send(subscribe('valid', query));
    await until(() => messages.some(({ id, type }) => id === 'valid' && type === 'complete'));
  });

  test('gets RATE_LIMITED for its operation when its points are used up, also by long messages', async () => {
    const { url } = await startGuarded({ traffic: { pointsPerMinute: 40 } });
    const { socket, messages } = await openAuthenticated(url);
    for (let count = 0; count < 4; count += 1) socket.send(subscribe(`long ${count}`, `{ #${kibibytes(500)}`));
    for (let count = 0; count < 90; count += 1) socket.send(subscribe(`short ${count}`, '{ nothing }'));
    await until(() => messages.length === 95);
    const limited = messages.filter(({ payload }) => JSON.stringify(payload)?.includes('RATE_LIMITED'));
    expect(limited.some(({ id }) => id?.startsWith('long'))).toBe(true);
    expect(limited.some(({ id }) => id?.startsWith('short'))).toBe(true);
  });

  test('is closed with 4400 for a message that is not for servers or not JSON, whatever it contains', async () => {
    const { url } = await startGuarded();
    for (const message of ['{', 'ä'.repeat(500), '{"type":"next","id":"1","payload":{}}', '7', '{"type":"nothing"}']) {
      const { socket, closed } = await openAuthenticated(url);
      socket.send(message);
      expect([message, await closed]).toEqual([message, 4400]);
    }
  });
});
