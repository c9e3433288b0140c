import { type Connection, createConnection } from './connection/connection.ts';
import { eventStreamLink } from './connection/event-stream-link.ts';
import type { OpenLink } from './connection/link.ts';
import { createRequests } from './connection/requests.ts';
import { type SocketConstructor, socketLink } from './connection/socket-link.ts';
import { timing as defaultTiming, type Timing } from './connection/timing.ts';
import { wakeWith } from './connection/wake.ts';
import type { DocumentTypes } from './document.ts';
import { type DocumentNode, textOfDocument } from './print-document.ts';
import type { Readable } from './readable.ts';
import type { RunHandle } from './run/run-handle.ts';
import { createRunHandles } from './run/run-handles.ts';
import { createSessionHandle, type SessionHandle } from './session/session-handle.ts';
import { catchingUp, live, type Sync } from './sync.ts';

export interface ClientOptions {
  /** The GraphQL endpoint, http(s). WebSocket and SSE addresses follow from it. */
  url: string | URL;
  /** Called for each connection and again after it was refused as expired. Null without accounts. */
  token?: () => string | null | Promise<string | null>;
  /** `auto` (default) uses WebSocket and falls back to SSE when it cannot be opened. */
  transport?: 'auto' | 'websocket' | 'sse';
  fetch?: typeof globalThis.fetch;
  /** The class of WebSockets where there is no global one: `ws` on Node 20. */
  webSocket?: unknown;
  /** Delays of the client, in milliseconds. For tests, and for networks that need others. */
  timing?: Partial<Timing>;
}

export interface RuntapeClient extends AsyncDisposable {
  /** By key, or by id with `{ id }`. Nothing is asked or created until it is used. */
  session(keyOrId: string | { id: string }): SessionHandle;
  run(id: string): RunHandle;
  query<Data, Variables>(
    document: (DocumentNode & DocumentTypes<Data, Variables>) | (string & DocumentTypes<Data, Variables>) | string,
    variables?: Variables,
  ): Promise<Data>;
  readonly sync: Readable<Sync>;
  /** Ends every subscription and iterator. */
  close(): Promise<void>;
}

export function createClient(options: ClientOptions): RuntapeClient {
  const url = new URL(options.url);
  const timing: Timing = { ...defaultTiming, ...options.timing };
  const fetch = options.fetch ?? ((...request) => globalThis.fetch(...request));
  const token = async () => (await options.token?.()) ?? null;
  const requests = createRequests({ url: url.href, fetch, token, timing });
  const connection = createConnection({ token, timing, links: linksOf(options, url, fetch, timing) });
  const runs = createRunHandles(connection, requests);
  const stopWaking = wakeWith(() => {
    connection.wake();
    requests.wake();
  });
  const client: RuntapeClient = {
    session: (name) => createSessionHandle({ name: typeof name === 'string' ? { key: name } : name, requests, runs }),
    run: (id) => runs.get(id),
    query: (document, variables) => requests.send(textOfDocument(document), (variables ?? {}) as object) as never,
    sync: syncOf(connection),
    async close() {
      stopWaking();
      connection.close();
      requests.close();
    },
    [Symbol.asyncDispose]: () => client.close(),
  };
  return client;
}

function linksOf(
  { transport = 'auto', webSocket }: ClientOptions,
  url: URL,
  fetch: typeof globalThis.fetch,
  timing: Timing,
) {
  const Socket = (webSocket ?? globalThis.WebSocket) as SocketConstructor | undefined;
  const links: OpenLink[] = [];
  if (transport !== 'sse' && Socket) links.push(socketLink(url.href.replace(/^http/, 'ws'), Socket, timing));
  if (transport !== 'websocket') links.push(eventStreamLink(url.href, fetch, timing));
  if (links.length > 0) return links;
  throw new TypeError('There is no global WebSocket. Pass the class as `webSocket`, or use another `transport`.');
}

/** Live while nothing is asked for: then nothing is missing. */
function syncOf({ state }: Connection): Readable<Sync> {
  return {
    get: () => {
      const link = state.get();
      return link.state === 'offline' ? link : link.state === 'open' ? live : catchingUp;
    },
    subscribe: (listener) => state.subscribe(listener),
  };
}
