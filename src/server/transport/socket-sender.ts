import { bytesOf, type StreamedResult } from '../../graphql/execution/subscribe.ts';
import type { Following } from '../../streams/following.ts';
import type { Message, SocketWriter } from './socket-writer.ts';

/** Where the results of one operation go. */
export interface SendTarget {
  /** Of the operation, as its client calls it. */
  id: string;
  outlet: SocketWriter;
}

const ending = Buffer.from('}');

/**
 * Sends results to their socket as they come: each is written out once for all of its readers, and to a reader who is in
 * step without a promise. To the protocol's library it looks like a stream that ends without a result.
 */
export function sendResults(
  results: Following<StreamedResult>,
  { id, outlet }: SendTarget,
): AsyncIterableIterator<never, undefined> {
  const end: IteratorReturnResult<undefined> = { done: true, value: undefined };
  const beginning = Buffer.from(`{"id":${JSON.stringify(id)},"type":"next","payload":`);
  let held: StreamedResult | undefined;
  let release = () => {};
  let failure: unknown = null;
  let over = false;

  async function leave(): Promise<void> {
    over = true;
    release();
    await results.return?.();
  }

  function nextResult(): StreamedResult | undefined {
    if (over) return undefined;
    if (held === undefined) return results.ready();
    const result = held;
    held = undefined;
    release();
    return result;
  }

  const sender = {
    take(): Message | undefined {
      const result = nextResult();
      return result && [beginning, bytesOf(result), ending];
    },
    stop(error: unknown): void {
      failure = error;
      void leave();
    },
  };

  /** Resolves when it was written, or never will be. */
  function send(result: StreamedResult): Promise<void> {
    held = result;
    outlet.offer(sender);
    return new Promise((resolve) => {
      release = resolve;
    });
  }

  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      results.onReady(() => outlet.offer(sender));
      while (!over) {
        const result = await results.next();
        if (result.done || over) break;
        await send(result.value);
      }
      await leave();
      if (failure !== null) throw failure;
      return end;
    },
    async return() {
      await leave();
      return end;
    },
  };
}
