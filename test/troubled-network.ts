import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** What a network does to its connections. Chances from 0 to 1. */
export interface Trouble {
  /** A connection is reset after a random number of bytes of the server, up to this one and mostly far fewer. */
  cutBytes: number;
  /** Chance that a connection stays open and delivers nothing more instead. */
  freezes: number;
  /** Chance that a piece of data is delayed. */
  delays: number;
  delayMilliseconds: number;
}

export interface TroubledNetwork extends AsyncDisposable {
  /** The target, through the proxy. */
  url: string;
  counts: { connections: number; cuts: number; freezes: number };
  /** From now on the network is a good one. Connections that are open stay what they are. */
  heal(): void;
  /** Resets every connection. */
  cutAll(): void;
  /** Connections that are open stay open, and deliver nothing more in either direction. */
  freezeAll(): void;
  /** Refuses connections until the returned function is called. */
  refuse(): () => void;
}

/** A TCP proxy in front of `target` that cuts, freezes and delays at random. */
export async function startTroubledNetwork(
  target: string,
  random: () => number,
  trouble: Trouble = { cutBytes: Number.POSITIVE_INFINITY, freezes: 0, delays: 0, delayMilliseconds: 0 },
): Promise<TroubledNetwork> {
  const { port, hostname } = new URL(target);
  const sockets = new Set<Socket>();
  const counts = { connections: 0, cuts: 0, freezes: 0 };
  let isHealed = false;
  let isRefusing = false;

  const server = createServer((client) => {
    if (isRefusing) {
      client.resetAndDestroy();
      return;
    }
    counts.connections += 1;
    const upstream = connect(Number(port), hostname);
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
    client.pipe(upstream);
    const bytesLeft = isHealed ? Number.POSITIVE_INFINITY : random() ** 3 * trouble.cutBytes;
    const isFreezing = !isHealed && random() < trouble.freezes;
    pass(upstream, client, bytesLeft, isFreezing);
  });

  function pass(upstream: Socket, client: Socket, bytes: number, isFreezing: boolean): void {
    let left = bytes;
    let earlier = Promise.resolve();
    upstream.on('data', (data: Buffer) => {
      const isDelayed = !isHealed && random() < trouble.delays;
      earlier = earlier.then(async () => {
        if (isDelayed) await new Promise((resolve) => setTimeout(resolve, random() * trouble.delayMilliseconds));
        if (left <= 0 || client.destroyed) return;
        client.write(data.subarray(0, left));
        left -= data.length;
        if (left > 0) return;
        // What was written before arrives first: a reset would discard it.
        if (isFreezing) counts.freezes += 1;
        else {
          counts.cuts += 1;
          client.end(() => upstream.destroy());
        }
      });
    });
  }

  function freezeAll(): void {
    for (const socket of sockets) {
      socket.unpipe();
      socket.removeAllListeners('data');
      socket.pause();
    }
  }

  const cutAll = () => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = new URL(target);
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    counts,
    cutAll,
    freezeAll,
    heal() {
      isHealed = true;
    },
    refuse() {
      isRefusing = true;
      cutAll();
      return () => {
        isRefusing = false;
      };
    },
    async [Symbol.asyncDispose]() {
      cutAll();
      server.close();
      await once(server, 'close');
    },
  };
}
