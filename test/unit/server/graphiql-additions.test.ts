import { runInThisContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { addToGraphiql, LIST_RESULTS_SCRIPT } from '../../../src/server/transport/graphiql-additions.ts';

type Fetcher = (...args: unknown[]) => unknown;
type List = AsyncIterableIterator<{ received: number; newestFirst: unknown[] }>;

runInThisContext(LIST_RESULTS_SCRIPT);
const { listResults } = globalThis as never as { listResults(fetcher: Fetcher): Fetcher };

const listOf = async (results: AsyncIterable<unknown>) => (await listResults(() => results)()) as List;

async function* resultsOf(...results: unknown[]) {
  yield* results;
}

describe('the results of a subscription', () => {
  test('are listed, newest first, with their number', async () => {
    const list = await listOf(
      resultsOf({ data: { n: 1 } }, { data: { n: 2 } }, { data: null, errors: [{ message: 'no' }] }),
    );
    const seen = [];
    for await (const value of list) seen.push(structuredClone(value));
    expect(seen.at(-1)).toEqual({
      received: 3,
      newestFirst: [{ data: null, errors: [{ message: 'no' }] }, { n: 2 }, { n: 1 }],
    });
  });

  test('are at most the 200 newest', async () => {
    const list = await listOf(resultsOf(...Array.from({ length: 300 }, (_, n) => ({ data: n }))));
    let last: unknown;
    for await (const value of list) last = value;
    expect(last).toMatchObject({ received: 300, newestFirst: { length: 200, 0: 299 } });
  });

  test('end at once when nobody reads them any more, although the next one never comes', async () => {
    let hasReturned = false;
    const idle = {
      next: () => new Promise<never>(() => undefined),
      async return() {
        hasReturned = true;
        return { done: true as const, value: undefined };
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
    const list = await listOf(idle);
    const pending = list.next();
    await list.return?.();
    expect([(await pending).done, hasReturned]).toEqual([true, true]);
  });

  test('that break off end with the error, after what came', async () => {
    async function* broken() {
      yield { data: 1 };
      throw new Error('cut');
    }
    const list = await listOf(broken());
    expect((await list.next()).value).toMatchObject({ newestFirst: [1] });
    await expect(list.next()).rejects.toThrow('cut');
  });
});

test('other results stay as they are, and a fetcher is wrapped once', async () => {
  const fetcher = async () => ({ data: 1 });
  expect(await listResults(fetcher)()).toEqual({ data: 1 });
  expect(listResults(fetcher)).toBe(listResults(fetcher));
});

test('a page that does not have the expected text is refused', () => {
  const page = 'X={title:"History",icon:1};plugins:[r],...h,fetcher:s,</style><div id="root"></div>';
  expect(addToGraphiql(page)).toContain('plugins:[r,X],...h,fetcher:globalThis.listResults(s),');
  expect(() => addToGraphiql(page.replace('History', 'Past'))).toThrow('GraphiQL has no history plugin.');
  expect(() => addToGraphiql(page.replace('...h', '...k'))).toThrow(
    'GraphiQL does not have the text "...h,fetcher:s," once.',
  );
  expect(() => addToGraphiql(`${page}plugins:[r],`)).toThrow('once');
});
