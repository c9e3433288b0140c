import { AISDKError, APICallError, LoadAPIKeyError } from '@ai-sdk/provider';
import { ModelError } from '../model.ts';
import { connectionFailure, type FailureReader, protocolError, retryAfterSeconds } from '../provider/failure.ts';

/** Names of the AI SDK's errors about responses that violate the provider's protocol. */
const protocolErrorNames: ReadonlySet<string> = new Set([
  'AI_JSONParseError',
  'AI_TypeValidationError',
  'AI_InvalidResponseDataError',
  'AI_EmptyResponseBodyError',
]);

/**
 * The ModelError for anything that a provider package throws.
 * @param now epoch milliseconds
 */
export function sdkFailure(error: unknown, failures: FailureReader, now: number): ModelError {
  if (error instanceof ModelError) return error;
  if (APICallError.isInstance(error)) return callFailure(error, failures, now);
  if (LoadAPIKeyError.isInstance(error)) {
    const message =
      'The model provider has no API key: set apiKeyEnv to the name of the environment variable that contains it.';
    return new ModelError('MODEL_AUTH', message, { retryable: false, cause: error });
  }
  if (AISDKError.isInstance(error) && protocolErrorNames.has(error.name)) {
    return protocolError('it does not have the expected form', error);
  }
  const code = networkCode(error);
  return code === null ? failures.ofPackage(error) : connectionFailure(code, error);
}

function callFailure(error: APICallError, failures: FailureReader, now: number): ModelError {
  const { statusCode, responseBody, responseHeaders, message } = error;
  if (statusCode === undefined) return connectionFailure(networkCode(error) ?? 'no response', error);
  // The response began successfully, but could not be read to its end.
  if (statusCode < 300) return connectionFailure(networkCode(error) ?? 'incomplete response', error);
  const retryAfter = retryAfterSeconds(responseHeaders?.['retry-after'], now);
  return failures.ofResponse(statusCode, responseBody || message, retryAfter);
}

/** The transport's error code, which may be several causes below the error; null if there is none. */
function networkCode(error: unknown): string | null {
  for (let current = error, depth = 0; current instanceof Error && depth < 5; current = current.cause, depth += 1) {
    if ('code' in current && typeof current.code === 'string' && /^[A-Z_]+$/.test(current.code)) return current.code;
    if (current instanceof TypeError && current.message === 'terminated') return 'UND_ERR_SOCKET';
  }
  return null;
}
