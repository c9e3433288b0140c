import type { ExecutionResult } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import type { Clock } from '../../clock.ts';
import * as limits from '../../config/limits.ts';
import { StreamedResult } from '../../graphql/execution/subscribe.ts';
import { acceptsEventStream } from './graphql-response.ts';

/** The delay after which a browser reconnects. */
const RETRY_MILLISECONDS = 1000;

export interface EventStreams {
  plugin: Plugin;
  /** Ends every open stream without a `complete` event, so that clients reconnect with `Last-Event-ID`. */
  closeAll(): void;
}

/**
 * Subscriptions as server-sent events: the distinct connections mode of the graphql-sse protocol. The id of each event is its
 * cursor, which browsers send back as `Last-Event-ID` when they reconnect.
 */
export function createEventStreams(clock: Clock): EventStreams {
  const open = new Set<() => void>();
  const plugin: Plugin = {
    onPluginInit({ addPlugin }) {
      // Added after Yoga's own result processors, because the last one that is set is used.
      addPlugin({
        onResultProcess({ request, result, setResultProcessor }) {
          if (!isStream(result) || !acceptsEventStream(request.headers.get('accept'))) return;
          setResultProcessor((results, { Response }) => {
            const body = isStream(results) ? bodyOf(results[Symbol.asyncIterator](), clock, open) : null;
            const headers = { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' };
            return new Response(body, { headers: { ...headers, 'x-accel-buffering': 'no' } });
          }, 'text/event-stream');
        },
      });
    },
  };
  return {
    plugin,
    closeAll() {
      for (const close of [...open]) close();
    },
  };
}

/** @param open functions that close the streams which are open; this one adds itself while it is */
function bodyOf(
  results: AsyncIterator<ExecutionResult>,
  clock: Clock,
  open: Set<() => void>,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let cancelPing = () => {};
  let close = () => {};

  function release(): void {
    cancelPing();
    open.delete(close);
  }

  return new ReadableStream<Uint8Array>({
    start(controller) {
      const ping = () => {
        if ((controller.desiredSize ?? 0) > 0) controller.enqueue(encoder.encode(':\n\n'));
        cancelPing = clock.after(limits.KEEP_ALIVE_SECONDS * 1000, ping);
      };
      close = () => {
        release();
        controller.close();
        void results.return?.();
      };
      open.add(close);
      controller.enqueue(encoder.encode(`retry: ${RETRY_MILLISECONDS}\n`));
      ping();
    },
    async pull(controller) {
      const { done, value } = await results.next();
      if (!open.has(close)) return;
      if (!done) {
        controller.enqueue(messageOf(value));
        return;
      }
      controller.enqueue(encoder.encode('event: complete\ndata:\n\n'));
      release();
      controller.close();
    },
    async cancel() {
      release();
      await results.return?.();
    },
  });
}

function messageOf(result: ExecutionResult): Uint8Array {
  // Yoga replaces results that have errors by copies.
  const { cursor, bytes } = result instanceof StreamedResult ? result : new StreamedResult(result);
  const id = cursor === null ? '' : `id: ${cursor}\n`;
  return Buffer.concat([Buffer.from(`${id}event: next\ndata: `), bytes, Buffer.from('\n\n')]);
}

function isStream(result: unknown): result is AsyncIterable<ExecutionResult> {
  return typeof result === 'object' && result !== null && Symbol.asyncIterator in result;
}
