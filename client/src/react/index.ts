'use client';

import {
  createContext,
  createElement,
  type ReactNode,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useSyncExternalStore,
} from 'react';
import type {
  ActivityItem,
  ClientToolSet,
  LiveList,
  MessageItem,
  Readable,
  RunHandle,
  RunSnapshot,
  RuntapeClient,
  SendOptions,
  SessionHandle,
  SessionItem,
  SessionListOptions,
  Sync,
  WaitFilter,
  WaitHandle,
} from '../index.ts';
import { perFrame } from './frame.ts';

const ClientContext = createContext<RuntapeClient | null>(null);

/** Gives the client to the hooks below it. The client is not closed with it. */
export function RuntapeProvider({ client, children }: { client: RuntapeClient; children?: ReactNode }) {
  return createElement(ClientContext.Provider, { value: client }, children);
}

export function useClient(): RuntapeClient {
  const client = useContext(ClientContext);
  if (client === null)
    throw new Error('There is no client. Render this component inside <RuntapeProvider client={…}>.');
  return client;
}

/** Handles that are in use somewhere, by what they show: all hooks with the same arguments share one. */
const handles = new WeakMap<RuntapeClient, Map<string, WeakRef<object>>>();

function shared<Handle extends object>(client: RuntapeClient, name: string, create: () => Handle): Handle {
  const known = handles.get(client) ?? new Map<string, WeakRef<object>>();
  handles.set(client, known);
  const existing = known.get(name)?.deref() as Handle | undefined;
  if (existing) return existing;
  for (const [each, handle] of known) if (handle.deref() === undefined) known.delete(each);
  const handle = create();
  known.set(name, new WeakRef(handle));
  return handle;
}

function useShared<Handle extends object>(name: string, create: (client: RuntapeClient) => Handle): Handle {
  const client = useClient();
  // biome-ignore lint/correctness/useExhaustiveDependencies: the name says what is created
  return useMemo(() => shared(client, name, () => create(client)), [client, name]);
}

/** The value as it was when the newest frame began. */
function useReadable<T>(readable: Readable<T>): T {
  const frames = useMemo(() => perFrame(readable), [readable]);
  return useSyncExternalStore(frames.subscribe, frames.get, frames.get);
}

export interface RunView {
  run: RunHandle;
  state: RunSnapshot;
  sync: Sync;
}

/** Follows a run. */
export function useRun(id: string): RunView {
  const client = useClient();
  const run = useMemo(() => client.run(id), [client, id]);
  return { run, state: useReadable(run.state), sync: useReadable(run.sync) };
}

export interface ListView<T> {
  items: readonly T[];
  sync: Sync;
  hasMore: boolean;
  loadMore(): Promise<void>;
}

function useList<T>(list: LiveList<T>): ListView<T> {
  const items = useReadable(list);
  const sync = useReadable(list.sync);
  const hasMore = useReadable(list.hasMore);
  return { items, sync, hasMore, loadMore: list.loadMore };
}

export function useSessions(options: SessionListOptions = {}): ListView<SessionItem> {
  return useList(useShared(`sessions ${JSON.stringify(options)}`, (client) => client.sessions(options)));
}

/** Everything that waits for a person or for a client. */
export function useWaits(options: WaitFilter = {}): ListView<WaitHandle> {
  return useList(useShared(`waits ${JSON.stringify(options)}`, (client) => client.waits(options)));
}

/** The wait as it is now. */
export function useWait(wait: WaitHandle) {
  return useReadable(wait.data);
}

export interface SessionView {
  session: SessionHandle;
  /** Oldest first, streaming answers included. */
  messages: readonly MessageItem[];
  waits: readonly WaitHandle[];
  /** The newest run; null before the first message. */
  run: RunSnapshot | null;
  sync: Sync;
  send(text: string, options?: SendOptions): Promise<RunHandle>;
  stop(options?: { queued?: boolean; reason?: string }): Promise<void>;
  loadOlder(): Promise<void>;
  hasOlder: boolean;
}

const noRun: Readable<null> = { get: () => null, subscribe: () => () => {} };

/** A conversation, by the key of its session or by its id. Creates nothing before the first message. */
export function useSession(keyOrId: string | { id: string }): SessionView {
  const client = useClient();
  const session = useShared(`session ${JSON.stringify(keyOrId)}`, () => client.session(keyOrId));
  const messages = useReadable(session.messages);
  const waits = useReadable(session.waits);
  const sync = useReadable(session.messages.sync);
  const hasOlder = useReadable(session.messages.hasMore);
  const runId = messages.at(-1)?.runId;
  const newest: Readable<RunSnapshot | null> = useMemo(
    () => (runId ? client.run(runId).state : noRun),
    [client, runId],
  );
  const run = useReadable(newest);
  const { send, stop } = session;
  return { session, messages, waits, run, sync, send, stop, loadOlder: session.messages.loadMore, hasOlder };
}

/** Calls the newest `listener` for each change from now on. */
export function useActivity(listener: (item: ActivityItem) => void): void {
  const client = useClient();
  const newest = useRef(listener);
  useEffect(() => {
    newest.current = listener;
  });
  useEffect(() => {
    const leaving = new AbortController();
    const follow = async () => {
      for await (const item of client.activity({ signal: leaving.signal })) newest.current(item);
    };
    follow().catch((error: unknown) => {
      if (!leaving.signal.aborted) reportError(error);
    });
    return () => leaving.abort();
  }, [client]);
}

/** Runs the calls of these tools while the component is mounted, with the functions of the newest render. */
export function useClientTools(tools: ClientToolSet): void {
  const client = useClient();
  const newest = useRef(tools);
  useEffect(() => {
    newest.current = tools;
  });
  const declared = JSON.stringify(tools);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the declarations are what the gateway is told
  useEffect(() => {
    const current = Object.entries(newest.current).map(([name, tool]) => {
      const execute: typeof tool.execute = (input, context) => (newest.current[name] ?? tool).execute(input, context);
      return [name, { ...tool, execute }] as const;
    });
    return client.addTools(Object.fromEntries(current));
  }, [client, declared]);
}
