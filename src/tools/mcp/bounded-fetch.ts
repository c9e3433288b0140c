import type { Dispatcher } from 'undici';
import type { Clock } from '../../clock.ts';
import { createMessagePace, type MessagePace } from './message-pace.ts';
import { MessageMeter } from './message-size.ts';

type Fetch = (url: string | URL, init?: RequestInit) => Promise<Response>;

const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;

/**
 * A `fetch` for a server that is not trusted with memory and time. Bodies are measured as they are after decompression: a JSON body as
 * a whole, an event stream by event. A message beyond the limits of `MessageMeter` ends its body with an error and calls `onHarm`.
 * The events of all bodies are passed on as `createMessagePace` allows.
 */
export function createBoundedFetch(dispatcher: Dispatcher, clock: Clock, onHarm: (reason: string) => void): Fetch {
  const pace = createMessagePace(clock);
  return async (url, init) => {
    const request: RequestInit & { dispatcher: Dispatcher } = { ...init, dispatcher };
    const response = await fetch(url, request);
    if (response.body === null) return response;
    const isStream = /^text\/event-stream\b/i.test(response.headers.get('content-type') ?? '');
    const body = response.body.pipeThrough(
      new TransformStream(isStream ? measureEvents(pace, onHarm) : measureBody(onHarm)),
    );
    const { status, statusText, headers } = response;
    return new Response(body, { status, statusText, headers });
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
  const endOfEvent = createEventEnds();
  return {
    async transform(chunk, controller) {
      for (let start = 0; start < chunk.length; ) {
        const end = endOfEvent(chunk, start);
        meter.add(chunk, start, end ?? chunk.length);
        const problem = meter.problem();
        if (problem !== null) {
          controller.error(new Error(problem));
          return onHarm(problem);
        }
        controller.enqueue(chunk.subarray(start, end ?? chunk.length));
        if (end === null) return;
        const { bytes } = meter;
        meter.reset();
        start = end;
        await pace.after(bytes);
      }
    },
  };
}

/** Returns the index after the end of the event that a part of a stream continues; null if the event goes on. An empty line ends it. */
function createEventEnds(): (chunk: Uint8Array, start: number) => number | null {
  let lineBytes = 0;
  let previous = 0;
  return (chunk, start) => {
    for (let index = start; index < chunk.length; index += 1) {
      const byte = chunk[index] ?? 0;
      const endsLine = byte === CARRIAGE_RETURN || (byte === LINE_FEED && previous !== CARRIAGE_RETURN);
      const endsEvent = endsLine && lineBytes === 0;
      if (endsLine) lineBytes = 0;
      else if (byte !== LINE_FEED) lineBytes += 1;
      previous = byte;
      if (endsEvent) return index + 1;
    }
    return null;
  };
}
