import type { Plugin } from 'graphql-yoga';
import type { Clock } from '../../clock.ts';
import * as limits from '../../config/limits.ts';
import { bytesOf, eventCursor, type StreamedResult } from '../../graphql/execution/subscribe.ts';

/** How long a browser waits before it comes back after the stream was cut. */
const RETRY_MILLISECONDS = 1000;

export interface EventStreams {
  plugin: Plugin;
  /** Cuts every open stream without a `complete`: clients come back with `Last-Event-ID`. */
  closeAll(): void;
}

/**
 * Subscriptions as server-sent events, as the graphql-sse protocol's distinct connections mode has them, with each event's
 * cursor as its id, which browsers hand back as `Last-Event-ID` when they reconnect.
 */
export function createEventStreams(clock: Clock): EventStreams {
  const open = new Set<() => void>();
  const encoder = new TextEncoder();

  function stream(results: AsyncIterable<unknown>): ReadableStream<Uint8Array> {
    const iterator = results[Symbol.asyncIterator]();
    let cancelPing = () => {};
    let close = () => {};
    const leave = () => {
      cancelPing();
      open.delete(close);
    };
    return new ReadableStream<Uint8Array>({
      start(controller) {
        const write = (text: string) => controller.enqueue(encoder.encode(text));
        const ping = () => {
          if ((controller.desiredSize ?? 0) > 0) write(':\n\n');
          cancelPing = clock.after(limits.KEEP_ALIVE_SECONDS * 1000, ping);
        };
        close = () => {
          leave();
          controller.close();
          void iterator.return?.();
        };
        open.add(close);
        write(`retry: ${RETRY_MILLISECONDS}\n`);
        ping();
      },
      async pull(controller) {
        const { done, value } = await iterator.next();
        if (!open.has(close)) return;
        if (done) {
          controller.enqueue(encoder.encode('event: complete\ndata:\n\n'));
          leave();
          controller.close();
        } else {
          controller.enqueue(frame(value as StreamedResult));
        }
      },
      async cancel() {
        leave();
        await iterator.return?.();
      },
    });
  }

  const plugin: Plugin = {
    onPluginInit({ addPlugin }) {
      // Added behind yoga's own, so that this answer is the one that counts.
      addPlugin({
        onResultProcess({ request, result, setResultProcessor }) {
          const accepts = request.headers.get('accept') ?? '';
          if (!accepts.includes('text/event-stream') || !isStream(result)) return;
          setResultProcessor((streamed, { Response }) => {
            const body = isStream(streamed) ? stream(streamed) : null;
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

function frame(result: StreamedResult): Uint8Array {
  const cursor = result[eventCursor];
  const id = typeof cursor === 'string' ? `id: ${cursor}\n` : '';
  return Buffer.concat([Buffer.from(`${id}event: next\ndata: `), bytesOf(result), Buffer.from('\n\n')]);
}

function isStream(result: unknown): result is AsyncIterable<unknown> {
  return typeof result === 'object' && result !== null && Symbol.asyncIterator in result;
}
