import type { Document } from '../document.ts';
import { closedError, offline, RuntapeError } from '../runtape-error.ts';
import { answerOf, graphqlRequest } from './graphql-request.ts';
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
  /** Like `repeat`, for a request of any kind, whose answer is JSON. */
  perform<Body>(build: BuildRequest, milliseconds: number): Promise<Body>;
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

/** `target`: another address than that of the API. */
export type BuildRequest = (token: string | null, signal: AbortSignal) => RequestInit & { target?: URL };

/** How long a request may take that is not repeated. */
const ONCE_MILLISECONDS = 300_000;

export function createRequests({ url, fetch, token, timing }: RequestsOptions): Requests {
  const closing = new AbortController();
  let waking = new AbortController();

  function wake(): void {
    waking.abort();
    waking = new AbortController();
  }

  /** Ends early when it is woken, and when the signal aborts. */
  function sleep(milliseconds: number, signal = waking.signal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(done, milliseconds);
      AbortSignal.any([waking.signal, signal]).addEventListener('abort', done);
    });
  }

  /** Sends a request once, and once more if its token is refused. */
  async function attempt<Body>(
    build: BuildRequest,
    milliseconds: number,
    signal = closing.signal,
    isRefused = false,
  ): Promise<Body> {
    const timeout = new AbortController();
    const timer = setTimeout(() => timeout.abort(`no answer within ${milliseconds} ms`), milliseconds);
    try {
      const signals = AbortSignal.any([timeout.signal, closing.signal, signal]);
      const { target = url, ...request } = build(await token(), signals);
      return await answerOf<Body>(await fetch(target, request));
    } catch (cause) {
      if (closing.signal.aborted) throw closedError();
      signal.throwIfAborted();
      const isRefusal = cause instanceof RuntapeError && cause.code === 'UNAUTHENTICATED';
      if (isRefusal && !isRefused) return attempt(build, milliseconds, signal, true);
      throw cause instanceof RuntapeError ? cause : offline(timeout.signal.aborted ? timeout.signal.reason : cause);
    } finally {
      clearTimeout(timer);
    }
  }

  async function repeat<Body>(build: BuildRequest, milliseconds: number, signal?: AbortSignal): Promise<Body> {
    const deadline = Date.now() + timing.repeat;
    for (let count = 1; ; count++) {
      signal?.throwIfAborted();
      if (closing.signal.aborted) throw closedError();
      try {
        return await attempt<Body>(build, milliseconds, signal);
      } catch (error) {
        if (!(error instanceof RuntapeError) || !error.retryable || Date.now() > deadline) throw error;
        await sleep(Math.max(timing.backOff(count), error.retryAfterMilliseconds ?? 0), signal);
      }
    }
  }

  const operation =
    (query: string, variables: object): BuildRequest =>
    (currentToken, signal) =>
      graphqlRequest(query, variables, currentToken, 'application/json', signal);

  return {
    async send(document, variables) {
      const build = operation(document, variables);
      return (await attempt<{ data: never }>(build, ONCE_MILLISECONDS)).data;
    },
    async repeat(document, variables, signal) {
      return (await repeat<{ data: never }>(operation(document, variables), timing.answer, signal)).data;
    },
    perform: repeat,
    wake,
    close() {
      closing.abort();
      wake();
    },
  };
}
