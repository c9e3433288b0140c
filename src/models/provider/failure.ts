import { ModelError } from '../model.ts';
import { shorten } from '../shorten.ts';
import { isRecord } from './response-values.ts';

/** How much of a provider's own error message users see. */
const DETAIL_CHARACTERS = 300;

/** Shorter header values are words such as `true`, which need no hiding. */
const MIN_SECRET_CHARACTERS = 8;

/** Statuses below 500 after which a retry may succeed: timeout, conflict, too early, too many requests. */
const retryableStatuses: ReadonlySet<number> = new Set([408, 409, 425, 429]);

const overflowPattern =
  /context[ _-]?(length|window|size)|maximum context|prompt is too long|input is too long|too many (input )?tokens|request_too_large|n_ctx/i;
const policyPattern = /content[ _-]?(management )?(policy|filter)|safety system|moderation|content_policy_violation/i;
const authPattern = /invalid_api_key|authentication|unauthorized|permission_denied|permission_error/i;
const quotaPattern = /insufficient_quota|billing/i;
const rejectedPattern = /invalid_request|not_found|unsupported/i;

/** What a provider said about a failure. */
interface ProviderError {
  /** HTTP status; null if the error came inside a stream and names none. */
  status: number | null;
  /** The provider's own code and type. */
  code: string;
  message: string;
}

/** Turns what a provider reported into a ModelError whose message contains no secret. */
export interface FailureReader {
  /** For an HTTP response with an error status. */
  ofResponse(status: number, body: string, retryAfterSeconds: number | null): ModelError;
  /** For the value of `error` in a stream. */
  ofEvent(error: unknown): ModelError;
  /** For anything else that a provider package threw, such as a request that it cannot express. */
  ofPackage(error: unknown): ModelError;
}

/** @param secrets texts that no message may contain, see `secretsOf` */
export function createFailureReader(secrets: readonly string[]): FailureReader {
  return {
    ofResponse: (status, body, retryAfterSeconds) =>
      failureOf({ ...errorOfBody(body), status }, secrets, retryAfterSeconds),
    ofEvent: (error) => failureOf(errorOf(error), secrets, null),
    ofPackage(error) {
      const detail = detailOf(error instanceof Error ? error.message : '', secrets);
      const options = { retryable: false, cause: error };
      return new ModelError('MODEL_UNAVAILABLE', `The model provider's package failed${detail}`, options);
    },
  };
}

/** The texts that no message may contain: the given ones (keys, passwords, hosts), and header values that may be keys. */
export function secretsOf(
  texts: readonly (string | null | undefined)[],
  headers: Readonly<Record<string, string>>,
): string[] {
  const headerSecrets = Object.values(headers).filter((value) => value.length >= MIN_SECRET_CHARACTERS);
  return [...texts.filter((text): text is string => typeof text === 'string' && text !== ''), ...headerSecrets];
}

/**
 * Seconds of a `Retry-After` header, which is a number of seconds or a date; null if it is neither.
 * @param now epoch milliseconds
 */
export function retryAfterSeconds(value: string | string[] | undefined, now: number): number | null {
  const text = (typeof value === 'string' ? value : value?.[0])?.trim() ?? '';
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text);
  const date = /[a-z]/i.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? null : Math.max(0, Math.ceil((date - now) / 1000));
}

/** A connection that could not be opened, or was lost. The message does not name the address. */
export function connectionFailure(code: string, cause: unknown): ModelError {
  return new ModelError('MODEL_UNAVAILABLE', `The connection to the model provider failed (${code}).`, {
    retryable: code !== 'UND_ERR_INVALID_ARG',
    cause,
  });
}

/** Errors of the transport have a code. Everything else is a signal's reason or a bug, and is returned unchanged. */
export function transportFailure(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof ModelError || !('code' in error)) return error;
  return connectionFailure(typeof error.code === 'string' ? error.code : error.name, error);
}

/** A response that violates the protocol. Retryable, because a proxy or an overloaded server may have caused it. */
export function protocolError(problem: string, cause?: unknown): ModelError {
  return new ModelError('MODEL_UNAVAILABLE', `The model provider sent an invalid response: ${problem}.`, {
    retryable: true,
    cause,
  });
}

