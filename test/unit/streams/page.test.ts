import { describe, expect, test } from 'vitest';
import { type PageRequest, readPage } from '../../../src/streams/page.ts';
import { call, delta, newRunId, sequence } from '../../contract/appends.ts';
import { createLiveTapes } from './live-tapes.ts';

const NO_BOUND = Number.MAX_SAFE_INTEGER;

/** A tape of eight deltas and a tool call after the fourth. */
async function tapeOfNine() {
  const { journal, write } = createLiveTapes();
  const runId = newRunId();
  await write(runId, ...sequence(4).map((n) => delta(`${n}`)), call('count'), ...sequence(4).map((n) => delta(`${n}`)));
  return async (request: Partial<PageRequest>) => {
    const page = await readPage(journal, { runId, after: 0, before: NO_BOUND, size: 3, from: 'start', ...request });
    return [page.events.map(({ seq }) => seq), page.hasPreviousPage, page.hasNextPage];
  };
}

describe('B28: a page from the start of its range', () => {
  test.each<[Partial<PageRequest>, number[], boolean, boolean]>([
    [{}, [1, 2, 3], false, true],
    [{ after: 3 }, [4, 5, 6], true, true],
    [{ after: 6 }, [7, 8, 9], true, false],
    [{ after: 9 }, [], true, false],
    [{ after: 2, before: 5 }, [3, 4], true, false],
    [{ before: 4 }, [1, 2, 3], false, false],
    [{ before: 5 }, [1, 2, 3], false, true],
    [{ types: ['tool_call'] }, [5], false, false],
    [{ types: ['output_delta'], after: 3 }, [4, 6, 7], true, true],
  ])('%j', async (request, ...expected) => {
    expect(await (await tapeOfNine())(request)).toEqual(expected);
  });
});

describe('B28: a page from the end of its range', () => {
  test.each<[Partial<PageRequest>, number[], boolean, boolean]>([
    [{}, [7, 8, 9], true, false],
    [{ before: 7 }, [4, 5, 6], true, true],
    [{ before: 4 }, [1, 2, 3], false, true],
    [{ before: 1 }, [], false, true],
    [{ after: 6 }, [7, 8, 9], false, false],
    [{ after: 7 }, [8, 9], false, false],
    [{ after: 5, before: 9 }, [6, 7, 8], false, true],
    [{ types: ['tool_call'] }, [5], false, false],
    [{ types: ['output_delta'], before: 7 }, [3, 4, 6], true, true],
  ])('%j', async (request, ...expected) => {
    expect(await (await tapeOfNine())({ from: 'end', ...request })).toEqual(expected);
  });
});
