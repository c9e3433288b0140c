import type { RecordedEvent, StampedEvent } from '../../../src/domain/events.ts';
import type { Journal } from '../../../src/journal/journal.ts';
import { type FollowBatch, type FollowRequest, followRun } from '../../../src/streams/follow-run.ts';
import type { NextRun, SessionFollowDependencies } from '../../../src/streams/follow-session.ts';
import type { LiveStream } from '../../../src/streams/live-stream.ts';
import { createNotificationHub, type NotificationHub } from '../../../src/streams/notifications/hub.ts';
import { createSharedLookups } from '../../../src/streams/shared-lookups.ts';
import { appended, request } from '../../contract/appends.ts';
import { createMemoryJournal } from '../../memory-journal.ts';
import { createFakeClock, type FakeClock } from '../fake-clock.ts';

/** Notifications bring the events, as in one process, or only the head, as from another server, or are lost. */
export type NotificationMode = 'events' | 'heads' | 'lost';

export interface LiveTapes {
  clock: FakeClock;
  notifications: NotificationHub;
  journal: Journal;
  dependencies: SessionFollowDependencies;
  /** The number of pages and heads read so far. */
  reads(): number;
  setMode(mode: NotificationMode): void;
  /** Adds events to the end of the tape in one append. */
  write(runId: string, ...events: StampedEvent[]): Promise<RecordedEvent[]>;
  open(runId: string, options?: Partial<FollowRequest>): LiveStream<FollowBatch>;
  /** The same stream as an async iterator. */
  follow(runId: string, options?: Partial<FollowRequest>): AsyncIterableIterator<FollowBatch, undefined>;
}

/** Tapes in memory whose growth is announced. Time stands still until a test advances it. */
export function createLiveTapes({ pageEvents = 5, bufferEvents = 8 } = {}): LiveTapes {
  const clock = createFakeClock();
  const notifications = createNotificationHub();
  const heads = new Map<string, number>();
  let mode: NotificationMode = 'events';
  let reads = 0;
  const memoryJournal = createMemoryJournal(({ runId, sessionId, events }) => {
    if (mode === 'lost') return;
    const head = events.at(-1)?.seq ?? 0;
    notifications.publish({ runId, sessionId, head, events: mode === 'events' ? events : null, hints: [] });
  });
  const journal: Journal = {
    ...memoryJournal,
    read(...range) {
      reads += 1;
      return memoryJournal.read(...range);
    },
    head(runId) {
      reads += 1;
      return memoryJournal.head(runId);
    },
  };
  const dependencies: SessionFollowDependencies = {
    journal,
    notifications,
    clock,
    nextRunLookups: createSharedLookups<NextRun>(),
    pageEvents,
    bufferEvents,
    pollMilliseconds: 5000,
  };
  const open: LiveTapes['open'] = (runId, options) =>
    followRun(dependencies, {
      reader: 'ada',
      runId,
      after: 0,
      maxBatch: 100,
      signal: new AbortController().signal,
      ...options,
    });
  return {
    clock,
    notifications,
    journal,
    dependencies,
    reads: () => reads,
    setMode(next) {
      mode = next;
    },
    async write(runId, ...events) {
      const recorded = appended(await journal.append(request(runId, heads.get(runId) ?? 0, events)));
      heads.set(runId, recorded.at(-1)?.seq ?? 0);
      return recorded;
    },
    open,
    follow: (runId, options) => open(runId, options)[Symbol.asyncIterator](),
  };
}

/** The next value. Throws if the stream has ended. */
export async function next<T>(reader: AsyncIterator<T, undefined>): Promise<T> {
  const result = await reader.next();
  if (result.done) throw new Error('The stream has ended.');
  return result.value;
}

/** All values up to the end. */
export async function collect<T>(reader: AsyncIterable<T>): Promise<T[]> {
  const values: T[] = [];
  for await (const value of reader) values.push(value);
  return values;
}

/** Reads without waiting, until nothing is available. */
export function readAvailable<T extends object>(stream: LiveStream<T>): (T | 'pending' | 'end')[] {
  const values: (T | 'pending' | 'end')[] = [];
  for (;;) {
    const value = stream.read();
    values.push(value);
    if (value === 'pending' || value === 'end') return values;
  }
}
