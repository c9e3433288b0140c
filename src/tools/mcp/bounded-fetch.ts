import type { Dispatcher } from 'undici';
import type { Clock } from '../../clock.ts';
import { MCP_OPEN_RESPONSES } from '../../config/limits.ts';
import { createEventParts } from './event-parts.ts';
import { createMessagePace, type MessagePace } from './message-pace.ts';
import { MessageMeter } from './message-size.ts';

type Fetch = (url: string | URL, init?: RequestInit) => Promise<Response>;

/**
 * A `fetch` for a server that is not trusted with memory and time. Bodies are measured as they are after decompression: a JSON body as
 * a whole, an event stream by event. A message beyond the limits of `MessageMeter` ends its body with an error and calls `onHarm`.
 * The events of all bodies are passed on as `createMessagePace` allows. With too many bodies that do not end, it calls `onHarm` as well.
 */
export function createBoundedFetch(dispatcher: Dispatcher, clock: Clock, onHarm: (reason: string) => void): Fetch {
  const pace = createMessagePace(clock);
  let open = 0;
  return async (url, init) => {
    pace.countRequest();
    const request: RequestInit & { dispatcher: Dispatcher } = { ...init, dispatcher };
    const response = await fetch(url, request);
    if (response.body === null) return response;
    const isStream = /^text\/event-stream\b/i.test(response.headers.get('content-type') ?? '');
    const { readable, writable } = new TransformStream(isStream ? measureEvents(pace, onHarm) : measureBody(onHarm));
    open += 1;
    const ended = () => {
      open -= 1;
    };
    response.body.pipeTo(writable).then(ended, ended);
    // Each has a connection of its own. Some servers answer, and leave the stream open.
    if (open > MCP_OPEN_RESPONSES) onHarm(`It left more than ${MCP_OPEN_RESPONSES} responses open.`);
    const { status, statusText, headers } = response;
    return new Response(readable, { status, statusText, headers });
  };
}

type Measure = Transformer<Uint8Array, Uint8Array>;

function measureBody(onHarm: (reason: string) => void): Measure {
  const meter = new MessageMeter();
  return {
    transform(chunk, controller) {
      meter.add(chunk, 0, chunk.length);
      const problem = meter.problem();
      if (problem === null) return controller.enqueue(chunk);
      // The error also cancels the response.
      controller.error(new Error(problem));
      onHarm(problem);
    },
  };
}

function measureEvents(pace: MessagePace, onHarm: (reason: string) => void): Measure {
  const meter = new MessageMeter();
  const partsOf = createEventParts(meter);
  return {
    async transform(chunk, controller) {
      for (const { bytes, endsEvent } of partsOf(chunk)) {
        const problem = meter.problem();
        if (problem !== null) {
          controller.error(new Error(problem));
          return onHarm(problem);
        }
        controller.enqueue(bytes);
        if (!endsEvent) continue;
        const messageBytes = meter.bytes;
        meter.reset();
        await pace.after(messageBytes);
      }
    },
  };
}
