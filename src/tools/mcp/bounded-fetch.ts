import type { Dispatcher } from 'undici';
import { MCP_MESSAGE_BYTES } from '../../config/limits.ts';

type Fetch = (url: string | URL, init?: RequestInit) => Promise<Response>;

const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;

/**
 * A `fetch` for a server that is not trusted with memory. Bodies are counted as they are after decompression: a JSON body as a
 * whole, an event stream by event. A message that is longer than MCP_MESSAGE_BYTES ends its body with an error and calls
 * `onTooLong`.
 */
export function createBoundedFetch(dispatcher: Dispatcher, onTooLong: (reason: string) => void): Fetch {
  return async (url, init) => {
    const request: RequestInit & { dispatcher: Dispatcher } = { ...init, dispatcher };
    const response = await fetch(url, request);
    if (response.body === null) return response;
    const isStream = /^text\/event-stream\b/i.test(response.headers.get('content-type') ?? '');
    const count = isStream ? createEventCounter() : createTotalCounter();
    const body = response.body.pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller) {
          if (count(chunk) <= MCP_MESSAGE_BYTES) return controller.enqueue(chunk);
          const reason = `It sent a message longer than ${MCP_MESSAGE_BYTES} bytes.`;
          // The error also cancels the response.
          controller.error(new Error(reason));
          onTooLong(reason);
        },
      }),
    );
    const { status, statusText, headers } = response;
    return new Response(body, { status, statusText, headers });
  };
}

function createTotalCounter(): (chunk: Uint8Array) => number {
  let total = 0;
  return (chunk) => {
    total += chunk.length;
    return total;
  };
}

/** Returns the bytes of the longest event that a chunk belongs to. An empty line ends an event. */
function createEventCounter(): (chunk: Uint8Array) => number {
  let event = 0;
  let line = 0;
  let previous = 0;
  return (chunk) => {
    let longest = 0;
    for (const byte of chunk) {
      const endsLine = byte === CARRIAGE_RETURN || (byte === LINE_FEED && previous !== CARRIAGE_RETURN);
      event = endsLine && line === 0 ? 0 : event + 1;
      if (endsLine) line = 0;
      else if (byte !== LINE_FEED) line += 1;
      if (event > longest) longest = event;
      previous = byte;
    }
    return longest;
  };
}
