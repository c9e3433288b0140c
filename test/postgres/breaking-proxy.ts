import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A proxy between a server and its database that breaks connections on command. */
export interface BreakingProxy extends AsyncDisposable {
  /** The database's URL, through the proxy. */
  url: string;
  /** Resets all connections, and every new one until `heal`. */
  cut(): void;
  /** Drops every byte in both directions. Connections stay open; new ones are accepted and not answered. */
  swallow(): void;
  /** Holds back every byte in both directions until `heal`. */
  delay(): void;
  /** Resets a connection once, after it has forwarded a message with this text and before the answer returns. */
  cutAfter(text: string): void;
  /** Forwards bytes again. Resets the connections that lost bytes. */
  heal(): void;
}

type State = 'forward' | 'cut' | 'swallow' | 'delay';

export async function startBreakingProxy(databaseUrl: string): Promise<BreakingProxy> {
  const target = new URL(databaseUrl);
  const links = new Set<ReturnType<typeof createLink>>();
  let state: State = 'forward';
  let cutText: string | null = null;
  const cutsAfter = (bytes: Buffer) => {
    const matches = cutText !== null && bytes.includes(cutText);
    if (matches) cutText = null;
    return matches;
  };
  const server = createServer((near) => {
    near.on('error', () => undefined);
    if (state === 'cut') return void near.resetAndDestroy();
    const link = createLink(near, connect(Number(target.port), target.hostname), () => state, cutsAfter);
    links.add(link);
    near.once('close', () => links.delete(link));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const change = (next: State) => {
    state = next;
    for (const link of links) link.changeState(next);
  };
  const proxyUrl = new URL(databaseUrl);
  proxyUrl.port = String((server.address() as AddressInfo).port);
  return {
    url: proxyUrl.href,
    cut: () => change('cut'),
    swallow: () => change('swallow'),
    delay: () => change('delay'),
    cutAfter(text) {
      cutText = text;
    },
    heal: () => change('forward'),
    async [Symbol.asyncDispose]() {
      server.close();
      change('cut');
      await once(server, 'close');
    },
  };
}

/** One connection in both directions. */
function createLink(near: Socket, far: Socket, state: () => State, cutsAfter: (bytes: Buffer) => boolean) {
  const delayed: (() => void)[] = [];
  let lost = false;
  for (const [from, to] of [
    [near, far],
    [far, near],
  ] as const) {
    from.on('data', (bytes) => {
      // The database executes the request, but the client does not get the answer.
      if (from === near && cutsAfter(bytes)) to.end(bytes, () => near.resetAndDestroy());
      else if (state() === 'forward') to.write(bytes);
      else if (state() === 'delay') delayed.push(() => to.write(bytes));
      else lost = true;
    });
    from.on('error', () => undefined);
    from.on('close', () => to.end());
  }
  return {
    changeState(next: State): void {
      if (next === 'cut' || (next === 'forward' && lost)) {
        near.resetAndDestroy();
        far.resetAndDestroy();
      } else if (next === 'forward') for (const send of delayed.splice(0)) send();
    },
  };
}
