import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** Stands between a server and Postgres. */
export interface Proxy extends AsyncDisposable {
  /** The database as it is reached through here. */
  url: string;
  /** Breaks every connection there is. */
  cut(): void;
  /** Breaks a connection when it has passed on a message that holds this text, before the answer comes back. Once. */
  cutBehind(text: string): void;
}

export async function createProxy(database: string): Promise<Proxy> {
  const url = new URL(database);
  const pairs = new Set<[Socket, Socket]>();
  let fatal: string | null = null;

  const server = createServer((client) => {
    const upstream = connect(Number(url.port), url.hostname);
    const pair: [Socket, Socket] = [client, upstream];
    const end = () => {
      pairs.delete(pair);
      for (const socket of pair) socket.destroy();
    };
    pairs.add(pair);
    for (const socket of pair) socket.on('error', end).on('close', end);
    upstream.on('data', (bytes) => client.write(bytes));
    client.on('data', (bytes) => {
      if (fatal === null || !bytes.includes(fatal)) return upstream.write(bytes);
      fatal = null;
      client.destroy();
      // What was asked for takes place: only nobody hears of it.
      pairs.delete(pair);
      upstream.removeAllListeners('data').resume();
      return upstream.end(bytes);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The proxy has no port.');
  const through = new URL(url);
  through.host = `127.0.0.1:${address.port}`;
  const cut = () => {
    for (const pair of pairs) for (const socket of pair) socket.destroy();
  };
  return {
    url: through.href,
    cut,
    cutBehind(text) {
      fatal = text;
    },
    async [Symbol.asyncDispose]() {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
}
