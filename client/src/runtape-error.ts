import type { Wait } from './waits/wait.ts';

/** Why a mutation changed nothing, as the API returned it. */
export interface Refusal {
  __typename: string;
  message: string;
}

interface ErrorDetails {
  retryable?: boolean;
  refusal?: Refusal | null;
  wait?: Wait | null;
  cause?: unknown;
  /** Milliseconds after which the server accepts the request again. */
  retryAfterMilliseconds?: number | null;
}

/** Everything that this package throws, except programming errors and the reason of an aborted signal. */
export class RuntapeError extends Error {
  override readonly name = 'RuntapeError';
  /** Of a refusal (NOT_FOUND, SESSION_BUSY, SETTLED, …), of a run (MODEL_UNAVAILABLE, …), of the API (UNAUTHENTICATED, …), or OFFLINE, PROTOCOL, CLOSED. */
  declare readonly code: string;
  /** Whether the same call may succeed later. */
  declare readonly retryable: boolean;
  /** The refusal as the API returned it; null where there was none. */
  declare readonly refusal: Refusal | null;
  /** For SETTLED: the wait as it is. */
  declare readonly wait: Wait | null;
  /** Milliseconds after which the server accepts the request again; null if it did not say. */
  declare readonly retryAfterMilliseconds: number | null;

  constructor(
    code: string,
    message: string,
    { cause, retryable = false, refusal = null, wait = null, retryAfterMilliseconds = null }: ErrorDetails = {},
  ) {
    super(message, { cause });
    this.code = code;
    this.retryable = retryable;
    this.refusal = refusal;
    this.wait = wait;
    this.retryAfterMilliseconds = retryAfterMilliseconds;
  }
}

export function offline(cause: unknown): RuntapeError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new RuntapeError('OFFLINE', `The gateway cannot be reached: ${reason}`, { retryable: true, cause });
}

export function closedError(): RuntapeError {
  return new RuntapeError('CLOSED', 'The client is closed. Create a new one.');
}

/** `NotFoundError` has the code NOT_FOUND. Both errors of a wait that was settled before have SETTLED. */
export function codeOfRefusal(typename: string): string {
  if (/SettledError$/.test(typename)) return 'SETTLED';
  return typename
    .replace(/Error$/, '')
    .replace(/(?<=[a-z])(?=[A-Z])/g, '_')
    .toUpperCase();
}

/** Codes with which the server says that it cannot serve anybody, or not this client, at this time. */
const temporary = /^(RATE_LIMITED|UNAVAILABLE)$/;

interface ApiError {
  message: string;
  extensions?: { code?: string; retryAfter?: number };
}

/** The first of the top-level errors of an answer. */
export function errorOf([first]: readonly ApiError[]): RuntapeError {
  const { code = 'PROTOCOL', retryAfter } = first?.extensions ?? {};
  return new RuntapeError(code, first?.message ?? code, {
    retryable: temporary.test(code),
    retryAfterMilliseconds: retryAfter && retryAfter * 1000,
  });
}
