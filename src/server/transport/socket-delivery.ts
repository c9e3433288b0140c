import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { type StreamedResult, textOf } from '../../graphql/subscribe.ts';
import type { Following } from '../../tape/following.ts';

/** Where the results of one operation go. */
export interface Line {
  /** Of the operation, as its client calls it. */
  id: string;
  socket: WebSocket;
  /** What the socket writes to. */
  stream: Duplex;
}

/** Written at once before it is waited for the reader: what a reader who stands still keeps in memory. */
const AT_ONCE_CHARACTERS = 8 * 1024;

/**
 * Writes results to their socket as they come: each is written out once for all of its readers, and what is ready in one
 * turn of the event loop goes out in one write. To the protocol's library it looks like a stream that ends without a result.
 */
export function deliver(results: Following<StreamedResult>, line: Line): AsyncIterableIterator<never, undefined> {
  const end: IteratorReturnResult<undefined> = { done: true, value: undefined };
  const beginning = `{"id":${JSON.stringify(line.id)},"type":"next","payload":`;
  const isOpen = () => line.socket.readyState === line.socket.OPEN;
  let over = false;

  async function writeOn(first: StreamedResult): Promise<void> {
    corkForTurn(line.stream);
    let characters = 0;
    let next: StreamedResult | undefined = first;
    let written: Promise<void> = Promise.resolve();
    while (next !== undefined && isOpen() && !over) {
      const message = `${beginning}${textOf(next)}}`;
      characters += message.length;
      next = characters < AT_ONCE_CHARACTERS ? results.ready() : undefined;
      if (next === undefined) written = send(line.socket, message);
      else line.socket.send(message);
    }
    await written;
  }

  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      for (;;) {
        const result = await results.next();
        if (result.done || over || !isOpen()) break;
        await writeOn(result.value);
      }
      await results.return?.();
      return end;
    },
    async return() {
      over = true;
      await results.return?.();
      return end;
    },
  };
}

/** Resolves when the operating system has it, or when the socket is closed, because nobody can have it any more. */
function send(socket: WebSocket, message: string): Promise<void> {
  return new Promise((resolve) => {
    socket.send(message, () => {
      if (socket.readyState === socket.OPEN || socket.readyState === socket.CLOSED) resolve();
      else void closed(socket).then(resolve);
    });
  });
}

const closings = new WeakMap<WebSocket, Promise<void>>();

/** One listener, however many operations a socket has. */
function closed(socket: WebSocket): Promise<void> {
  const known = closings.get(socket);
  if (known !== undefined) return known;
  const closing = new Promise<void>((resolve) => {
    socket.once('close', () => resolve());
  });
  closings.set(socket, closing);
  return closing;
}

const corked = new WeakSet<Duplex>();

/** Everything that is written until the end of this turn of the event loop goes out together. */
function corkForTurn(stream: Duplex): void {
  if (corked.has(stream)) return;
  corked.add(stream);
  stream.cork();
  setImmediate(() => {
    corked.delete(stream);
    stream.uncork();
  });
}
