import type { LiveStream } from '../../streams/live-stream.ts';
import type { Message, Sender, SocketWriter } from './socket-writer.ts';

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
export function sendResults(results: Results, target: SendTarget): AsyncIterableIterator<never, undefined> {
  return new ResultSender(results, target);
}

type Results = Pick<LiveStream<{ bytes: Buffer | readonly Buffer[] }>, 'read' | 'onReadable' | 'close'>;

const finished = { done: true, value: undefined } as const;

class ResultSender implements Sender, AsyncIterableIterator<never, undefined> {
  readonly #results: Results;
  readonly #writer: SocketWriter;
  readonly #messageStart: Buffer;
  #failure: unknown = null;
  #finish = () => {};

  constructor(results: Results, { operationId, writer }: SendTarget) {
    this.#results = results;
    this.#writer = writer;
    this.#messageStart = Buffer.from(`{"id":${JSON.stringify(operationId)},"type":"next","payload":`);
  }

  take(): Message | undefined {
    const result = this.#results.read();
    if (result === 'end') this.#finish();
    return typeof result === 'string' ? undefined : [this.#messageStart, result.bytes, messageEnd];
  }

  stop(error: unknown): void {
    this.#failure = error;
    this.#results.close();
    this.#finish();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<typeof finished> {
    await new Promise<void>((resolve) => {
      this.#finish = resolve;
      this.#results.onReadable(() => this.#writer.schedule(this));
      this.#writer.schedule(this);
    });
    if (this.#failure !== null) throw this.#failure;
    return finished;
  }

  async return(): Promise<typeof finished> {
    this.#results.close();
    this.#finish();
    return finished;
  }
}

/** Sends one result like `sendResults`. @param bytes the parts of its JSON */
export function sendResult(bytes: readonly Buffer[], target: SendTarget): AsyncIterableIterator<never, undefined> {
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
