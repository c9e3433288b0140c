import type { RuntapeError } from '../runtape-error.ts';
import { readEventStream } from './event-stream.ts';
import type { answerOf, graphqlRequest } from './graphql-request.ts';
import type { LinkOptions, OpenLink, Sink } from './link.ts';
import type { Timing } from './timing.ts';

/** This file is loaded only when it is needed. It is given what the rest uses too, so that bundlers need no third file for that. */
interface EventStreamOptions {
  /** Sends a request to the gateway. */
  post(...request: Parameters<typeof graphqlRequest>): Promise<Response>;
  timing: Timing;
  answerOf: typeof answerOf;
  offline(cause: unknown): RuntapeError;
}

/**
 * GraphQL over server-sent events: a request for each operation. If one of the streams breaks, the whole link counts as lost, and
 * every operation continues at its cursor on the next one.
 */
export function eventStreamLink(options: EventStreamOptions): OpenLink {
  const { post, timing, answerOf, offline } = options;

  const errorBy = (cause: unknown) =>
    cause instanceof Error && 'retryable' in cause ? (cause as RuntapeError) : offline(cause);

  return async ({ token, signal: opening, onLost }: LinkOptions) => {
    const streams = new AbortController();
    let isOpen = false;

    function end(error: RuntapeError | null): void {
      if (streams.signal.aborted) return;
      streams.abort();
      if (error !== null && isOpen) onLost(error);
    }

    async function follow(query: string, variables: object, sink: Sink, signal: AbortSignal): Promise<void> {
      const request = post(query, variables, token, 'text/event-stream', signal);
      const response = await withoutSilence(request, timing.silentStream);
      if (!response.headers.get('content-type')?.startsWith('text/event-stream')) {
        await withoutSilence(answerOf(response), timing.silentStream);
        throw offline(`HTTP status ${response.status}`);
      }
      let hasEnded = false;
      const read = readEventStream(({ event, data }) => {
        if (event === 'next') sink.next(JSON.parse(data));
        hasEnded ||= event === 'complete';
      });
      for await (const chunk of chunksOf(response, timing.silentStream)) {
        // Nothing is delivered after the operation was stopped.
        if (signal.aborted) return;
        read(chunk);
      }
      if (!hasEnded) throw offline('a stream of events broke off');
      sink.end(null);
    }

    opening.addEventListener('abort', () => streams.abort());
    const timeout = setTimeout(() => streams.abort(), timing.open);
    try {
      // Asks whether the server is there and accepts the token.
      await answerOf(await post('{__typename}', {}, token, 'application/json', streams.signal));
    } catch (cause) {
      streams.abort();
      throw errorBy(cause);
    } finally {
      clearTimeout(timeout);
    }
    isOpen = true;
    return {
      // A stream that is silent for too long is noticed by itself.
      check() {},
      start(query: string, variables: object, sink: Sink) {
        const stopped = new AbortController();
        const signal = AbortSignal.any([stopped.signal, streams.signal]);
        follow(query, variables, sink, signal).catch((cause: unknown) => {
          if (signal.aborted) return;
          const error = errorBy(cause);
          if (error.code === 'OFFLINE' || error.code === 'UNAUTHENTICATED') end(error);
          else sink.end(error);
        });
        return () => stopped.abort();
      },
      close: () => end(null),
    };
  };
}

/** Rejects if the promise is not settled in time. What it waits for goes on. */
function withoutSilence<T>(promise: Promise<T>, milliseconds: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('a stream of events fell silent')), milliseconds);
  });
  return Promise.race([promise, silence]).finally(() => clearTimeout(timer));
}

/** Rejects if nothing arrives for too long. */
async function* chunksOf(response: Response, silentMilliseconds: number): AsyncGenerator<string, void> {
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const decoder = new TextDecoder();
  try {
    for (;;) {
      const { done, value } = await withoutSilence(reader.read(), silentMilliseconds);
      if (done) return;
      yield decoder.decode(value, { stream: true });
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}
