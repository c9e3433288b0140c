import type { RecordedEvent } from '../../domain/events.ts';
import type { Hint } from './hints.ts';

/** Announces that a tape has grown. */
export interface RunNotification {
  runId: string;
  sessionId: string;
  /** Seq of the newest event. */
  head: number;
  /** The new events, if they were recorded in this process: live followers then need no read. Null otherwise. */
  events: readonly RecordedEvent[] | null;
  /** What the new events mean to listeners that do not read the tape. */
  hints: readonly Hint[];
}

/** Null means that notifications may have been lost: the listener has to read what it needs. */
export type NotificationListener = (notification: RunNotification | null) => void;

/**
 * Notifications that tapes have grown. They may be lost and are never the only source: everything is in the journal.
 * Those of this process arrive during `publish`, in the order of each tape. A listener must be quick and must not throw.
 */
export interface NotificationHub {
  publish(notification: RunNotification): void;
  /** Tells the listeners of a session, and those of the feed of changes, that the row of the session has changed. */
  publishSession(sessionId: string): void;
  /** Tells the listeners of a topic that notifications may have been lost. */
  reportLoss(topic: string): void;
  /** Each `on…` returns a function that ends the subscription. */
  onRun(runId: string, listener: NotificationListener): () => void;
  onSession(sessionId: string, listener: NotificationListener): () => void;
  onAny(listener: NotificationListener): () => void;
  /** Calls back when the feed of changes may have new rows. */
  onActivity(listener: NotificationListener): () => void;
  /** Topics with listeners: ids of runs and sessions, `*`, and `activity`. */
  topics(): string[];
  /** The number of listeners, for tests and metrics. */
  listeners(): number;
}

const ANY = '*';
const ACTIVITY = 'activity';

export function createNotificationHub(): NotificationHub {
  const listenersByTopic = new Map<string, Set<NotificationListener>>();

  function subscribe(topic: string, listener: NotificationListener): () => void {
    const listeners = listenersByTopic.get(topic) ?? new Set();
    listenersByTopic.set(topic, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && listenersByTopic.get(topic) === listeners) listenersByTopic.delete(topic);
    };
  }

  function notify(topic: string, notification: RunNotification | null): void {
    const listeners = listenersByTopic.get(topic);
    if (!listeners) return;
    for (const listener of [...listeners]) {
      // An earlier listener may have ended this subscription.
      if (listeners.has(listener)) listener(notification);
    }
  }

  return {
    publish(notification) {
      for (const topic of [notification.runId, notification.sessionId, ANY]) notify(topic, notification);
      if (notification.hints.includes('activity')) notify(ACTIVITY, notification);
    },
    publishSession(sessionId) {
      notify(sessionId, null);
      notify(ACTIVITY, null);
    },
    reportLoss: (topic) => notify(topic, null),
    onRun: subscribe,
    onSession: subscribe,
    onAny: (listener) => subscribe(ANY, listener),
    onActivity: (listener) => subscribe(ACTIVITY, listener),
    topics: () => [...listenersByTopic.keys()],
    listeners: () => [...listenersByTopic.values()].reduce((sum, { size }) => sum + size, 0),
  };
}
