import { describe, expect, it } from 'vitest';
import type { Clock } from '../../../src/clock.ts';
import {
  type Model,
  ModelError,
  type ModelFinish,
  type ModelRequest,
  type ModelSink,
} from '../../../src/models/model.ts';
import { type RetryOptions, withRetry } from '../../../src/models/retry.ts';

const finished: ModelFinish = { reason: 'stop', calls: [], usage: null, responseId: null };
const request: ModelRequest = { instructions: '', messages: [], tools: [] };
const busy = (retryAfterSeconds: number | null = null) =>
  new ModelError('MODEL_UNAVAILABLE', 'busy', { retryable: true, retryAfterSeconds });

type Attempt = (sink: ModelSink) => ModelFinish;
const fail = (error: Error): Attempt => {
  return () => {
    throw error;
  };
};

/** Calls a model that makes these attempts one after the other, with a clock that records its sleeps. */
function run(attempts: Attempt[], options: Partial<RetryOptions> = {}, signal = new AbortController().signal) {
  const sleeps: number[] = [];
  const pieces: string[] = [];
  let attemptCount = 0;
  const clock: Clock = {
    now: () => 0,
    elapsed: () => 0,
    after: () => () => {},
    async sleep(milliseconds) {
      sleeps.push(milliseconds);
    },
  };
  const model: Model = {
    async stream(_request, sink) {
      const attempt = attempts[attemptCount];
      attemptCount += 1;
      if (!attempt) throw new Error('one attempt too many');
      return attempt(sink);
    },
  };
  const retrying = withRetry(model, { clock, random: () => 0.5, ...options });
  const sink = { text: (piece: string) => pieces.push(piece), thought: (piece: string) => pieces.push(piece) };
  return { finish: retrying.stream(request, sink, signal), sleeps, pieces, attemptCount: () => attemptCount };
}

const succeed: Attempt = (sink) => {
  sink.text('hello');
  return finished;
};

describe('withRetry', () => {
  it('repeats the call with growing delays, up to the number of attempts', async () => {
    const { finish, sleeps, pieces } = run([fail(busy()), fail(busy()), fail(busy()), succeed], { attempts: 4 });
    expect(await finish).toBe(finished);
    expect(sleeps).toEqual([250, 500, 1000]);
    expect(pieces).toEqual(['hello']);
    const exhausted = run([fail(busy()), fail(busy()), succeed], { attempts: 2 });
    await expect(exhausted.finish).rejects.toMatchObject({ message: 'busy' });
    expect(exhausted.attemptCount()).toBe(2);
  });

  it('bounds the delay', async () => {
    const { finish, sleeps } = run([fail(busy()), fail(busy()), succeed], { maxDelayMilliseconds: 600 });
    await finish;
    expect(sleeps).toEqual([250, 300]);
  });

  it('waits at least as long as the provider requests, and fails at once if that is too long', async () => {
    const short = run([fail(busy(3)), succeed]);
    await short.finish;
    expect(short.sleeps).toEqual([3250]);
    const longest = run([fail(busy(3)), succeed], { maxRetryAfterSeconds: 3 });
    expect(await longest.finish).toBe(finished);
    const long = run([fail(busy(3600)), succeed]);
    await expect(long.finish).rejects.toMatchObject({ retryAfterSeconds: 3600 });
    expect(long.sleeps).toEqual([]);
  });

  it.each([
    ['a failure that is not retryable', new ModelError('MODEL_AUTH', 'no', { retryable: false })],
    ['a bug', new TypeError('oops')],
  ])('does not repeat a call after %s', async (_name, error) => {
    const { finish, attemptCount } = run([fail(error), succeed]);
    await expect(finish).rejects.toBe(error);
    expect(attemptCount()).toBe(1);
  });

  it.each(['text', 'thought'] as const)('does not repeat a call after a piece of %s', async (kind) => {
    const { finish, attemptCount, pieces } = run([
      (sink) => {
        sink[kind]('so far');
        throw busy();
      },
      succeed,
    ]);
    await expect(finish).rejects.toMatchObject({ message: 'busy' });
    expect([attemptCount(), pieces]).toEqual([1, ['so far']]);
  });

  it('rejects with the reason of the signal', async () => {
    const abort = new AbortController();
    const { finish, attemptCount } = run(
      [
        () => {
          abort.abort('enough');
          throw busy();
        },
        succeed,
      ],
      {},
      abort.signal,
    );
    await expect(finish).rejects.toBe('enough');
    expect(attemptCount()).toBe(1);
  });

  it('rejects with the reason of the signal during a delay', async () => {
    const abort = new AbortController();
    const clock: Clock = {
      now: () => 0,
      elapsed: () => 0,
      after: () => () => {},
      async sleep() {
        abort.abort('enough');
        throw new Error('not the reason');
      },
    };
    await expect(run([fail(busy()), succeed], { clock }, abort.signal).finish).rejects.toBe('enough');
  });
});
