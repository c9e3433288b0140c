import { ModelError } from '../model.ts';

/** An answer that does not keep to the protocol. It may be a proxy's or an overloaded server's, so asking again helps. */
export function protocolError(what: string, cause?: unknown): ModelError {
  return new ModelError('MODEL_UNAVAILABLE', `The model provider answered nonsense: ${what}.`, {
    retryable: true,
    cause,
  });
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An answer whose end never came. */
export function interrupted(cause?: unknown): ModelError {
  return new ModelError('MODEL_UNAVAILABLE', 'The model provider broke off in the middle of its answer.', {
    retryable: true,
    cause,
  });
}
