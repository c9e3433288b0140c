import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Result } from '../../../client/src/connection/link.ts';
import { type SocketLike, socketLink } from '../../../client/src/connection/socket-link.ts';
import { timing } from '../../../client/src/connection/timing.ts';
import type { RuntapeError } from '../../../client/src/runtape-error.ts';

class FakeSocket implements SocketLike {
  static last: FakeSocket;
  readyState = 0;
  sent: { type: string; id?: string; payload?: unknown }[] = [];
  closedWith: number | undefined;
  onopen: SocketLike['onopen'] = null;
  onmessage: SocketLike['onmessage'] = null;
  onerror: SocketLike['onerror'] = null;
  onclose: SocketLike['onclose'] = null;

  readonly url: string;
  readonly protocol: string;

  constructor(url: string, protocol: string) {
    this.url = url;
    this.protocol = protocol;
    FakeSocket.last = this;
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }

  close(code?: number): void {
    this.closedWith = code;
    this.readyState = 3;
  }

  open(): void {
    this.readyState = 1;
    this.onopen?.({} as never);
  }

  receive(message: object | string): void {
    this.onmessage?.({ data: typeof message === 'string' ? message : JSON.stringify(message) });
  }
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

async function openLink(token: string | null = 'secret') {
  const losses: RuntapeError[] = [];
  const { signal } = new AbortController();
  const onLost = (error: RuntapeError) => losses.push(error);
  const opened = socketLink('ws://gateway', FakeSocket, timing)({ token, signal, onLost });
  const socket = FakeSocket.last;
  socket.open();
  socket.receive({ type: 'connection_ack' });
  return { link: await opened, socket, losses };
}

test('speaks graphql-transport-ws', async () => {
  const { link, socket } = await openLink();
  const results: Result[] = [];
  const ends: unknown[] = [];
  const sink = { next: (result: Result) => void results.push(result), end: (error: unknown) => void ends.push(error) };
  const stop = link.start('{ a }', { after: 'c1' }, sink);
  link.start('{ b }', {}, sink);
  link.start('{ c }', {}, sink);
  socket.receive({ id: '1', type: 'next', payload: { data: 1 } });
  stop();
  socket.receive({ id: '1', type: 'next', payload: { data: 2 } });
  socket.receive({ id: '2', type: 'complete' });
  socket.receive({ id: '3', type: 'error', payload: [{ message: 'No', extensions: { code: 'NOT_FOUND' } }] });
  socket.receive({ type: 'ping' });
  expect(socket.protocol).toBe('graphql-transport-ws');
  expect(socket.sent.map(({ type, id }) => [type, id])).toEqual([
    ['connection_init', undefined],
    ['subscribe', '1'],
    ['subscribe', '2'],
    ['subscribe', '3'],
    ['complete', '1'],
    ['pong', undefined],
  ]);
  expect(socket.sent[0]?.payload).toEqual({ authorization: 'Bearer secret' });
  expect(results).toEqual([{ data: 1 }]);
  expect(ends).toMatchObject([null, { code: 'NOT_FOUND' }]);
});

test('a silent server is asked for a sign of life, and is lost without one', async () => {
  const { socket, losses } = await openLink();
  await vi.advanceTimersByTimeAsync(timing.quiet);
  expect(socket.sent.at(-1)).toEqual({ type: 'ping' });
  socket.receive({ type: 'pong' });
  await vi.advanceTimersByTimeAsync(timing.quiet + timing.pong - 1);
  expect(losses).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(losses).toMatchObject([{ code: 'OFFLINE', retryable: true }]);
  expect(vi.getTimerCount()).toBe(0);
});

test.each(['does not open in time', 'is not needed any more'])('a socket that %s is given up', async (why) => {
  const opening = new AbortController();
  const options = { token: null, signal: opening.signal, onLost() {} };
  const opened = socketLink('ws://gateway', FakeSocket, timing)(options);
  const outcome = expect(opened).rejects.toMatchObject({ code: 'OFFLINE' });
  if (why === 'does not open in time') await vi.advanceTimersByTimeAsync(timing.open);
  else opening.abort();
  await outcome;
  expect(FakeSocket.last.closedWith).toBe(1000);
  expect(vi.getTimerCount()).toBe(0);
});

test.each([
  [4403, 'UNAUTHENTICATED'],
  [1001, 'OFFLINE'],
  [1006, 'OFFLINE'],
])('a socket that is closed with %i is lost with %s', async (closedWith, code) => {
  const { socket, losses } = await openLink();
  socket.onclose?.({ code: closedWith, reason: '' });
  expect(losses).toMatchObject([{ code }]);
  expect(vi.getTimerCount()).toBe(0);
});

test('a message that is not JSON ends the link', async () => {
  const { socket, losses } = await openLink();
  socket.receive('<html>');
  expect(losses).toMatchObject([{ code: 'PROTOCOL' }]);
});

test('a link that is closed is not lost', async () => {
  const { link, socket, losses } = await openLink(null);
  expect(socket.sent[0]).toEqual({ type: 'connection_init', payload: {} });
  link.close();
  socket.onclose?.({ code: 1000, reason: '' });
  expect(losses).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
});
