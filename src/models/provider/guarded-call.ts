import type { Clock } from '../../clock.ts';
import { MODEL_FIRST_BYTE_SECONDS, MODEL_IDLE_SECONDS } from '../../config/limits.ts';
import { ModelError } from '../model.ts';

/** How long a provider may send nothing. The defaults are in `config/limits.ts`. */
export interface CallTimeouts {
  clock: Clock;
  firstByteMilliseconds?: number;
  idleMilliseconds?: number;
}

/** A call in progress. */
export interface GuardedCall {
  /** Aborts when the caller aborts, when a timeout expires, and when the call fails. */
  signal: AbortSignal;
  /** Reports that the provider sent something: from now on the idle timeout applies. */
  received(): void;
}

/**
 * Runs one call of a provider. However the call ends, its signal stops what is still open, and the first reason to end
 * it is the one reported. Rejects with the caller's reason if the caller aborts, otherwise with what `failureOf` returns.
 */
export async function guardCall<Result>(
  options: CallTimeouts & { signal: AbortSignal; failureOf: (error: unknown) => unknown },
  work: (call: GuardedCall) => Promise<Result>,
): Promise<Result> {
  const { signal } = options;
  signal.throwIfAborted();
  const teardown = new AbortController();
  const abort = () => teardown.abort(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  const timeout = startIdleTimeout({
    clock: options.clock,
    firstByteMilliseconds: options.firstByteMilliseconds ?? MODEL_FIRST_BYTE_SECONDS * 1000,
    idleMilliseconds: options.idleMilliseconds ?? MODEL_IDLE_SECONDS * 1000,
    onExpiry: (milliseconds) => teardown.abort(timeoutError(milliseconds)),
  });
  try {
    return await work({ signal: teardown.signal, received: timeout.received });
  } catch (error) {
    teardown.abort(error);
    signal.throwIfAborted();
    throw options.failureOf(teardown.signal.reason);
  } finally {
    timeout.stop();
    signal.removeEventListener('abort', abort);
  }
}

/** Rejects as soon as the signal aborts, for work that does not listen to the signal all the time. */
export function untilAborted<Value>(work: PromiseLike<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    work.then(resolve, reject);
  });
}

function timeoutError(milliseconds: number): ModelError {
  const message = `The model provider sent nothing for ${milliseconds / 1000} seconds.`;
  return new ModelError('MODEL_UNAVAILABLE', message, { retryable: true });
}

/** Calls back once if nothing arrives for too long. Uses one timer, however many chunks arrive. */
function startIdleTimeout(options: {
  clock: Clock;
  firstByteMilliseconds: number;
  idleMilliseconds: number;
  onExpiry: (milliseconds: number) => void;
}): { received(): void; stop(): void } {
  const { clock, onExpiry } = options;
  let lastReceived = clock.elapsed();
  let timeout = options.firstByteMilliseconds;
  let cancel = clock.after(timeout, check);

  function check(): void {
    const remaining = lastReceived + timeout - clock.elapsed();
    // Timers may fire a moment early, and a timer of less than a millisecond would spin.
    if (remaining < 1) onExpiry(timeout);
    else cancel = clock.after(remaining, check);
  }

  return {
    // Called for every chunk, so it usually only notes the time.
    received() {
      lastReceived = clock.elapsed();
      if (timeout === options.idleMilliseconds) return;
      timeout = options.idleMilliseconds;
      cancel();
      cancel = clock.after(timeout, check);
    },
    stop: () => cancel(),
  };
}
