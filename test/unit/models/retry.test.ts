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

/** Runs a model that makes these attempts, one after the other, under a clock whose sleeps are counted. */
function run(attempts: Attempt[], options: Partial<RetryOptions> = {}, signal = new AbortController().signal) {
  const slept: number[] = [];
  const pieces: string[] = [];
  let made = 0;
  const clock: Clock = {
    now: () => 0,
    elapsed: () => 0,
    after: () => () => {},
    async sleep(milliseconds) {
      slept.push(milliseconds);
    },
  };
  const model: Model = {
    async stream(_request, sink) {
      const attempt = attempts[made];
      made += 1;
      if (!attempt) throw new Error('one attempt too many');
      return attempt(sink);
    },
  };
  const retrying = withRetry(model, { clock, random: () => 0.5, ...options });
  const sink = { text: (piece: string) => pieces.push(piece), thought: (piece: string) => pieces.push(piece) };
  return { finish: retrying.stream(request, sink, signal), slept, pieces, made: () => made };
}

const succeed: Attempt = (sink) => {
  sink.text('hello');
  return finished;
};

describe('withRetry', () => {
  it('asks again with a growing wait, up to the number of attempts', async () => {
    const { finish, slept, pieces } = run([fail(busy()), fail(busy()), fail(busy()), succeed], { attempts: 4 });
    expect(await finish).toBe(finished);
    expect(slept).toEqual([250, 500, 1000]);
    expect(pieces).toEqual(['hello']);
    const tired = run([fail(busy()), fail(busy()), succeed], { attempts: 2 });
    await expect(tired.finish).rejects.toMatchObject({ message: 'busy' });
    expect(tired.made()).toBe(2);
  });

  it('keeps the wait under its bound', async () => {
    const { finish, slept } = run([fail(busy()), fail(busy()), succeed], { longestMilliseconds: 600 });
    await finish;
    expect(slept).toEqual([250, 300]);
  });

  it('waits at least as long as the provider asks, and not at all where that is too long', async () => {
    const patient = run([fail(busy(3)), succeed]);
    await patient.finish;
    expect(patient.slept).toEqual([3250]);
    const hopeless = run([fail(busy(3600)), succeed]);
    await expect(hopeless.finish).rejects.toMatchObject({ retryAfterSeconds: 3600 });
    expect(hopeless.slept).toEqual([]);
  });

  it.each([
    ['a final failure', new ModelError('MODEL_AUTH', 'no', { retryable: false })],
    ['a mistake', new TypeError('oops')],
  ])('does not repeat %s', async (_name, error) => {
    const { finish, made } = run([fail(error), succeed]);
    await expect(finish).rejects.toBe(error);
    expect(made()).toBe(1);
  });

  it.each(['text', 'thought'] as const)('does not repeat a call of which a %s was seen', async (kind) => {
    const { finish, made, pieces } = run([
      (sink) => {
        sink[kind]('so far');
        throw busy();
      },
      succeed,
    ]);
    await expect(finish).rejects.toMatchObject({ message: 'busy' });
    expect([made(), pieces]).toEqual([1, ['so far']]);
  });

  it('stops with the reason of the signal', async () => {
    const abort = new AbortController();
    const { finish, made } = run(
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
    expect(made()).toBe(1);
  });

  it('stops in the middle of a wait', async () => {
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
