import { GraphQLError } from 'graphql';

/** What `extensions.code` of a top-level error can be, where it is ours. */
type ErrorCode =
  | 'BAD_USER_INPUT'
  | 'UNAUTHENTICATED'
  | 'FORBIDDEN'
  | 'NOT_FOUND'
  | 'LIMIT_EXCEEDED'
  | 'RATE_LIMITED'
  | 'TIMEOUT'
  | 'UNAVAILABLE';

/** What HTTP is told beside the error itself; no client sees this key. */
interface HttpPart {
  status: number;
  headers?: Record<string, string>;
}

const withCode = (code: ErrorCode, message: string) => new GraphQLError(message, { extensions: { code } });

/** The request can not be meant so. The message says what to do instead. */
export const badUserInput = (message: string) => withCode('BAD_USER_INPUT', message);

export const forbidden = (scope: string) =>
  withCode('FORBIDDEN', `This needs the scope "${scope}", which your token does not have.`);

const reasons = {
  missing: 'Show a token: `Authorization: Bearer <token>`, over WebSocket as `authorization` in `connectionParams`.',
  unknown: 'The token is not known here.',
  expired: 'The token has expired; come back with a new one.',
} as const;

/** Nobody whom the gateway knows, or no longer. */
export const unauthenticated = (reason: keyof typeof reasons) =>
  withHttp('UNAUTHENTICATED', reasons[reason], { status: 401, headers: { 'www-authenticate': 'Bearer' } });

/** More than the limit of that name allows. Trying the same again is no use. */
export const limitPassed = (limit: string, message: string) =>
  new GraphQLError(message, { extensions: { code: 'LIMIT_EXCEEDED' satisfies ErrorCode, limit } });

/** @param retryAfter seconds */
export const rateLimited = (retryAfter: number) =>
  new GraphQLError(`Too much in one minute; come back in ${retryAfter} seconds.`, {
    extensions: {
      code: 'RATE_LIMITED' satisfies ErrorCode,
      retryAfter,
      http: { status: 429, headers: { 'retry-after': String(retryAfter) } } satisfies HttpPart,
    },
  });

export const timedOut = (seconds: number) =>
  withCode('TIMEOUT', `There is no answer after ${seconds} seconds. What was asked for may still be done.`);

/** Trying again later is of use. */
export const unavailable = (message: string) => withHttp('UNAVAILABLE', message, { status: 503 });

function withHttp(code: ErrorCode, message: string, http: HttpPart): GraphQLError {
  return new GraphQLError(message, { extensions: { code, http } });
}

/** The error as it is written, and what HTTP is told beside it. */
export function splitHttp(error: GraphQLError): { error: GraphQLError; http: HttpPart | null } {
  const { http, ...extensions } = error.extensions;
  if (http === undefined) return { error, http: null };
  const { message, nodes, path } = error;
  return { error: new GraphQLError(message, { nodes, path, extensions }), http: http as HttpPart };
}

/** Also for what belongs to somebody else. */
export const absent = (noun: string, id: string) => withCode('NOT_FOUND', `There is no ${noun} ${id}.`);

/** The value of something that another row refers to; it may be gone, because its session was purged meanwhile. */
export async function present<T>(value: Promise<T | null>, noun: string, id: string): Promise<T> {
  const found = await value;
  if (found === null) throw absent(noun, id);
  return found;
}

/**
 * The error as its client may see it, or null where it is unexpected and must be masked. Errors of other rooms are told by
 * name, so that transport needs nothing of them at run time.
 */
export function publicError(error: unknown): GraphQLError | null {
  const located = error instanceof GraphQLError ? error : null;
  const cause = causeOf(error);
  if (cause instanceof GraphQLError) return located;
  const code = codeOf(cause);
  if (code === null || !(cause instanceof Error)) return null;
  return new GraphQLError(cause.message, { nodes: located?.nodes, path: located?.path, extensions: { code } });
}

/** An error that a client may see, whatever it was; the original stays attached for the log. */
export function publicOrMasked(error: unknown): GraphQLError {
  const originalError = error instanceof Error ? error : new Error(String(error));
  const extensions = { code: 'INTERNAL_SERVER_ERROR' };
  return publicError(error) ?? new GraphQLError('Unexpected error.', { originalError, extensions });
}

/** What was thrown in the first place: execution wraps it to say where. */
function causeOf(error: unknown): unknown {
  return error instanceof GraphQLError && error.originalError ? causeOf(error.originalError) : error;
}

function codeOf(cause: unknown): ErrorCode | null {
  if (!(cause instanceof Error)) return null;
  if (cause.name === 'CursorError') return 'BAD_USER_INPUT';
  const isStoreFailure = cause.name === 'StoreError' && 'failure' in cause;
  return isStoreFailure && ['busy', 'unavailable', 'unknown'].includes(String(cause.failure)) ? 'UNAVAILABLE' : null;
}
