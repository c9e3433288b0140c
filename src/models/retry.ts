import type { Clock } from '../clock.ts';
import { MODEL_ATTEMPTS, MODEL_RETRY_AFTER_SECONDS } from '../config/limits.ts';
import { type Model, ModelError, type ModelSink } from './model.ts';

export interface RetryOptions {
  clock: Clock;
  /** 0 ≤ value < 1. */
  random: () => number;
  /** Including the first one. */
  attempts?: number;
  /** Upper bound of the delay before the second attempt; it doubles with each further attempt. */
  baseDelayMilliseconds?: number;
  maxDelayMilliseconds?: number;
  /** If the provider requests a longer wait, the call fails at once. */
  maxRetryAfterSeconds?: number;
}

/**
 * Repeats a call after a retryable failure, unless the sink has already received a piece: readers would see it twice.
 * Delays are exponential with full jitter, added to the provider's `Retry-After`.
 */
export function withRetry(model: Model, options: RetryOptions): Model {
  const { clock, random, attempts = MODEL_ATTEMPTS } = options;
  const { baseDelayMilliseconds = 500, maxDelayMilliseconds = 8000 } = options;
  const maxRetryAfterSeconds = options.maxRetryAfterSeconds ?? MODEL_RETRY_AFTER_SECONDS;

  function delayBefore(attempt: number, failure: ModelError): number {
    const bound = Math.min(maxDelayMilliseconds, baseDelayMilliseconds * 2 ** (attempt - 2));
    return Math.round((failure.retryAfterSeconds ?? 0) * 1000 + random() * bound);
  }

  return {
    async stream(request, sink, signal) {
      const observed = observe(sink);
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await model.stream(request, observed.sink, signal);
        } catch (error) {
          signal.throwIfAborted();
          if (!(error instanceof ModelError) || !error.retryable || observed.hasReceived()) throw error;
          if (attempt >= attempts || (error.retryAfterSeconds ?? 0) > maxRetryAfterSeconds) throw error;
          await sleep(clock, delayBefore(attempt + 1, error), signal);
        }
      }
    },
  };
}

/** Rejects with the signal's reason if it aborts, whatever the clock rejects with. */
async function sleep(clock: Clock, milliseconds: number, signal: AbortSignal): Promise<void> {
  try {
    await clock.sleep(milliseconds, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

/** A sink that knows whether it has received a piece. */
function observe(sink: ModelSink): { sink: ModelSink; hasReceived(): boolean } {
  let hasReceived = false;
  return {
    hasReceived: () => hasReceived,
    sink: {
      text(piece) {
        hasReceived = true;
        sink.text(piece);
      },
      thought(piece) {
        hasReceived = true;
        sink.thought(piece);
      },
    },
  };
}
