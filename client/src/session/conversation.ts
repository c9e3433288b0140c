import type { ActivityItem } from '../activity/activity-feed.ts';
import type { Requests } from '../connection/requests.ts';
import { ConversationDocument, type MessageFragment } from '../generated/documents.ts';
import { createFeedFollower, type FeedContext } from '../list/feed-follower.ts';
import type { LiveList } from '../list/live-list.ts';
import { createSource, type Readable } from '../readable.ts';
import { isEnded, type MessageItem } from '../run/run-fold.ts';
import type { RunHandles } from '../run/run-handles.ts';
import { catchingUp, live, type Sync } from '../sync.ts';
import type { SessionIdentity } from './session-identity.ts';

export interface Conversation extends LiveList<MessageItem> {
  /** Shows a run of the session without waiting for the feed. */
  add(runId: string): void;
}

interface ConversationOptions extends FeedContext {
  identity: SessionIdentity;
  requests: Requests;
  runs: RunHandles;
}

interface FollowedMessages {
  messages: readonly MessageItem[];
  /** How far the fold is; null when the run has ended. */
  sync: Readable<Sync> | null;
  stop(): void;
}

/**
 * The messages of a session, oldest first: those of ended runs as the gateway lists them, and those of the other runs as the folds of
 * these runs, which stream. Runs stay folds after their end. Runs that begin later come from the feed.
 */
// biome-ignore lint/complexity/noExcessiveLinesPerFunction: how history and folds meet reads best in one place
export function createConversation(options: ConversationOptions): Conversation {
  const { identity, requests, runs } = options;
  const value = createSource<readonly MessageItem[]>([], follow);
  const hasMore = createSource(false);
  const sync = createSource<Sync>(catchingUp);
  let history: readonly MessageItem[] = [];
  let start: string | null = null;
  let isActive = false;
  const followed = new Map<string, FollowedMessages>();

  /** Live when the list of runs is, and the folds of all of them are. */
  function updateSync(): void {
    const syncs = [follower.sync, ...[...followed.values()].map((entry) => entry.sync)];
    sync.set(syncs.map((each) => each?.get() ?? live).find(({ state }) => state !== 'live') ?? live);
  }

  /** Run ids sort by the time at which the runs were created. */
  function show(): void {
    const folds = [...followed].sort(([one], [other]) => (one < other ? -1 : 1));
    value.set([...history, ...folds.flatMap(([, { messages }]) => messages)]);
  }

  /** Follows a run from its first event. What the history has of it may be incomplete. */
  function followRun(runId: string): void {
    if (!isActive || followed.has(runId)) return;
    const { state, sync: runSync } = runs.get(runId);
    const update = () => {
      const { messages, state: runState } = state.get();
      if (messages !== entry.messages) {
        entry.messages = messages;
        show();
      }
      if (!isEnded(runState)) return;
      entry.stop();
      entry.sync = null;
      updateSync();
    };
    const entry: FollowedMessages = { messages: state.get().messages, sync: runSync, stop: () => {} };
    followed.set(runId, entry);
    const unsubscribe = [state.subscribe(update), runSync.subscribe(updateSync)];
    entry.stop = () => {
      for (const each of unsubscribe) each();
    };
    updateSync();
    history = history.filter((message) => message.runId !== runId);
  }

  function leaveRuns(): void {
    for (const { stop } of followed.values()) stop();
    followed.clear();
  }

  /** What is shown is gone: the session was purged, or another one has its key now. */
  function clear(): void {
    if (value.get().length === 0) return;
    leaveRuns();
    history = [];
    start = null;
    hasMore.set(false);
    show();
    follower.reload().catch(() => {});
  }

  function add(runId: string): void {
    followRun(runId);
    show();
  }

  async function load(before: string | null): Promise<void> {
    const ended = [...followed.keys()].filter((id) => isEnded(runs.get(id).state.get().state));
    const { session } = await requests.repeat(ConversationDocument, { ...identity.name, before });
    // Another answer has moved the start meanwhile: this page does not continue there.
    if (!isActive || (before !== null && before !== start)) return;
    // It does not exist yet, or any more. The feed tells when it does.
    if (!session) return clear();
    identity.learn(session.id);
    // The history has them now, in order with runs of which the feed told nothing.
    if (before === null) for (const id of ended) followed.delete(id);
    for (const { id } of session.runs.nodes) followRun(id);
    const { nodes, pageInfo } = session.messages;
    const older = nodes.filter(({ runId }) => !followed.has(runId)).map(messageOf);
    history = before === null ? older : [...older, ...history];
    start = pageInfo.startCursor;
    hasMore.set(pageInfo.hasPreviousPage);
    show();
  }

  function onItem({ kind, runId, sessionId, session }: ActivityItem): void {
    if (session) identity.learnFrom(session);
    if (kind === 'SESSION_PURGED' && sessionId === identity.id.get()) clear();
    // A run that has ended meanwhile may have been listed while it had not.
    if (kind.startsWith('RUN_') && runId && sessionId === identity.id.get() && !followed.has(runId)) add(runId);
  }

  const follower = createFeedFollower({ ...options, onItem, read: () => load(null) });

  function follow(): () => void {
    isActive = true;
    const leave = [follower.follow(), follower.sync.subscribe(updateSync)];
    return () => {
      isActive = false;
      for (const each of leave) each();
      leaveRuns();
    };
  }

  identity.id.subscribe(clear);
  return {
    get: value.get,
    subscribe: value.subscribe,
    sync,
    hasMore,
    add,
    loadMore: async () => (follower.isLoaded() && hasMore.get() ? load(start) : undefined),
    close() {},
  };
}

function messageOf({ toolCalls, ...message }: MessageFragment): MessageItem {
  const calls = toolCalls.map(({ waits, ...call }) => ({ ...call, waitId: waits.at(-1)?.id ?? null, progress: null }));
  return { ...message, role: message.role as MessageItem['role'], thought: '', toolCalls: calls };
}
