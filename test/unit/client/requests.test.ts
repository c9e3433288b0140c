import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createRequests } from '../../../client/src/connection/requests.ts';
import { timing } from '../../../client/src/connection/timing.ts';
import type { Document } from '../../../client/src/document.ts';

const query = '{ __typename }' as Document<{ __typename: string }, object>;

/** Requests to a gateway that cannot be reached until `back` is called. */
function setUp() {
  let isAway = true;
  const requests = createRequests({
    url: 'http://gateway/graphql',
    token: async () => null,
    timing: { ...timing, backOff: () => 30_000 },
    fetch: async () => {
      if (isAway) throw new TypeError('fetch failed');
      return Response.json({ data: { __typename: 'Query' } });
    },
  });
  const back = () => {
    isAway = false;
    requests.wake();
  };
  return { requests, back };
}

const HOUR = 3_600_000;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('what is kept up to date is asked for until there is an answer, however long that takes', async () => {
  const { requests, back } = setUp();
  const answer = requests.read(query, {});
  await vi.advanceTimersByTimeAsync(HOUR);
  back();
  await expect(answer).resolves.toEqual({ __typename: 'Query' });
  expect(vi.getTimerCount()).toBe(0);
});

test('what somebody waits for is given up after some minutes', async () => {
  const { requests, back } = setUp();
  const failure = expect(requests.repeat(query, {})).rejects.toMatchObject({ code: 'OFFLINE', retryable: true });
  await vi.advanceTimersByTimeAsync(timing.repeat + 60_000);
  back();
  await failure;
  expect(vi.getTimerCount()).toBe(0);
});

test('no request is repeated after its signal has aborted, or the client was closed', async () => {
  const { requests } = setUp();
  const leaving = new AbortController();
  const left = expect(requests.read(query, {}, leaving.signal)).rejects.toThrow('left');
  const closed = expect(requests.read(query, {})).rejects.toMatchObject({ code: 'CLOSED' });
  await vi.advanceTimersByTimeAsync(HOUR);
  leaving.abort(new Error('left'));
  await left;
  requests.close();
  await closed;
  expect(vi.getTimerCount()).toBe(0);
});
