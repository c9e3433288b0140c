import type { Document } from '../document.ts';
import { closedError, errorOf, offline, RuntapeError } from '../runtape-error.ts';
import { graphqlRequest } from './graphql-request.ts';
import type { Result } from './link.ts';
import type { Timing } from './timing.ts';

export interface Requests {
  /** Sends a query or mutation once. A token that was refused is replaced once. */
  send<Data, Variables extends object>(document: Document<Data, Variables>, variables: Variables): Promise<Data>;
  /** Repeats the request until there is an answer. Only for what may be repeated: a query, or a mutation with an idempotency key. */
  repeat<Data, Variables extends object>(
    document: Document<Data, Variables>,
    variables: Variables,
    signal?: AbortSignal,
  ): Promise<Data>;
  /** Repeats what waits for its next attempt at once. */
  wake(): void;
  /** Rejects everything with the code CLOSED. */
  close(): void;
}

interface RequestsOptions {
  url: string;
  fetch: typeof globalThis.fetch;
  token: () => Promise<string | null>;
  timing: Timing;
}

/** How long a request may take that is not repeated. */
const ONCE_MILLISECONDS = 300_000;

export function createRequests({ url, fetch, token, timing }: RequestsOptions): Requests {
  const closing = new AbortController();
  const sleeping = new Set<() => void>();

  async function attempt(
    query: string,
    variables: object,
    milliseconds: number,
    signal?: AbortSignal,
  ): Promise<unknown> {
    const timeout = new AbortController();
    const timer = setTimeout(() => timeout.abort(new Error(`no answer within ${milliseconds} ms`)), milliseconds);
    const signals = [timeout.signal, closing.signal, ...(signal ? [signal] : [])];
    try {
      const request = graphqlRequest(query, variables, await token(), 'application/json', AbortSignal.any(signals));
      const response = await fetch(url, request);
      const text = await response.text();
      const { data, errors } = answerOf(text, response.status);
      if (errors) throw errorOf(errors);
      return data;
    } catch (cause) {
      if (closing.signal.aborted) throw closedError();
      signal?.throwIfAborted();
      throw cause instanceof RuntapeError ? cause : offline(timeout.signal.aborted ? timeout.signal.reason : cause);
    } finally {
      clearTimeout(timer);
    }
  }

  async function withFreshToken(work: () => Promise<unknown>): Promise<unknown> {
    try {
      return await work();
    } catch (error) {
      if ((error as RuntapeError).code !== 'UNAUTHENTICATED') throw error;
      return work();
    }
  }

  function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        sleeping.delete(done);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, milliseconds);
      sleeping.add(done);
      signal?.addEventListener('abort', done);
    });
  }

  return {
    send: (document, variables) => withFreshToken(() => attempt(document, variables, ONCE_MILLISECONDS)) as never,
    async repeat(document, variables, signal) {
      const deadline = Date.now() + timing.repeat;
      for (let count = 1; ; count++) {
        signal?.throwIfAborted();
        if (closing.signal.aborted) throw closedError();
        try {
          return (await withFreshToken(() => attempt(document, variables, timing.answer, signal))) as never;
        } catch (error) {
          if (!(error instanceof RuntapeError) || !error.retryable || Date.now() > deadline) throw error;
          await sleep(Math.max(timing.backOff(count), error.retryAfterMilliseconds ?? 0), signal);
        }
      }
    },
    wake() {
      for (const done of [...sleeping]) done();
    },
    close() {
      closing.abort();
      for (const done of [...sleeping]) done();
    },
  };
}

/** A proxy that cannot reach the gateway answers with a page of its own. */
function answerOf(text: string, status: number): Result {
  try {
    const answer = JSON.parse(text) as Result;
    if (typeof answer === 'object' && answer !== null && ('data' in answer || 'errors' in answer)) return answer;
  } catch {
    // Not JSON: see below.
  }
  if (status >= 500 || status === 429) throw offline(new Error(`HTTP status ${status}`));
  throw new RuntapeError(
    'PROTOCOL',
    `The answer is not of a GraphQL server: HTTP status ${status}, ${text.slice(0, 80)}`,
  );
}
