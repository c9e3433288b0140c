import type { Clock } from '../clock.ts';
import { CIRCUIT_FAILURES, CIRCUIT_PAUSE_SECONDS } from '../config/limits.ts';
import { type Circuit, type CircuitState, type Model, ModelError } from './model.ts';

export interface CircuitOptions {
  clock: Clock;
  /** Of the model, as the configuration names it. */
  name: string;
  /** Failures in a row that open it. */
  failures?: number;
  pauseMilliseconds?: number;
}

/** The circuit of a model that is always asked. */
export const alwaysClosed: Circuit = { state: () => 'closed', admits: () => true };

/**
 * Leaves a model alone that keeps failing, so that runs do not wait for what will not come and a provider in trouble is
 * not asked by all of them.
 *
 *   closed ──(failures in a row)──▶ open ──(a pause)──▶ half-open, one call ──(it succeeds)──▶ closed
 *                                    ▲                          │
 *                                    └───────(it fails)─────────┘
 *
 * Only failures that may be over later count. A provider that refuses a key or a request is there: it answers.
 */
export function withCircuit(model: Model, options: CircuitOptions): { model: Model; circuit: Circuit } {
  const { clock, name, failures = CIRCUIT_FAILURES, pauseMilliseconds = CIRCUIT_PAUSE_SECONDS * 1000 } = options;
  let failed = 0;
  /** When it opened, as elapsed milliseconds; null while it is closed. */
  let openedAt: number | null = null;
  let isProbing = false;

  function state(): CircuitState {
    if (openedAt === null) return 'closed';
    return clock.elapsed() - openedAt >= pauseMilliseconds ? 'half-open' : 'open';
  }

  const admits = () => state() === 'closed' || (state() === 'half-open' && !isProbing);

  function close(): void {
    failed = 0;
    openedAt = null;
  }

  function fail(isProbe: boolean): void {
    // A call from before the circuit opened tells nothing new.
    if (openedAt !== null && !isProbe) return;
    failed += 1;
    if (isProbe || failed >= failures) openedAt = clock.elapsed();
  }

  return {
    circuit: { state, admits },
    model: {
      async stream(request, sink, signal) {
        signal.throwIfAborted();
        if (!admits()) throw circuitIsOpen(name);
        const isProbe = openedAt !== null;
        if (isProbe) isProbing = true;
        try {
          const finish = await model.stream(request, sink, signal);
          close();
          return finish;
        } catch (error) {
          // Whoever was stopped has found out nothing.
          if (!signal.aborted && error instanceof ModelError) error.retryable ? fail(isProbe) : close();
          throw error;
        } finally {
          if (isProbe) isProbing = false;
        }
      },
    },
  };
}

export function circuitIsOpen(name: string): ModelError {
  const message = `The model "${name}" has failed too often in a row and is left alone for a moment.`;
  return new ModelError('MODEL_UNAVAILABLE', message, { retryable: true });
}
