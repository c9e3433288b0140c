import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createConnection, type Operation } from '../../../client/src/connection/connection.ts';
import type { Link, OpenLink, Sink } from '../../../client/src/connection/link.ts';
import { backOff, timing } from '../../../client/src/connection/timing.ts';
import { offline, RuntapeError } from '../../../client/src/runtape-error.ts';

const lost = offline(new Error('cut'));
const expired = new RuntapeError('UNAUTHENTICATED', 'The token has expired.');

/** Links that the test opens, refuses and breaks. */
function fakeLinks(outcome: () => 'opens' | RuntapeError = () => 'opens') {
  const opened: {
    token: string | null;
    sinks: Map<Sink, object>;
    lose(error: RuntapeError): void;
    closed: boolean;
    checks: number;
  }[] = [];
  const open: OpenLink = async ({ token, onLost }) => {
    const now = outcome();
    if (now !== 'opens') throw now;
    const entry = { token, sinks: new Map<Sink, object>(), lose: onLost, closed: false, checks: 0 };
    opened.push(entry);
    const link: Link = {
      check: () => void entry.checks++,
      start(_query, variables, sink) {
        entry.sinks.set(sink, variables);
        return () => void entry.sinks.delete(sink);
      },
      close: () => {
        entry.closed = true;
      },
    };
    return link;
  };
  return { open, opened };
}

function setUp({ open }: { open: OpenLink }, more: OpenLink[] = []) {
  let tokens = 0;
  const connection = createConnection({
    links: [open, ...more],
    timing: { ...timing, backOff: (attempt) => attempt * 1000 },
    token: async () => `token ${++tokens}`,
  });
  const ends: (RuntapeError | null)[] = [];
  let cursor = 0;
  const operation: Operation = {
    query: '',
    variables: () => ({ after: cursor }),
    next: () => void cursor++,
    end: (error) => void ends.push(error),
  };
  return { connection, operation, ends };
}

