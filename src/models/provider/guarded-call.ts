import type { Clock } from '../../clock.ts';
import { MODEL_FIRST_BYTE_SECONDS, MODEL_IDLE_SECONDS } from '../../config/limits.ts';
import { ModelError } from '../model.ts';
import { startIdleTimeout } from '../call/idle-timeout.ts';

/** How long a provider may be silent. The defaults are those of `config/limits.ts`. */
export interface Waits {
  clock: Clock;
  firstByteMilliseconds?: number;
  idleMilliseconds?: number;
}

/** One call under way. */
export interface Call {
  /** Aborts when the caller gives up, when the provider is silent for too long, and when the call fails. */
  signal: AbortSignal;
  /** The provider said something: from now on only the shorter silence is allowed. */
  heard(): void;
}

/**
 * Runs one call of a provider. However it ends, nothing of it stays open: its signal aborts, and the first reason to end
 * it is the one that counts. Rejects with the caller's reason where the caller aborts.
 * @param options.failureOf makes a failure of whatever else ended the call
 */
export async function guardCall<Result>(
  options: Waits & { signal: AbortSignal; failureOf: (error: unknown) => unknown },
  work: (call: Call) => Promise<Result>,
): Promise<Result> {
  const { signal } = options;
  signal.throwIfAborted();
  const teardown = new AbortController();
  const abort = () => teardown.abort(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  const patience = startIdleTimeout({
    clock: options.clock,
    firstByteMilliseconds: options.firstByteMilliseconds ?? MODEL_FIRST_BYTE_SECONDS * 1000,
    idleMilliseconds: options.idleMilliseconds ?? MODEL_IDLE_SECONDS * 1000,
    onExpiry: (waited) => teardown.abort(silence(waited)),
  });
  try {
    return await work({ signal: teardown.signal, heard: patience.heard });
  } catch (error) {
    teardown.abort(error);
    signal.throwIfAborted();
    throw options.failureOf(teardown.signal.reason);
  } finally {
    patience.end();
    signal.removeEventListener('abort', abort);
  }
}

/** What is being made does not always listen to its signal; whoever waits for it need not wait on. */
export function untilAborted<Value>(work: PromiseLike<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    work.then(resolve, reject);
  });
}

function silence(waitedMilliseconds: number): ModelError {
  const message = `The model provider was silent for ${waitedMilliseconds / 1000} seconds.`;
  return new ModelError('MODEL_UNAVAILABLE', message, { retryable: true });
}
