import { expect, test } from 'vitest';
import { StoreError } from '../../../src/database/store-error.ts';
import { append, delta, newRunId, textsOf } from '../../contract/appends.ts';
import { createLiveTapes, next } from './live-tapes.ts';

const outage = new StoreError('unavailable', 'connection refused');

/** Tapes whose journal can be made to fail. */
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
    failWith(error: Error | null) {
      failure = error;
    },
  };
}

test('B52: a follower that was served before outlasts an outage of the store, and gets exactly the rest', async () => {
  const { clock, write, follow, failWith, setMode } = createFailingTapes();
  const runId = newRunId();
  await write(runId, delta('1'));
  const reader = follow(runId);
  expect(textsOf((await next(reader)).events)).toEqual(['1']);
  failWith(outage);
  setMode('heads');
  await write(runId, delta('2'));
  const rest = next(reader);
  await clock.advance(20_000);
  failWith(null);
  await write(runId, delta('3'));
  expect(textsOf((await rest).events)).toEqual(['2', '3']);
  await reader.return?.();
  expect(clock.pending()).toBe(0);
});

test.each([
  ['that cannot be reached', outage],
  ['that lost the connection while it stored a charge', new StoreError('unknown', 'no answer')],
])('after an outage of a store %s, without any notification, the poll finds the events', async (_store, failure) => {
  const { clock, write, follow, failWith, setMode } = createFailingTapes();
  const runId = newRunId();
  await write(runId, delta('1'));
  const reader = follow(runId);
  await next(reader);
  failWith(failure);
  setMode('lost');
  await write(runId, delta('2'));
  const rest = next(reader);
  await clock.advance(20_000);
  failWith(null);
  await clock.advance(10_000);
  expect(textsOf((await rest).events)).toEqual(['2']);
});

test('a follower that starts during an outage is rejected', async () => {
  const { journal, follow, failWith } = createFailingTapes();
  const runId = newRunId();
  await append(journal, runId, 0, delta('1'));
  failWith(outage);
  await expect(next(follow(runId))).rejects.toBe(outage);
});

test('any other failure ends the stream', async () => {
  const { write, follow, failWith, setMode } = createFailingTapes();
  const runId = newRunId();
  await write(runId, delta('1'));
  const reader = follow(runId);
  await next(reader);
  const fault = new Error('not readable');
  failWith(fault);
  setMode('heads');
  await write(runId, delta('2'));
  await expect(next(reader)).rejects.toBe(fault);
});
