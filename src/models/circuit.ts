import type { Clock } from '../clock.ts';
import { CIRCUIT_FAILURES, CIRCUIT_PAUSE_SECONDS } from '../config/limits.ts';
import { type Model, ModelError } from './model.ts';

/** `closed` lets all calls through, `open` none, `half-open` one call that tests whether the model works again. */
export type CircuitState = 'closed' | 'open' | 'half-open';

export interface Circuit {
  state(): CircuitState;
  /** Whether a call made now would be let through. */
  admits(): boolean;
}

export interface CircuitOptions {
  clock: Clock;
  /** The model's name in the configuration. */
  name: string;
  /** Consecutive failures that open the circuit. */
  failures?: number;
  pauseMilliseconds?: number;
}

/** A circuit that never opens. */
export const alwaysClosed: Circuit = { state: () => 'closed', admits: () => true };

/**
 * Stops calling a model that keeps failing, so that runs do not wait for it and a provider in trouble gets no more load.
 *
 *   closed ──(consecutive failures)──▶ open ──(a pause)──▶ half-open, one call ──(it succeeds)──▶ closed
 *                                       ▲                          │
 *                                       └───────(it fails)─────────┘
 *
 * Only retryable failures count. A provider that rejects a key or a request is available, so that closes the circuit.
 */
export function withCircuit(model: Model, options: CircuitOptions): { model: Model; circuit: Circuit } {
  const { clock, name, failures = CIRCUIT_FAILURES, pauseMilliseconds = CIRCUIT_PAUSE_SECONDS * 1000 } = options;
  let consecutiveFailures = 0;
  /** Elapsed milliseconds; null while the circuit is closed. */
  let openedAt: number | null = null;
  let isProbing = false;

  function state(): CircuitState {
    if (openedAt === null) return 'closed';
    return clock.elapsed() - openedAt >= pauseMilliseconds ? 'half-open' : 'open';
  }

  const admits = () => state() === 'closed' || (state() === 'half-open' && !isProbing);

  function close(): void {
    consecutiveFailures = 0;
    openedAt = null;
  }

  function countFailure(isProbe: boolean): void {
    // A call that began before the circuit opened must not prolong the pause.
    if (openedAt !== null && !isProbe) return;
    consecutiveFailures += 1;
    if (isProbe || consecutiveFailures >= failures) openedAt = clock.elapsed();
  }

  return {
    circuit: { state, admits },
    model: {
      async stream(request, sink, signal) {
        signal.throwIfAborted();
        if (!admits()) throw openCircuitError(name);
        const isProbe = openedAt !== null;
        if (isProbe) isProbing = true;
        try {
          const finish = await model.stream(request, sink, signal);
          close();
          return finish;
        } catch (error) {
          // A call that was aborted says nothing about the model.
          if (!signal.aborted && error instanceof ModelError) error.retryable ? countFailure(isProbe) : close();
          throw error;
        } finally {
          if (isProbe) isProbing = false;
        }
      },
    },
  };
}

export function openCircuitError(name: string): ModelError {
  const message = `The model "${name}" failed repeatedly and is not called for up to ${CIRCUIT_PAUSE_SECONDS} seconds.`;
  return new ModelError('MODEL_UNAVAILABLE', message, { retryable: true });
}