/** A response whose end never came. */
export function incompleteResponse(): ModelError {
  const message = "The model provider's response ended before it was complete.";
  return new ModelError('MODEL_UNAVAILABLE', message, { retryable: true });
}

/** Parses JSON that a provider sent. Throws a protocol error whose cause is the SyntaxError. */
export function parseProviderJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw protocolError('it is not JSON', cause);
  }
}

function failureOf(error: ProviderError, secrets: readonly string[], retryAfter: number | null): ModelError {
  const { status } = error;
  const words = `${error.code} ${error.message}`;
  const detail = detailOf(error.message, secrets);
  const isRetryableStatus = status !== null && (retryableStatuses.has(status) || status >= 500);
  if (!isRetryableStatus && policyPattern.test(words)) {
    return new ModelError('MODEL_REFUSED', `The model provider refused the request${detail}`, { retryable: false });
  }
  if (status === 401 || status === 403 || (status === null && authPattern.test(error.code))) {
    const suffix = status === null ? '' : ` (${status})`;
    return new ModelError('MODEL_AUTH', `The model provider rejected the API key${suffix}.`, { retryable: false });
  }
  if (status === 413 || (!isRetryableStatus && overflowPattern.test(words))) {
    const message = `The conversation is too long for the model${detail}`;
    return new ModelError('CONTEXT_OVERFLOW', message, { retryable: false });
  }
  const isQuota = status === 402 || quotaPattern.test(words);
  if (!isQuota && (status === null ? rejectedPattern.test(words) : status >= 400 && !isRetryableStatus)) {
    const suffix = status === null ? '' : ` with status ${status}`;
    const message = `The model provider rejected the request${suffix}${detail}`;
    // Another model may accept it: its name exists, or it takes these parameters.
    return new ModelError('MODEL_REFUSED', message, { retryable: false, isForFallback: true });
  }
  const summary = status === null ? 'reported an error' : `responded with status ${status}`;
  return new ModelError('MODEL_UNAVAILABLE', `The model provider ${summary}${detail}`, {
    retryable: !isQuota && (status === null || isRetryableStatus),
    retryAfterSeconds: retryAfter,
  });
}

function errorOfBody(body: string): ProviderError {
  try {
    return errorOf(parseProviderJson(body));
  } catch {
    // An HTML page says nothing useful.
    return { status: null, code: '', message: body.trimStart().startsWith('<') ? '' : body };
  }
}

/** Reads an error in any of its forms: a string, an object, an object under `error` or `detail`, or a list. */
function errorOf(value: unknown): ProviderError {
  if (Array.isArray(value)) return errorOf(value[0]);
  if (!isRecord(value)) return { status: null, code: '', message: typeof value === 'string' ? value : '' };
  const inner = [value.error, value.errors, value.detail, value.response].find(
    (field) => isRecord(field) || (Array.isArray(field) && field.length > 0),
  );
  if (inner !== undefined && typeof value.message !== 'string') return errorOf(inner);
  const statuses = [value.status, value.status_code, value.statusCode, value.code].map(Number);
  const message = [value.message, value.msg, value.detail, value.error].find((field) => typeof field === 'string');
  return {
    status: statuses.find((status) => status >= 400 && status < 600) ?? null,
    code: [value.code, value.type].filter((field) => typeof field === 'string').join(' '),
    message: [message, upstreamMessage(value.metadata)].filter((part) => part).join(': '),
  };
}

/** A router in front of the model's server keeps that server's own message here. */
function upstreamMessage(metadata: unknown): string {
  return isRecord(metadata) && typeof metadata.raw === 'string' ? metadata.raw : '';
}

/** The provider's message as the end of a sentence. */
function detailOf(message: string, secrets: readonly string[]): string {
  let text = message.replace(/\s+/g, ' ').trim();
  for (const secret of secrets) text = text.replaceAll(secret, '…');
  return text === '' ? '.' : `: ${shorten(text, DETAIL_CHARACTERS)}`;
}
