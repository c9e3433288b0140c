import type { Document } from '../document.ts';
import { closedError, offline, RuntapeError } from '../runtape-error.ts';
import { answerOf, graphqlRequest } from './graphql-request.ts';
import type { Timing } from './timing.ts';

export interface Requests {
  /** Sends a query or mutation once. A token that was refused is replaced once. */
  send<Data, Variables extends object>(document: Document<Data, Variables>, variables: Variables): Promise<Data>;
  /** Repeats the request until there is an answer, for some minutes. Only for what may be repeated: a query, or a mutation with an idempotency key. */
  repeat<Data, Variables extends object>(document: Document<Data, Variables>, variables: Variables): Promise<Data>;
  /** Like `repeat` without a time limit, as subscriptions have none: for what is kept up to date. */
  read<Data, Variables extends object>(
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

const operation =
  (query: string, variables: object): BuildRequest =>
  (token, signal) =>
    graphqlRequest(query, variables, token, 'application/json', signal);

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

  function throwIfEnded(signal: AbortSignal): void {
    if (closing.signal.aborted) throw closedError();
    signal.throwIfAborted();
  }

  /** Sends a request once, and once more if its token is refused. */
  async function attempt<Body>(
    build: BuildRequest,
    milliseconds: number,
    signal = closing.signal,
    isRefused = false,
  ): Promise<Body> {
    throwIfEnded(signal);
    const timeout = new AbortController();
    const timer = setTimeout(() => timeout.abort(`no answer within ${milliseconds} ms`), milliseconds);
    try {
      const signals = AbortSignal.any([timeout.signal, closing.signal, signal]);
      const { target = url, ...request } = build(await token(), signals);
      return await answerOf<Body>(await fetch(target, request));
    } catch (cause) {
      throwIfEnded(signal);
      const isRefusal = cause instanceof RuntapeError && cause.code === 'UNAUTHENTICATED';
      if (isRefusal && !isRefused) return attempt(build, milliseconds, signal, true);
      throw cause instanceof RuntapeError ? cause : offline(timeout.signal.aborted ? timeout.signal.reason : cause);
    } finally {
      clearTimeout(timer);
    }
  }

  async function repeat<Body>(
    build: BuildRequest,
    milliseconds: number,
    signal?: AbortSignal,
    deadline = Date.now() + timing.repeat,
  ): Promise<Body> {
    for (let count = 1; ; count++) {
      try {
        return await attempt<Body>(build, milliseconds, signal);
      } catch (error) {
        if (!(error instanceof RuntapeError) || !error.retryable || Date.now() > deadline) throw error;
        await sleep(Math.max(timing.backOff(count), error.retryAfterMilliseconds ?? 0), signal);
      }
    }
  }

  async function answer(query: string, variables: object, signal?: AbortSignal, deadline?: number): Promise<never> {
    return (await repeat<{ data: never }>(operation(query, variables), timing.answer, signal, deadline)).data;
  }

  return {
    async send(document, variables) {
      const build = operation(document, variables);
      return (await attempt<{ data: never }>(build, ONCE_MILLISECONDS)).data;
    },
    repeat: (document, variables) => answer(document, variables),
    read: (document, variables, signal) => answer(document, variables, signal, Number.POSITIVE_INFINITY),
    perform: repeat,
    wake,
    close() {
      closing.abort();
      wake();
    },
  };
}
