import { GraphQLError } from 'graphql';
import { RESULT_BYTES } from '../config/limits.ts';
import { CursorExpiredError } from '../streams/activity/activity-cursor.ts';
import { CursorError } from '../streams/cursor.ts';

/** Values of `extensions.code` that the gateway itself sets on a top-level error. */
type ErrorCode =
  | 'BAD_USER_INPUT'
  | 'CURSOR_EXPIRED'
  | 'UNAUTHENTICATED'
  | 'FORBIDDEN'
  | 'NOT_FOUND'
  | 'LIMIT_EXCEEDED'
  | 'RATE_LIMITED'
  | 'TIMEOUT'
  | 'UNAVAILABLE';

/** Status and headers for HTTP, kept in `extensions.http`. Removed before the error is sent. */
interface HttpPart {
  status: number;
  headers?: Record<string, string>;
  /** Whether the status is used for `application/graphql-response+json` only; `application/json` then gets 200. */
  spec?: true;
}

const withCode = (code: ErrorCode, message: string) => new GraphQLError(message, { extensions: { code } });

/** The arguments cannot be used. The message says why and what to send instead. */
export const badUserInput = (message: string) => withCode('BAD_USER_INPUT', message);

/** The request cannot be read. The message says why and what to send instead. */
export const badRequest = (message: string) => withHttp('BAD_USER_INPUT', message, { status: 400 });

/** @param scopes one of which the operation needs */
export const forbidden = (...scopes: readonly string[]) => {
  const quoted = scopes.map((scope) => `"${scope}"`).join(' or ');
  return withCode('FORBIDDEN', `This operation needs the scope ${quoted}. Use a token that has it.`);
};

const authenticationProblems = {
  missing:
    'A token is required. Send the header `Authorization: Bearer <token>`; over WebSocket, send `authorization` in `connectionParams`.',
  unknown: 'The token is not valid. Use a token that this gateway accepts.',
  expired: 'The token has expired. Get a new one.',
  principal:
    'The token names no principal: its claim must be a text of at most 200 characters, without blanks at its ends and without control characters.',
  approver:
    'The token has the scope "approve:any" without "read" and "approve", which it also needs. Use a token that has all three.',
} as const;

export type SignInProblem = keyof typeof authenticationProblems;

/** The request has no token, or one that the gateway does not accept. */
export const unauthenticated = (problem: SignInProblem) =>
  withHttp('UNAUTHENTICATED', authenticationProblems[problem], {
    status: 401,
    headers: { 'www-authenticate': 'Bearer' },
  });

const problemsByMessage: ReadonlyMap<string, SignInProblem> = new Map(
  (['missing', 'unknown', 'expired', 'principal', 'approver'] as const).map((problem) => [
    authenticationProblems[problem],
    problem,
  ]),
);

/** The problem that an error of `unauthenticated` names; null for every other error. */
export function signInProblemOf(error: unknown): SignInProblem | null {
  return error instanceof GraphQLError ? (problemsByMessage.get(error.message) ?? null) : null;
}

/** The request exceeds the named limit. Repeating it fails again. */
export const limitPassed = (limit: string, message: string) =>
  new GraphQLError(message, { extensions: { code: 'LIMIT_EXCEEDED' satisfies ErrorCode, limit } });

export const resultTooLong = () =>
  limitPassed(
    'resultBytes',
    `The result is longer than ${RESULT_BYTES} bytes, which is the limit. Request smaller pages, or fewer texts. What a mutation changed is stored.`,
  );

/** Like `limitPassed`, for a request that is not read or not parsed. */
export const requestLimitPassed = (limit: string, message: string, status: 400 | 413) =>
  new GraphQLError(message, {
    extensions: { code: 'LIMIT_EXCEEDED' satisfies ErrorCode, limit, http: { status } satisfies HttpPart },
  });

/** The transport does not support what the request asks for. The message says what it supports. */
export const notSupported = (message: string, status: 405 | 406, headers: Record<string, string> = {}) =>
  withHttp('BAD_USER_INPUT', message, { status, headers });

/** @param retryAfter seconds */
export const rateLimited = (retryAfter: number) =>
  new GraphQLError(`The rate limit of this minute is used up. Try again in ${retryAfter} seconds.`, {
    extensions: {
      code: 'RATE_LIMITED' satisfies ErrorCode,
      retryAfter,
      http: { status: 429, headers: { 'retry-after': String(retryAfter) } } satisfies HttpPart,
    },
  });

export const timedOut = (seconds: number) =>
  withCode(
    'TIMEOUT',
    `The operation did not finish within ${seconds} seconds. A mutation may still take effect; check before you repeat it.`,
  );

/** The request may succeed later. */
export const unavailable = (message: string) => withHttp('UNAVAILABLE', message, { status: 503 });

/** Adds the status 503. Clients that accept `application/json` only get 200, as the specification for them says. */
export function withUnavailableStatus({ message, nodes, path, extensions }: GraphQLError): GraphQLError {
  const http: HttpPart = { status: 503, spec: true };
  return new GraphQLError(message, { nodes, path, extensions: { http, ...extensions } });
}

/** An error of a request that is no GraphQL operation, or that fails before its operation is known. */
export function withHttp(code: ErrorCode, message: string, http: HttpPart): GraphQLError {
  return new GraphQLError(message, { extensions: { code, http } });
}

/** Separates the error that clients see from its HTTP part; `http` is null if it has none. */
export function splitHttp(error: GraphQLError): { error: GraphQLError; http: HttpPart | null } {
  const { http, ...extensions } = error.extensions;
  if (http === undefined) return { error, http: null };
  const { message, nodes, path } = error;
  return { error: new GraphQLError(message, { nodes, path, extensions }), http: http as HttpPart };
}

/** Also for objects that belong to another principal, so that clients cannot tell that they exist. */
export const notFoundError = (noun: string, id: string) => withCode('NOT_FOUND', `There is no ${noun} ${id}.`);

/** Returns the error as clients may see it, or null if it is unexpected and must be masked. */
export function publicError(error: unknown): GraphQLError | null {
  const locatedError = error instanceof GraphQLError ? error : null;
  const cause = causeOf(error);
  if (cause instanceof GraphQLError) return locatedError;
  const code = codeOf(cause);
  if (code === null || !(cause instanceof Error)) return null;
  return new GraphQLError(cause.message, {
    nodes: locatedError?.nodes,
    path: locatedError?.path,
    extensions: { code },
  });
}

/** Like `publicError`, but masks unexpected errors as INTERNAL_SERVER_ERROR. The original stays attached for the log. */
export function publicOrMasked(error: unknown): GraphQLError {
  const originalError = error instanceof Error ? error : new Error(String(error));
  const extensions = { code: 'INTERNAL_SERVER_ERROR' };
  return publicError(error) ?? new GraphQLError('Unexpected error.', { originalError, extensions });
}

/** Unwraps the errors in which graphql-js puts what a resolver threw. */
function causeOf(error: unknown): unknown {
  return error instanceof GraphQLError && error.originalError ? causeOf(error.originalError) : error;
}

function codeOf(cause: unknown): ErrorCode | null {
  if (cause instanceof CursorExpiredError) return 'CURSOR_EXPIRED';
  if (cause instanceof CursorError) return 'BAD_USER_INPUT';
  // By name, because this folder does not import `database/`.
  const isStoreError = cause instanceof Error && cause.name === 'StoreError' && 'failure' in cause;
  const isUnavailable = isStoreError && ['busy', 'locked', 'unavailable', 'unknown'].includes(String(cause.failure));
  return isUnavailable ? 'UNAVAILABLE' : null;
}
