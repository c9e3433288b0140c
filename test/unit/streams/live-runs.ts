import type { RecordedEvent, StampedEvent } from '../../../src/domain/events.ts';
import type { Journal } from '../../../src/journal/journal.ts';
import {
  type FollowBatch,
  type FollowDependencies,
  type FollowRequest,
  followRun,
} from '../../../src/streams/follow-run.ts';
import type { Following } from '../../../src/streams/following.ts';
import { createNotificationHub, type NotificationHub } from '../../../src/streams/notifications/hub.ts';
import { appended, request } from '../../contract/appends.ts';
import { createMemoryJournal } from '../../memory-journal.ts';
import { createFakeClock, type FakeClock } from '../fake-clock.ts';

/** What a wake-up brings: the events, as in one process; the head alone, as from another server; or it is lost. */
export type Wakes = 'events' | 'heads' | 'lost';

export interface LiveTapes {
  clock: FakeClock;
  bus: NotificationHub;
  journal: Journal;
  dependencies: FollowDependencies;
  /** Pages that have been read. */
  reads(): number;
  tellBy(wakes: Wakes): void;
  /** Appends at the end of the tape, all in one append. */
  write(runId: string, ...events: StampedEvent[]): Promise<RecordedEvent[]>;
  follow(runId: string, more?: Partial<FollowRequest>): Following<FollowBatch>;
}

/** Tapes in memory, and what tells of their growth. Time stands still. */
export function createLiveTapes({ pageEvents = 5, bufferEvents = 8 } = {}): LiveTapes {
  const clock = createFakeClock();
  const bus = createNotificationHub();
  const heads = new Map<string, number>();
  let wakes: Wakes = 'events';
  let reads = 0;
  const stored = createMemoryJournal(({ runId, sessionId, events }) => {
    const head = events.at(-1)?.seq ?? 0;
    if (wakes !== 'lost')
      bus.publish({ runId, sessionId, head, events: wakes === 'events' ? events : null, hints: [] });
  });
  const journal: Journal = {
    ...stored,
    read(...range) {
      reads += 1;
      return stored.read(...range);
    },
  };
  const dependencies: FollowDependencies = {
    journal,
    notifications: bus,
    pageEvents,
    bufferEvents,
    timer: clock.after,
    pollMilliseconds: 5000,
  };
  return {
    clock,
    bus,
    journal,
    dependencies,
    reads: () => reads,
    tellBy(next) {
      wakes = next;
    },
    async write(runId, ...events) {
      const recorded = appended(await journal.append(request(runId, heads.get(runId) ?? 0, events)));
      heads.set(runId, recorded.at(-1)?.seq ?? 0);
      return recorded;
    },
    follow: (runId, more) =>
      followRun(dependencies, { runId, after: 0, maxBatch: 100, signal: new AbortController().signal, ...more }),
  };
}

/** The next value; fails where there is none. */
export async function take<T>(following: Following<T>): Promise<T> {
  const result = await following.next();
  if (result.done) throw new Error('Nothing follows.');
  return result.value;
}

/** Everything up to the end. */
export async function takeAll<T>(following: Following<T>): Promise<T[]> {
  const values: T[] = [];
  for await (const value of following) values.push(value);
  return values;
}
