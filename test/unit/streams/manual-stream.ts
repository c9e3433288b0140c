import { createLiveStream, type LiveStream } from '../../../src/streams/live-stream.ts';
import { createFakeClock } from '../fake-clock.ts';

export interface ManualStream<T extends object> {
  stream: LiveStream<T>;
  /** Makes values available; the stream ends at 'end', and fails with an error. */
  push(...values: (T | 'end' | Error)[]): void;
  /** How often the stream was closed. */
  closed(): number;
  /** Values that were not read. */
  unread(): number;
}

/** A live stream whose values a test provides. */
export function createManualStream<T extends object>(): ManualStream<T> {
  const queue: (T | 'end' | Error)[] = [];
  let notify = () => {};
  let closed = 0;
  const stream = createLiveStream<T>(
    {
      open(notifyStream) {
        notify = notifyStream;
        return () => {};
      },
      take() {
        if (queue[0] instanceof Error) return 'fetch';
        return (queue.shift() as T | 'end' | undefined) ?? 'pending';
      },
      async fetch() {
        throw queue.shift();
      },
      recheck() {},
    },
    { clock: createFakeClock(), pollMilliseconds: 5000, signal: new AbortController().signal },
  );
  stream.onClose(() => {
    closed += 1;
  });
  return {
    stream,
    push(...values) {
      queue.push(...values);
      notify();
    },
    closed: () => closed,
    unread: () => queue.length,
  };
}
