import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/** Bounds how many connections or subscriptions each address or principal has at the same time. */
export interface ConcurrencyLimit {
  max: number;
  /** Returns the function that frees the slot, or null if the key has `max` slots. A second call frees nothing. */
  acquire(key: string): (() => void) | null;
}

export function createConcurrencyLimit(max: number): ConcurrencyLimit {
  const counts = new Map<string, number>();

  function release(key: string): void {
    const count = (counts.get(key) ?? 1) - 1;
    if (count > 0) counts.set(key, count);
    else counts.delete(key);
  }

  return {
    max,
    acquire(key) {
      const count = counts.get(key) ?? 0;
      if (count >= max) return null;
      counts.set(key, count + 1);
      let isReleased = false;
      return () => {
        if (!isReleased) release(key);
        isReleased = true;
      };
    },
  };
}

/** Closes connections of an address that has too many, before anything is read from them. */
export function limitConnections(server: Server, maxPerAddress: number): void {
  const limit = createConcurrencyLimit(maxPerAddress);
  server.on('connection', (socket: Socket) => {
    const release = limit.acquire(socket.remoteAddress ?? '');
    if (release) socket.once('close', release);
    else socket.destroy();
  });
}
