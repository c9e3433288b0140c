import { AISDKError, APICallError, LoadAPIKeyError } from '@ai-sdk/provider';
import { connectionFailure, type FailureReader, retryAfterSeconds } from '../provider/failure.ts';
import { protocolError } from '../provider/response-values.ts';
import { ModelError } from '../model.ts';

/** Errors of the AI SDK about answers that do not keep to the provider's protocol. */
const protocolErrors: ReadonlySet<string> = new Set([
  'AI_JSONParseError',
  'AI_TypeValidationError',
  'AI_InvalidResponseDataError',
  'AI_EmptyResponseBodyError',
]);

/**
 * Makes a ModelError of whatever a provider package throws.
 * @param now epoch milliseconds
 */
export function sdkFailure(error: unknown, failures: FailureReader, now: number): ModelError {
  if (error instanceof ModelError) return error;
  if (APICallError.isInstance(error)) return ofCall(error, failures, now);
  if (LoadAPIKeyError.isInstance(error)) {
    const message = 'There is no key for the model provider. Name its environment variable with apiKeyEnv.';
    return new ModelError('MODEL_AUTH', message, { retryable: false, cause: error });
  }
  if (AISDKError.isInstance(error) && protocolErrors.has(error.name))
    return protocolError('not what was expected', error);
  const code = networkCode(error);
  return code === null ? failures.ofPackage(error) : connectionFailure(code, error);
}

function ofCall(error: APICallError, failures: FailureReader, now: number): ModelError {
  const { statusCode, responseBody, responseHeaders, message } = error;
  if (statusCode === undefined) return connectionFailure(networkCode(error) ?? 'no answer', error);
  // An answer that began well, and could not be read to its end.
  if (statusCode < 300) return connectionFailure(networkCode(error) ?? 'broke off', error);
  return failures.ofAnswer(
    statusCode,
    responseBody || message,
    retryAfterSeconds(responseHeaders?.['retry-after'], now),
  );
}

/** Looks for the code of the transport below the errors that were wrapped around it. */
function networkCode(error: unknown): string | null {
  for (let current = error, depth = 0; current instanceof Error && depth < 5; current = current.cause, depth += 1) {
    if ('code' in current && typeof current.code === 'string' && /^[A-Z_]+$/.test(current.code)) return current.code;
    if (current instanceof TypeError && current.message === 'terminated') return 'UND_ERR_SOCKET';
  }
  return null;
}
