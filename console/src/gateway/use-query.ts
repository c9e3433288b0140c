import { useCallback, useEffect, useSyncExternalStore } from 'react';
import type { Document } from '../document.ts';
import { onChange } from './changes.ts';
import { client } from './connection.ts';
import { reportAnswer } from './reachability.ts';

export interface QueryState<Data> {
  /** Null before the first answer. The last answer stays while a newer one is loading, and while the gateway is away. */
  data: Data | null;
  error: (Error & { code?: string }) | null;
  isLoading: boolean;
}

interface Entry {
  state: QueryState<unknown>;
  listeners: Set<() => void>;
  isAsking: boolean;
  /** Something changed while an answer was on its way. */
  isStale: boolean;
}

/** Answers of screens that were left, so that going back shows them at once. */
const KEPT_ANSWERS = 60;
const entries = new Map<string, Entry>();
const initial: QueryState<never> = { data: null, error: null, isLoading: true };

function entryOf(key: string): Entry {
  const existing = entries.get(key);
  if (existing) return existing;
  const entry: Entry = { state: initial, listeners: new Set(), isAsking: false, isStale: false };
  entries.set(key, entry);
  for (const [old, { listeners }] of entries) {
    if (entries.size <= KEPT_ANSWERS) break;
    if (listeners.size === 0 && old !== key) entries.delete(old);
  }
  return entry;
}

function publish(entry: Entry, state: QueryState<unknown>): void {
  entry.state = state;
  for (const listener of [...entry.listeners]) listener();
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

async function load(entry: Entry, document: string, variables: object): Promise<void> {
  try {
    const data = await client.query<unknown, object>(document, variables);
    reportAnswer(true);
    const { state } = entry;
    // The same answer keeps its identity: nothing is drawn again.
    if (state.error === null && !state.isLoading && isSame(state.data, data)) return;
    publish(entry, { data, error: null, isLoading: false });
  } catch (error) {
    reportAnswer((error as { code?: string }).code !== 'OFFLINE');
    publish(entry, { data: entry.state.data, error: error as Error, isLoading: false });
  }
}

function refresh(entry: Entry, document: string, variables: object): void {
  if (entry.isAsking) {
    entry.isStale = true;
    return;
  }
  entry.isStale = false;
  entry.isAsking = true;
  void load(entry, document, variables).then(() => {
    entry.isAsking = false;
    if (entry.isStale) refresh(entry, document, variables);
  });
}

interface QueryOptions {
  /** Nothing is asked while it is false. */
  isEnabled?: boolean;
  /** Whether to ask again when something changes. */
  isLive?: boolean;
}

/** The answer of a query, kept up to date. */
export function useQuery<Data, Variables extends object>(
  document: Document<Data, Variables>,
  variables: Variables,
  { isEnabled = true, isLive = true }: QueryOptions = {},
): QueryState<Data> & { refresh(): void } {
  const key = `${document}\n${JSON.stringify(variables)}`;
  const subscribe = useCallback(
    (listener: () => void) => {
      const { listeners } = entryOf(key);
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    [key],
  );
  const state = useSyncExternalStore(subscribe, () => entryOf(key).state) as QueryState<Data>;
  const again = useCallback(() => {
    const [text = '', json = '{}'] = splitKey(key);
    refresh(entryOf(key), text, JSON.parse(json) as object);
  }, [key]);
  useEffect(() => {
    if (!isEnabled) return;
    again();
    return isLive ? onChange(again) : undefined;
  }, [again, isEnabled, isLive]);
  return { ...state, refresh: again };
}

/** Documents have no line breaks. */
function splitKey(key: string): [string, string] {
  const end = key.indexOf('\n');
  return [key.slice(0, end), key.slice(end + 1)];
}

/** Asks every query on the screen again: after an action of this page. */
export function refreshAll(): void {
  for (const [key, entry] of entries) {
    if (entry.listeners.size === 0) continue;
    const [text, json] = splitKey(key);
    refresh(entry, text, JSON.parse(json) as object);
  }
}
