import type { IncomingMessage } from 'node:http';
import type { WebSocket } from 'ws';
import { createConcurrencyLimit } from '../access/concurrency-limit.ts';
import { closeReason } from './socket-messages.ts';

export interface UnauthenticatedLimits {
  /** WebSockets that are not authenticated yet, in all and of one address. */
  sockets: number;
  socketsPerAddress: number;
  /** Bytes that one of them may send, over all of its messages and fragments. */
  bytes: number;
}

/** Bounds what WebSockets use before they are authenticated. */
export interface UnauthenticatedSockets {
  /** Admits a connection until it is authenticated or closed. Returns why it is refused, or null. */
  admit(request: IncomingMessage): string | null;
  /** Closes the socket if it sends too much before it is authenticated. */
  limitBytes(request: IncomingMessage, socket: WebSocket): void;
  /** Ends the limits for a connection. */
  authenticated(request: IncomingMessage): void;
}

const MESSAGE_TOO_BIG = 1009;

export function createUnauthenticatedSockets(limits: UnauthenticatedLimits): UnauthenticatedSockets {
  const all = createConcurrencyLimit(limits.sockets);
  const byAddress = createConcurrencyLimit(limits.socketsPerAddress);
  const releases = new WeakMap<IncomingMessage, () => void>();
  const onAuthenticated = new WeakMap<IncomingMessage, () => void>();

  return {
    admit(request) {
      const releaseOne = all.acquire('');
      const releaseOfAddress = releaseOne && byAddress.acquire(request.socket.remoteAddress ?? '');
      if (!releaseOne || !releaseOfAddress) {
        releaseOne?.();
        return 'Too many WebSocket connections are waiting for `connection_init`. Try again later.';
      }
      const release = () => {
        releaseOne();
        releaseOfAddress();
      };
      releases.set(request, release);
      request.socket.once('close', release);
      return null;
    },
    limitBytes(request, socket) {
      const stream = request.socket;
      let bytes = 0;
      const count = (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes <= limits.bytes) return;
        stream.off('data', count);
        socket.close(
          MESSAGE_TOO_BIG,
          closeReason(`At most ${limits.bytes} bytes may be sent before the connection is acknowledged.`),
        );
        // Nothing more is read. `ws` cuts the connection off after its time for closing.
        socket.pause();
      };
      // Before the listener of `ws`, which parses the bytes.
      stream.prependListener('data', count);
      onAuthenticated.set(request, () => stream.off('data', count));
    },
    authenticated(request) {
      releases.get(request)?.();
      onAuthenticated.get(request)?.();
    },
  };
}
