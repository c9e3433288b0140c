import type { RecordedEvent } from '../../domain/events.ts';
import type { Hint } from './hints.ts';

/** Says that a tape has grown. */
export interface RunNotification {
  runId: string;
  sessionId: string;
  /** Seq of the newest event. */
  head: number;
  /** What was recorded, where it happened in this process: spares live followers a read. */
  events: readonly RecordedEvent[] | null;
  /** What else the growth means. */
  hints: readonly Hint[];
}

/** Gets null where wake-ups may have been lost: it looks for itself then. */
export type NotificationListener = (wake: RunNotification | null) => void;

/**
 * Wake-ups. They may be lost and carry no truth: who misses one finds everything in the journal.
 * In this process they arrive in the order of each tape, during `publish`. A listener must be quick and must not throw.
 */
export interface NotificationHub {
  publish(wake: RunNotification): void;
  /** Tells the listeners of a topic to look for themselves. */
  missed(topic: string): void;
  /** Each returns a function that ends the subscription; from then on it costs nothing. */
  onRun(runId: string, listener: NotificationListener): () => void;
  onSession(sessionId: string, listener: NotificationListener): () => void;
  onAny(listener: NotificationListener): () => void;
  /** Ids of the runs and sessions that somebody listens to, and `ANY`. */
  topics(): string[];
  /** Listeners there are now; for tests and metrics. */
  listeners(): number;
}

/** The topic of those who listen to everything. */
export const ANY = '*';

export function createNotificationHub(): NotificationHub {
  const byTopic = new Map<string, Set<NotificationListener>>();

  function subscribe(topic: string, listener: NotificationListener): () => void {
    const listeners = byTopic.get(topic) ?? new Set();
    byTopic.set(topic, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && byTopic.get(topic) === listeners) byTopic.delete(topic);
    };
  }

  function tell(topic: string, wake: RunNotification | null): void {
    const listeners = byTopic.get(topic);
    if (!listeners) return;
    for (const listener of [...listeners]) {
      // The one before may have ended the subscription of this one.
      if (listeners.has(listener)) listener(wake);
    }
  }

  return {
    publish(wake) {
      for (const topic of [wake.runId, wake.sessionId, ANY]) tell(topic, wake);
    },
    missed: (topic) => tell(topic, null),
    onRun: subscribe,
    onSession: subscribe,
    onAny: (listener) => subscribe(ANY, listener),
    topics: () => [...byTopic.keys()],
    listeners: () => [...byTopic.values()].reduce((sum, { size }) => sum + size, 0),
  };
}
