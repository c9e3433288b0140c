import { ModelError } from '../model.ts';
import { isRecord } from './response-values.ts';

/** How much of a provider's own words is shown. */
const DETAIL_CHARACTERS = 300;

/** Statuses of which the next attempt may be free: time-out, conflict, too early, too many requests. */
const retryableStatuses: ReadonlySet<number> = new Set([408, 409, 425, 429]);

const overflowWords =
  /context[ _-]?(length|window|size)|maximum context|prompt is too long|input is too long|too many (input )?tokens|request_too_large|n_ctx/i;
const policyWords = /content[ _-]?(management )?(policy|filter)|safety system|moderation|content_policy_violation/i;
const authWords = /invalid_api_key|authentication|unauthorized|permission_denied|permission_error/i;
const requestWords = /invalid_request|not_found|unsupported|insufficient_quota|billing/i;

/** What a provider said about a failure. */
interface Complaint {
  /** HTTP status; null where it came inside of a stream and named none. */
  status: number | null;
  /** Its own code and type, together. */
  code: string;
  message: string;
}

/** Makes failures of what a provider answered, without a word that only the operator may read. */
export interface FailureReader {
  /** Of an HTTP answer that is no completion. */
  ofAnswer(status: number, body: string, retryAfterSeconds: number | null): ModelError;
  /** Of what stands under `error` in an event. */
  ofEvent(error: unknown): ModelError;
  /** Of what a provider's own package threw, be it a request that it can not make or a mistake in it. */
  ofPackage(error: unknown): ModelError;
}

/** @param secrets texts that no message may hold: keys, passwords, the address */
export function createFailureReader(secrets: readonly string[]): FailureReader {
  return {
    ofAnswer: (status, body, retryAfterSeconds) =>
      failureOf({ ...complaintOfBody(body), status }, secrets, retryAfterSeconds),
    ofEvent: (error) => failureOf(complaintOf(error), secrets, null),
    ofPackage(error) {
      const detail = detailOf(error instanceof Error ? error.message : '', secrets);
      const options = { retryable: false, cause: error };
      return new ModelError('MODEL_UNAVAILABLE', `The package of the model provider failed${detail}`, options);
    },
  };
}

/**
 * Seconds of a `Retry-After`, which is a number of seconds or a date; null where it is neither.
 * @param now epoch milliseconds
 */
export function retryAfterSeconds(value: string | string[] | undefined, now: number): number | null {
  const text = (typeof value === 'string' ? value : value?.[0])?.trim() ?? '';
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text);
  const date = /[a-z]/i.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? null : Math.max(0, Math.ceil((date - now) / 1000));
}

/** Of a connection that could not be made, or was lost. The address is not named. */
export function connectionFailure(code: string, cause: unknown): ModelError {
  return new ModelError('MODEL_UNAVAILABLE', `The connection to the model provider failed (${code}).`, {
    retryable: code !== 'UND_ERR_INVALID_ARG',
    cause,
  });
}

function failureOf(complaint: Complaint, secrets: readonly string[], retryAfter: number | null): ModelError {
  const { status } = complaint;
  const words = `${complaint.code} ${complaint.message}`;
  const detail = detailOf(complaint.message, secrets);
  const isRetryableStatus = status !== null && (retryableStatuses.has(status) || status >= 500);
  if (!isRetryableStatus && policyWords.test(words)) {
    return new ModelError('MODEL_REFUSED', `The model provider refused the request${detail}`, { retryable: false });
  }
  if (status === 401 || status === 403 || (status === null && authWords.test(complaint.code))) {
    const answer = status === null ? '' : ` (${status})`;
    return new ModelError('MODEL_AUTH', `The model provider does not accept the key${answer}.`, { retryable: false });
  }
  if (status === 413 || (!isRetryableStatus && overflowWords.test(words))) {
    return new ModelError('CONTEXT_OVERFLOW', `The conversation is too long for the model${detail}`, {
      retryable: false,
    });
  }
  const isFinal = status === null ? requestWords.test(words) : !isRetryableStatus || /insufficient_quota/.test(words);
  const answer = status === null ? 'an error' : String(status);
  return new ModelError('MODEL_UNAVAILABLE', `The model provider answered ${answer}${detail}`, {
    retryable: !isFinal,
    retryAfterSeconds: retryAfter,
  });
}

function complaintOfBody(body: string): Complaint {
  try {
    return complaintOf(JSON.parse(body));
  } catch {
    // A page made for browsers says nothing here.
    return { status: null, code: '', message: body.trimStart().startsWith('<') ? '' : body };
  }
}

/** Reads a complaint in any of its forms: as words, as an object, below `error` or `detail`, or in a list. */
function complaintOf(error: unknown): Complaint {
  if (Array.isArray(error)) return complaintOf(error[0]);
  if (!isRecord(error)) return { status: null, code: '', message: typeof error === 'string' ? error : '' };
  const inner = [error.error, error.errors, error.detail, error.response].find(
    (value) => isRecord(value) || isList(value),
  );
  if (inner !== undefined && typeof error.message !== 'string') return complaintOf(inner);
  const candidates = [error.status, error.status_code, error.statusCode, error.code].map(Number);
  const message = [error.message, error.msg, error.detail, error.error].find((value) => typeof value === 'string');
  return {
    status: candidates.find((value) => value >= 400 && value < 600) ?? null,
    code: [error.code, error.type].filter((value) => typeof value === 'string').join(' '),
    message: [message, rawWords(error.metadata)].filter((part) => part).join(': '),
  };
}

function isList(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0;
}

/** A router between the model and us keeps there what the model's own server said. */
function rawWords(metadata: unknown): string {
  return isRecord(metadata) && typeof metadata.raw === 'string' ? metadata.raw : '';
}

/** The provider's own words as the end of a sentence. */
function detailOf(message: string, secrets: readonly string[]): string {
  let text = message.replace(/\s+/g, ' ').trim();
  for (const secret of secrets) text = text.replaceAll(secret, '…');
  if (text === '') return '.';
  return text.length <= DETAIL_CHARACTERS
    ? `: ${text}`
    : `: ${text.slice(0, DETAIL_CHARACTERS).toWellFormed().trimEnd()}…`;
}
