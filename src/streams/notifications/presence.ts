import type { Clock } from '../../clock.ts';

/** Knows whether another server listens, so that a server that is alone sends no notifications. */
export interface Presence {
  /** True also while this server cannot know it, because messages of others do not arrive. */
  hasListeners(): boolean;
  /** To be called for every message of another server. */
  heardFrom(serverId: string): void;
  /** To be called when messages of other servers start or cease to arrive. */
  setArriving(isArriving: boolean): void;
}

interface PresenceOptions {
  clock: Pick<Clock, 'now' | 'after'>;
  /** Tells the other servers that this one listens. */
  announce(): void;
}

export const ANNOUNCE_MILLISECONDS = 10_000;
/** A server that has been silent for longer has stopped or lost its connection. If it is back, it announces itself. */
const SILENT_MILLISECONDS = 3 * ANNOUNCE_MILLISECONDS;

/**
 * Every server announces itself when it begins to listen, then every ten seconds, and when it hears of a server that is new to
 * it. A lost announcement delays notifications until the next one; followers then find new events by their own polls.
 */
export function createPresence({ clock, announce }: PresenceOptions): Presence {
  /** When each server was last heard from, in epoch milliseconds. */
  const heardAt = new Map<string, number>();
  /** Whether this server has listened for long enough to have heard from every other one. */
  let isComplete = false;
  let cancelTimer: (() => void) | null = null;

  function announceRepeatedly(): void {
    announce();
    cancelTimer = clock.after(ANNOUNCE_MILLISECONDS, () => {
      isComplete = true;
      for (const [id, at] of heardAt) if (clock.now() - at > SILENT_MILLISECONDS) heardAt.delete(id);
      announceRepeatedly();
    });
  }

  return {
    hasListeners: () => !isComplete || heardAt.size > 0,
    heardFrom(serverId) {
      const isNew = !heardAt.has(serverId);
      heardAt.set(serverId, clock.now());
      if (isNew && cancelTimer !== null) announce();
    },
    setArriving(isArriving) {
      cancelTimer?.();
      cancelTimer = null;
      isComplete = false;
      if (isArriving) announceRepeatedly();
    },
  };
}
