import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A stretch of network between a server and its database that breaks when it is told to. */
export interface BreakingProxy extends AsyncDisposable {
  /** Of the database, through the proxy. */
  url: string;
  /** Resets every connection, and each new one. */
  cut(): void;
  /** Loses every byte in both directions; connections stay open, and new ones are taken and not answered. */
  swallow(): void;
  /** Keeps every byte in both directions: what was sent arrives when it is healed, however late that is. */
  delay(): void;
  /** Cuts a connection when it has passed on a message that holds this text, before the answer comes back. Once. */
  cutBehind(text: string): void;
  /** Lets bytes through again. Connections that lost some are reset. */
  heal(): void;
}

type State = 'through' | 'cut' | 'swallow' | 'delay';

export async function startBreakingProxy(to: string): Promise<BreakingProxy> {
  const target = new URL(to);
  const lines = new Set<ReturnType<typeof createLine>>();
  let state: State = 'through';
  let fatal: string | null = null;
  const isLast = (bytes: Buffer) => {
    const found = fatal !== null && bytes.includes(fatal);
    if (found) fatal = null;
    return found;
  };
  const server = createServer((near) => {
    near.on('error', () => undefined);
    if (state === 'cut') return void near.resetAndDestroy();
    const line = createLine(near, connect(Number(target.port), target.hostname), () => state, isLast);
    lines.add(line);
    near.once('close', () => lines.delete(line));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const change = (next: State) => {
    state = next;
    for (const line of lines) line.follow(next);
  };
  const near = new URL(to);
  near.port = String((server.address() as AddressInfo).port);
  return {
    url: near.href,
    cut: () => change('cut'),
    swallow: () => change('swallow'),
    delay: () => change('delay'),
    cutBehind(text) {
      fatal = text;
    },
    heal: () => change('through'),
    async [Symbol.asyncDispose]() {
      server.close();
      change('cut');
      await once(server, 'close');
    },
  };
}

/** One connection, both ways. */
function createLine(near: Socket, far: Socket, state: () => State, isLast: (bytes: Buffer) => boolean) {
  const kept: (() => void)[] = [];
  let lost = false;
  for (const [from, to] of [
    [near, far],
    [far, near],
  ] as const) {
    from.on('data', (bytes) => {
      // What was asked for takes place: only nobody hears of it.
      if (from === near && isLast(bytes)) to.end(bytes, () => near.resetAndDestroy());
      else if (state() === 'through') to.write(bytes);
      else if (state() === 'delay') kept.push(() => to.write(bytes));
      else lost = true;
    });
    from.on('error', () => undefined);
    from.on('close', () => to.end());
  }
  return {
    follow(next: State): void {
      if (next === 'cut' || (next === 'through' && lost)) {
        near.resetAndDestroy();
        far.resetAndDestroy();
      } else if (next === 'through') for (const send of kept.splice(0)) send();
    },
  };
}
