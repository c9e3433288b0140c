import type { Clock } from '../clock.ts';
import { MODEL_ATTEMPTS, MODEL_RETRY_AFTER_SECONDS } from '../config/limits.ts';
import { type Model, ModelError, type ModelSink } from './model.ts';

export interface RetryOptions {
  clock: Clock;
  /** 0 ≤ value < 1. */
  random: () => number;
  /** The first one included. */
  attempts?: number;
  /** The wait before the second attempt is up to this; it doubles with each further one. */
  baseMilliseconds?: number;
  longestMilliseconds?: number;
  /** A provider that asks for a longer wait is taken at its word: the call fails at once. */
  longestRetryAfterSeconds?: number;
}

/**
 * Asks again where a failure is retryable and nothing was given to the sink yet: what a reader has seen is never said
 * twice. Waits are exponential with full jitter; a `Retry-After` is the least that is waited.
 */
export function withRetry(model: Model, options: RetryOptions): Model {
  const { clock, random, attempts = MODEL_ATTEMPTS, baseMilliseconds = 500, longestMilliseconds = 8000 } = options;
  const longestRetryAfter = options.longestRetryAfterSeconds ?? MODEL_RETRY_AFTER_SECONDS;

  function waitBefore(attempt: number, failure: ModelError): number {
    const bound = Math.min(longestMilliseconds, baseMilliseconds * 2 ** (attempt - 2));
    return Math.round((failure.retryAfterSeconds ?? 0) * 1000 + random() * bound);
  }

  return {
    async stream(request, sink, signal) {
      const watched = watch(sink);
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await model.stream(request, watched.sink, signal);
        } catch (error) {
          signal.throwIfAborted();
          if (!(error instanceof ModelError) || !error.retryable || watched.hasGiven()) throw error;
          if (attempt >= attempts || (error.retryAfterSeconds ?? 0) > longestRetryAfter) throw error;
          await pause(clock, waitBefore(attempt + 1, error), signal);
        }
      }
    },
  };
}

async function pause(clock: Clock, milliseconds: number, signal: AbortSignal): Promise<void> {
  try {
    await clock.sleep(milliseconds, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

/** A sink that knows whether it was given anything. */
function watch(sink: ModelSink): { sink: ModelSink; hasGiven(): boolean } {
  let hasGiven = false;
  return {
    hasGiven: () => hasGiven,
    sink: {
      text(piece) {
        hasGiven = true;
        sink.text(piece);
      },
      thought(piece) {
        hasGiven = true;
        sink.thought(piece);
      },
    },
  };
}
