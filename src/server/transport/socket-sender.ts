import type { LiveStream } from '../../streams/live-stream.ts';
import type { Message, SocketWriter } from './socket-writer.ts';

export interface SendTarget {
  /** The id that the client gave the operation. */
  operationId: string;
  writer: SocketWriter;
}

const messageEnd = Buffer.from('}');

/**
 * Sends the results of an operation to its socket, without a promise for each of them and with JSON that subscribers share. The
 * `graphql-ws` library sees an iterator that ends without a value when the stream has ended, and then sends `complete`.
 */
export function sendResults(
  results: Pick<LiveStream<{ bytes: Buffer }>, 'read' | 'onReadable' | 'close'>,
  { operationId, writer }: SendTarget,
): AsyncIterableIterator<never, undefined> {
  const finished = { done: true, value: undefined } as const;
  const messageStart = Buffer.from(`{"id":${JSON.stringify(operationId)},"type":"next","payload":`);
  let failure: unknown = null;
  let finish = () => {};

  const sender = {
    take(): Message | undefined {
      const result = results.read();
      if (result === 'end') finish();
      return typeof result === 'string' ? undefined : [messageStart, result.bytes, messageEnd];
    },
    stop(error: unknown): void {
      failure = error;
      results.close();
      finish();
    },
  };

  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      await new Promise<void>((resolve) => {
        finish = resolve;
        results.onReadable(() => writer.schedule(sender));
        writer.schedule(sender);
      });
      if (failure !== null) throw failure;
      return finished;
    },
    async return() {
      results.close();
      finish();
      return finished;
    },
  };
}

/** Sends one result like `sendResults`. */
export function sendResult(bytes: Buffer, target: SendTarget): AsyncIterableIterator<never, undefined> {
  let isSent = false;
  const results = {
    read() {
      if (isSent) return 'end';
      isSent = true;
      return { bytes };
    },
    onReadable() {},
    close() {},
  } as const;
  return sendResults(results, target);
}
