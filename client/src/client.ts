import { type ActivityItem, createActivityFeed, readActivity } from './activity/activity-feed.ts';
import { type Connection, createConnection } from './connection/connection.ts';
import { answerOf, graphqlRequest } from './connection/graphql-request.ts';
import type { OpenLink } from './connection/link.ts';
import { createRequests } from './connection/requests.ts';
import { type SocketConstructor, socketLink } from './connection/socket-link.ts';
import { timing as defaultTiming, type Timing } from './connection/timing.ts';
import { wakeWith } from './connection/wake.ts';
import type { DocumentTypes } from './document.ts';
import type { LiveList } from './list/live-list.ts';
import { load } from './load.ts';
import type { DocumentNode } from './print-document.ts';
import type { Readable } from './readable.ts';
import type { RunHandle } from './run/run-handle.ts';
import { createRunHandles } from './run/run-handles.ts';
import { offline } from './runtape-error.ts';
import { createSessionHandle, type SessionContext, type SessionHandle } from './session/session-handle.ts';
import { createSessionList, type SessionItem, type SessionListOptions } from './session/session-list.ts';
import { type Sync, syncOver } from './sync.ts';
import { type ClientToolSet, declarationsOf } from './tools/client-tool.ts';
import type { WaitHandle } from './waits/wait-handle.ts';
import { createWaitList, type WaitFilter } from './waits/wait-list.ts';

export interface ClientOptions {
  /** The GraphQL endpoint, http(s). WebSocket and SSE addresses follow from it. */
  url: string | URL;
  /** Called for each connection and again after it was refused as expired. Null without accounts. */
  token?: () => string | null | Promise<string | null>;
  /** `auto` (default) uses WebSocket and falls back to SSE when it cannot be opened. */
  transport?: 'auto' | 'websocket' | 'sse';
  /** Tools that this client runs. Executed at least once for each callId, also after a reload; the result is accepted once. */
  tools?: ClientToolSet;
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
  /** Kept up to date by the activity feed. */
  sessions(options?: SessionListOptions): LiveList<SessionItem>;
  waits(options?: WaitFilter): LiveList<WaitHandle>;
  /** Changes in commit order, each once, across reconnects. Without `after` from now. */
  activity(options?: { after?: string; signal?: AbortSignal }): AsyncIterableIterator<ActivityItem>;
  /** Runs the calls of these tools too, until the returned function is called. */
  addTools(tools: ClientToolSet): () => void;
  /** Sends a document once. */
  query<Data, Variables>(
    document: (DocumentNode & DocumentTypes<Data, Variables>) | (WithText & DocumentTypes<Data, Variables>) | string,
    variables?: Variables,
  ): Promise<Data>;
  readonly sync: Readable<Sync>;
  /** Ends every subscription and iterator. */
  close(): Promise<void>;
}

/** A document as graphql-codegen writes it for `documentMode: 'string'`. */
interface WithText {
  toString(): string;
  readonly length: number;
}

export function createClient(options: ClientOptions): RuntapeClient {
  const url = new URL(options.url);
  const timing: Timing = { ...defaultTiming, ...options.timing };
  const fetch = options.fetch ?? ((...request) => globalThis.fetch(...request));
  const token = async () => (await options.token?.()) ?? null;
  const requests = createRequests({ url: url.href, fetch, token, timing });
  const connection = createConnection({ token, timing, links: linksOf(options, url, fetch, timing) });
  const feed = createActivityFeed(connection);
  const runs = createRunHandles(connection, requests);
  const lists = { connection, feed, refreshMilliseconds: timing.refresh };
  const waits = (filter: WaitFilter = {}) => createWaitList(requests, lists, async () => filter);
  const toolCalls = waits({ kinds: ['CLIENT_TOOL'] });
  const toolSets = new Set<{ tools: ClientToolSet; stop?: () => void }>();

  /** Runs the sets that are not run yet. Rejects if what runs them cannot be loaded. */
  async function startTools(): Promise<void> {
    if (toolSets.size === 0) return;
    const { runTools } = await load(import('./tools/run-tools.ts'));
    for (const set of toolSets) set.stop ??= runTools(toolCalls, set.tools);
  }

  // After a failure, the next message that declares the tools tries again, and fails if they cannot be run.
  const tryTools = () => void startTools().catch(() => {});

  function addTools(tools: ClientToolSet): () => void {
    const set: { tools: ClientToolSet; stop?: () => void } = { tools };
    toolSets.add(set);
    tryTools();
    return () => {
      toolSets.delete(set);
      set.stop?.();
    };
  }

  const sessions: SessionContext = {
    ...lists,
    requests,
    runs,
    async clientTools() {
      await startTools();
      return declarationsOf(toolSets);
    },
    upload: async (file) => (await load(import('./connection/upload.ts'))).upload(requests, url, file),
  };
  if (options.tools) addTools(options.tools);
  const stopWaking = wakeWith(() => {
    connection.wake();
    requests.wake();
    tryTools();
  });
  const client: RuntapeClient = {
    session: (name) => createSessionHandle(typeof name === 'string' ? { key: name } : name, sessions),
    run: runs.get,
    sessions: (filter = {}) => createSessionList(requests, lists, filter),
    waits,
    activity: ({ after = null, signal } = {}) => readActivity(connection, after, signal),
    addTools,
    async query(document, variables = {} as never) {
      return (await requests.send(await textOf(document), variables as object)) as never;
    },
    sync: syncOf(connection),
    async close() {
      for (const { stop } of toolSets) stop?.();
      toolSets.clear();
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
  if (transport !== 'websocket') {
    const post = (...request: Parameters<typeof graphqlRequest>) => fetch(url, graphqlRequest(...request));
    const common = { post, timing, answerOf, offline };
    // Loaded when it is needed: most pages never need the fallback.
    links.push(async (options) => (await import('./connection/event-stream-link.ts')).eventStreamLink(common)(options));
  }
  if (links.length > 0) return links;
  throw new TypeError('There is no global WebSocket. Pass the class as `webSocket`, or use another `transport`.');
}

/** Live while nothing is asked for: then nothing is missing. */
function syncOf({ state }: Connection): Readable<Sync> {
  return {
    get: () => syncOver(state.get(), true),
    subscribe: state.subscribe,
  };
}

/** The printer is loaded only for documents that are parsed. */
async function textOf(document: string | WithText | DocumentNode): Promise<string> {
  if (typeof document === 'string' || !('definitions' in document)) return document.toString();
  return (await load(import('./print-document.ts'))).printDocument(document);
}
