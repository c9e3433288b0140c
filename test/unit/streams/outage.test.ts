import { expect, test } from 'vitest';
import { StoreError } from '../../../src/database/store-error.ts';
import { append, delta, newRunId, textsOf } from '../../contract/appends.ts';
import { createLiveTapes, take } from './live-runs.ts';

const gone = new StoreError('unavailable', 'connection refused');

/** Tapes that can be read, and then not. */
function createFailingTapes() {
  const tapes = createLiveTapes();
  const { journal } = tapes;
  const { read } = journal;
  let failure: Error | null = null;
  journal.read = async (...range) => {
    if (failure) throw failure;
    return read(...range);
  };
  return {
    ...tapes,
    fail(error: Error | null) {
      failure = error;
    },
  };
}

test('B52: who follows when the store goes away waits until it is back, and gets exactly the rest', async () => {
  const { clock, write, follow, fail, tellBy } = createFailingTapes();
  const runId = newRunId();
  await write(runId, delta('1'));
  const following = follow(runId);
  expect(textsOf((await take(following)).events)).toEqual(['1']);
  fail(gone);
  tellBy('heads');
  await write(runId, delta('2'));
  const next = take(following);
  await clock.advance(20_000);
  fail(null);
  await write(runId, delta('3'));
  expect(textsOf((await next).events)).toEqual(['2', '3']);
  await following.return?.();
  expect(clock.pending()).toBe(0);
});

test('who comes while it is away is told so', async () => {
  const { journal, follow, fail } = createFailingTapes();
  const runId = newRunId();
  await append(journal, runId, 0, delta('1'));
  fail(gone);
  await expect(take(follow(runId))).rejects.toBe(gone);
});

test('any other failure ends the reading', async () => {
  const { write, follow, fail, tellBy } = createFailingTapes();
  const runId = newRunId();
  await write(runId, delta('1'));
  const following = follow(runId);
  await take(following);
  const fault = new Error('not readable');
  fail(fault);
  tellBy('heads');
  await write(runId, delta('2'));
  await expect(take(following)).rejects.toBe(fault);
});
