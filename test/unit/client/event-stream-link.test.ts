import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { eventStreamLink } from '../../../client/src/connection/event-stream-link.ts';
import { answerOf, type graphqlRequest } from '../../../client/src/connection/graphql-request.ts';
import { timing } from '../../../client/src/connection/timing.ts';
import { offline, type RuntapeError } from '../../../client/src/runtape-error.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Opens a link and starts an operation, which `respond` answers. */
async function follow(respond: (signal: AbortSignal) => Promise<Response>) {
  const losses: RuntapeError[] = [];
  const ends: (RuntapeError | null)[] = [];
  const post = async (...[query, , , , aborted]: Parameters<typeof graphqlRequest>) =>
    query.includes('__typename') ? Response.json({ data: {} }) : respond(aborted);
  const options = { post, timing, answerOf, offline };
  const { signal } = new AbortController();
  const link = await eventStreamLink(options)({ token: null, signal, onLost: (error) => losses.push(error) });
  link.start('subscription { a }', {}, { next() {}, end: (error) => ends.push(error) });
  return { losses, ends };
}

test('B76: a stream whose answer never begins is taken for dead, and its request is given up', async () => {
  let isGivenUp = false;
  const { losses, ends } = await follow((signal) => {
    signal.addEventListener('abort', () => {
      isGivenUp = true;
    });
    return new Promise(() => {});
  });
  await vi.advanceTimersByTimeAsync(timing.silentStream - 1);
  expect(losses).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(losses).toMatchObject([{ code: 'OFFLINE', message: expect.stringContaining('fell silent') }]);
  expect([isGivenUp, ends]).toEqual([true, []]);
});

test('a refusal whose text never ends is taken for dead', async () => {
  const { losses } = await follow(async () => new Response(new ReadableStream()));
  await vi.advanceTimersByTimeAsync(timing.silentStream);
  expect(losses).toMatchObject([{ code: 'OFFLINE' }]);
});

test('a page of a proxy in place of a stream says what came', async () => {
  const page = (status: number) => async () => new Response('<html>', { status });
  const unavailable = await follow(page(502));
  await vi.advanceTimersByTimeAsync(0);
  expect(unavailable.losses).toMatchObject([{ code: 'OFFLINE', message: expect.stringContaining('502') }]);
  const wrong = await follow(page(200));
  await vi.advanceTimersByTimeAsync(0);
  expect(wrong.losses).toEqual([]);
  expect(wrong.ends).toMatchObject([{ code: 'PROTOCOL', message: expect.stringContaining('<html>') }]);
});