const variablesOn = ({ sinks }: { sinks: Map<Sink, object> }) => [...sinks.values()];
const deliver = ({ sinks }: { sinks: Map<Sink, object> }) => {
  for (const sink of sinks.keys()) sink.next({ data: {} });
};

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('a connection', () => {
  test('opens with the first operation, is shared, and closes after the last one', async () => {
    const links = fakeLinks();
    const { connection, operation } = setUp(links);
    expect(links.opened).toHaveLength(0);
    const running = [connection.start(operation), connection.start({ ...operation })];
    await vi.advanceTimersByTimeAsync(0);
    expect(links.opened).toHaveLength(1);
    expect(links.opened[0]?.sinks.size).toBe(2);
    for (const stop of running) stop();
    expect(links.opened[0]?.closed).toBe(false);
    await vi.advanceTimersByTimeAsync(timing.idle);
    expect(links.opened[0]?.closed).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('that is given up while it opens is opened again for the next operation', async () => {
    const links = fakeLinks();
    const reasons: unknown[] = [];
    const hanging: OpenLink = ({ signal }) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(reasons.push(signal.reason))));
    let isHanging = true;
    const { connection, operation, ends } = setUp({
      open: (options) => (isHanging ? hanging(options) : links.open(options)),
    });
    connection.start(operation)();
    await vi.advanceTimersByTimeAsync(timing.idle);
    expect(reasons).toHaveLength(1);
    isHanging = false;
    connection.start(operation);
    await vi.advanceTimersByTimeAsync(0);
    expect(connection.state.get()).toEqual({ state: 'open' });
    expect(links.opened).toHaveLength(1);
    expect(ends).toEqual([]);
    connection.close();
  });

  test('continues every operation at its cursor after it was lost, with growing delays', async () => {
    let outcome: 'opens' | RuntapeError = 'opens';
    const links = fakeLinks(() => outcome);
    const { connection, operation } = setUp(links);
    connection.start(operation);
    await vi.advanceTimersByTimeAsync(0);
    deliver(links.opened[0] as never);
    outcome = lost;
    links.opened[0]?.lose(lost);
    expect(connection.state.get()).toMatchObject({ state: 'offline', nextAttemptAt: new Date(Date.now() + 1000) });
    await vi.advanceTimersByTimeAsync(1000);
    expect(connection.state.get()).toMatchObject({ state: 'offline', nextAttemptAt: new Date(Date.now() + 2000) });
    outcome = 'opens';
    await vi.advanceTimersByTimeAsync(2000);
    expect(connection.state.get()).toEqual({ state: 'open' });
    expect(variablesOn(links.opened[1] as never)).toEqual([{ after: 1 }]);
    connection.close();
  });

  test('waits longer each time if links open and break before anything arrives', async () => {
    const links = fakeLinks();
    const { connection, operation } = setUp(links);
    connection.start(operation);
    const delays: number[] = [];
    for (let count = 1; count <= 4; count += 1) {
      await vi.advanceTimersByTimeAsync(10_000);
      links.opened.at(-1)?.lose(lost);
      const { nextAttemptAt } = connection.state.get() as { nextAttemptAt: Date };
      delays.push(nextAttemptAt.getTime() - Date.now());
    }
    expect(delays).toEqual([1000, 2000, 3000, 4000]);
    connection.close();
  });

  test('B79: replaces an expired token at once', async () => {
    const links = fakeLinks();
    const { connection, operation, ends } = setUp(links);
    connection.start(operation);
    await vi.advanceTimersByTimeAsync(0);
    deliver(links.opened[0] as never);
    links.opened[0]?.lose(expired);
    await vi.advanceTimersByTimeAsync(0);
    expect(links.opened.map(({ token }) => token)).toEqual(['token 1', 'token 2']);
    expect(variablesOn(links.opened[1] as never)).toEqual([{ after: 1 }]);
    expect(ends).toEqual([]);
    connection.close();
  });

  test('gives up after three refused tokens', async () => {
    const links = fakeLinks(() => expired);
    const { connection, operation, ends } = setUp(links);
    connection.start(operation);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(ends).toEqual([expired]);
    expect(connection.state.get()).toMatchObject({ state: 'offline', nextAttemptAt: null });
  });

  test('B80: uses the second kind of link if the first cannot be opened, and the first again once it worked', async () => {
    let socket: 'opens' | RuntapeError = lost;
    const sockets = fakeLinks(() => socket);
    const streams = fakeLinks();
    const { connection, operation } = setUp(sockets, [streams.open]);
    connection.start(operation);
    await vi.advanceTimersByTimeAsync(0);
    expect([sockets.opened.length, streams.opened.length]).toEqual([0, 1]);
    streams.opened[0]?.lose(lost);
    await vi.advanceTimersByTimeAsync(1000);
    expect([sockets.opened.length, streams.opened.length]).toEqual([0, 2]);
    socket = 'opens';
    connection.close();
    const other = setUp(sockets, [streams.open]);
    other.connection.start(other.operation);
    await vi.advanceTimersByTimeAsync(0);
    expect([sockets.opened.length, streams.opened.length]).toEqual([1, 2]);
    other.connection.close();
  });

  test('B80: tries the first kind of link again after a while, and moves every operation to it at its cursor', async () => {
    let socket: 'opens' | RuntapeError = lost;
    let attempts = 0;
    const sockets = fakeLinks(() => {
      attempts += 1;
      return socket;
    });
    const streams = fakeLinks();
    const { connection, operation, ends } = setUp(sockets, [streams.open]);
    const running = connection.start(operation);
    await vi.advanceTimersByTimeAsync(0);
    deliver(streams.opened[0] as never);
    await vi.advanceTimersByTimeAsync(timing.upgrade);
    expect([attempts, streams.opened.length]).toEqual([2, 1]);
    expect([streams.opened[0]?.closed, connection.state.get().state]).toEqual([false, 'open']);
    socket = 'opens';
    deliver(streams.opened[0] as never);
    await vi.advanceTimersByTimeAsync(timing.upgrade);
    expect(streams.opened[0]?.closed).toBe(true);
    expect(variablesOn(sockets.opened[0] as never)).toEqual([{ after: 2 }]);
    expect([connection.state.get().state, ends]).toEqual(['open', []]);
    // It stays with the first kind.
    await vi.advanceTimersByTimeAsync(3 * timing.upgrade);
    expect([sockets.opened.length, streams.opened.length, attempts]).toEqual([1, 1, 3]);
    running();
    await vi.advanceTimersByTimeAsync(timing.idle);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('B80: tries the first kind of link again at once when the network is back', async () => {
    let socket: 'opens' | RuntapeError = lost;
    const sockets = fakeLinks(() => socket);
    const streams = fakeLinks();
    const { connection, operation } = setUp(sockets, [streams.open]);
    connection.start(operation);
    await vi.advanceTimersByTimeAsync(0);
    socket = 'opens';
    connection.wake();
    await vi.advanceTimersByTimeAsync(0);
    expect([sockets.opened.length, streams.opened[0]?.closed]).toEqual([1, true]);
    connection.close();
    expect(vi.getTimerCount()).toBe(0);
  });

  test('B80: gives up trying the first kind of link when it is closed or loses the link in use', async () => {
    const signals: AbortSignal[] = [];
    let isBlocked = true;
    const streams = fakeLinks();
    const hanging: OpenLink = ({ signal }) => {
      if (isBlocked) return Promise.reject(lost);
      signals.push(signal);
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    };
    const { connection, operation } = setUp({ open: hanging }, [streams.open]);
    connection.start(operation);
    await vi.advanceTimersByTimeAsync(0);
    isBlocked = false;
    await vi.advanceTimersByTimeAsync(timing.upgrade);
    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
    streams.opened[0]?.lose(lost);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    await vi.advanceTimersByTimeAsync(1000);
    expect(streams.opened).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(timing.upgrade);
    connection.close();
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true]);
    await vi.advanceTimersByTimeAsync(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('reconnects at once, or checks its link, when the network is back', async () => {
    const links = fakeLinks();
    const { connection, operation } = setUp(links);
    connection.start(operation);
    await vi.advanceTimersByTimeAsync(0);
    connection.wake();
    expect(links.opened[0]?.checks).toBe(1);
    links.opened[0]?.lose(lost);
    connection.wake();
    await vi.advanceTimersByTimeAsync(0);
    expect(links.opened).toHaveLength(2);
    connection.close();
  });

  test('ends the operation that the server refuses, and no other', async () => {
    const links = fakeLinks();
    const { connection, operation, ends } = setUp(links);
    connection.start(operation);
    connection.start({ ...operation, end: () => ends.push(null) });
    await vi.advanceTimersByTimeAsync(0);
    const [first] = links.opened[0]?.sinks.keys() ?? [];
    const refused = new RuntapeError('NOT_FOUND', 'No such run.');
    first?.end(refused);
    expect(ends).toEqual([refused]);
    expect(links.opened[0]?.closed).toBe(false);
    connection.close();
  });

  test('waits longer each time if one operation fails again, whatever the others receive', async () => {
    const links = fakeLinks();
    const { connection, operation } = setUp(links);
    connection.start(operation);
    connection.start({ ...operation });
    const delays: number[] = [];
    for (let count = 1; count <= 4; count += 1) {
      await vi.advanceTimersByTimeAsync(10_000);
      const [works, fails] = [...(links.opened.at(-1)?.sinks.keys() ?? [])];
      works?.next({ data: {} });
      fails?.end(new RuntapeError('UNAVAILABLE', 'Try again later.', { retryable: true }));
      const { nextAttemptAt } = connection.state.get() as { nextAttemptAt: Date };
      delays.push(nextAttemptAt.getTime() - Date.now());
    }
    expect(delays).toEqual([1000, 2000, 3000, 4000]);
    await vi.advanceTimersByTimeAsync(10_000);
    deliver(links.opened.at(-1) as never);
    links.opened.at(-1)?.lose(lost);
    expect(connection.state.get()).toMatchObject({ nextAttemptAt: new Date(Date.now() + 1000) });
    connection.close();
  });

  test('stops an operation on the server that has ended with an error in a result', async () => {
    const links = fakeLinks();
    const { connection, operation, ends } = setUp(links);
    connection.start(operation);
    await vi.advanceTimersByTimeAsync(0);
    const sinks = links.opened[0]?.sinks;
    for (const sink of sinks?.keys() ?? []) sink.next({ errors: [{ message: 'Unexpected error.' }] });
    expect([sinks?.size, ends.map((error) => error?.message)]).toEqual([0, ['Unexpected error.']]);
    connection.close();
  });

  test('waits as long as an overloaded server says', async () => {
    const links = fakeLinks();
    const { connection, operation, ends } = setUp(links);
    connection.start(operation);
    await vi.advanceTimersByTimeAsync(0);
    const [first] = links.opened[0]?.sinks.keys() ?? [];
    first?.end(new RuntapeError('RATE_LIMITED', 'Slow down.', { retryable: true, retryAfterMilliseconds: 7000 }));
    await vi.advanceTimersByTimeAsync(6999);
    expect(links.opened).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(links.opened).toHaveLength(2);
    expect(ends).toEqual([]);
    connection.close();
  });

  test('ends everything with CLOSED when it is closed, and leaves no timer', async () => {
    const links = fakeLinks();
    const { connection, operation, ends } = setUp(links);
    connection.start(operation);
    await vi.advanceTimersByTimeAsync(0);
    connection.close();
    connection.start(operation);
    await vi.advanceTimersByTimeAsync(0);
    expect(ends).toMatchObject([{ code: 'CLOSED' }, { code: 'CLOSED' }]);
    expect(vi.getTimerCount()).toBe(0);
  });
});

test('the delay of an attempt is random, grows, and has a limit', () => {
  for (const [attempt, least, most] of [
    [1, 125, 250],
    [4, 1000, 2000],
    [20, 15_000, 30_000],
  ] as const) {
    const delays = Array.from({ length: 100 }, () => backOff(attempt));
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(least);
    expect(Math.max(...delays)).toBeLessThanOrEqual(most);
    expect(new Set(delays).size).toBeGreaterThan(50);
  }
});
