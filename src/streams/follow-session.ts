import type { RecordedEvent } from '../domain/events.ts';
import { type FollowDependencies, type FollowRequest, followRun } from './follow-run.ts';
import type { Following } from './following.ts';
import { createLiveStream, type Found } from './live-stream.ts';

/** The runs of a session, as far as following them goes. */
export interface SessionRuns {
  /** The first run behind `runId` in the order of creation; the first of all for null. */
  next(sessionId: string, runId: string | null): Promise<string | null>;
  isArchived(sessionId: string): Promise<boolean>;
}

export interface SessionFollowRequest extends Omit<FollowRequest, 'runId' | 'after'> {
  sessionId: string;
  /** Exclusive; null for the beginning of the session. */
  after: { runId: string; seq: number } | null;
}

/** All runs of a session, one tape after the other; waits for the next run until the session is archived. */
export function followSession(
  dependencies: FollowDependencies,
  runs: SessionRuns,
  request: SessionFollowRequest,
): Following<RecordedEvent[]> {
  const { types, maxBatch, sessionId, signal } = request;
  const leaving = new AbortController();
  let runId = request.after?.runId ?? null;
  let tape: Following<{ events: RecordedEvent[] }> | null = null;
  let tell: (() => void) | null = null;

  function openTape(of: string, after: number): Following<{ events: RecordedEvent[] }> {
    const opened = followRun(dependencies, { runId: of, after, types, maxBatch, signal: leaving.signal });
    if (tell !== null) opened.onReady(tell);
    return opened;
  }
  if (request.after) tape = openTape(request.after.runId, request.after.seq);

  async function advance(): Promise<Found<RecordedEvent[]> | 'again' | null> {
    if (tape) {
      const batch = await tape.next();
      if (batch.done) tape = null;
      else if (batch.value.events.length > 0) return { value: batch.value.events, last: false };
      return 'again';
    }
    // Asked before the look for a next run: what was created before the archiving is still found.
    const archived = await runs.isArchived(sessionId);
    const next = await runs.next(sessionId, runId);
    if (next === null) return archived ? { value: [], last: true } : null;
    runId = next;
    tape = openTape(next, 0);
    return 'again';
  }

  const following = createLiveStream<RecordedEvent[]>({
    signal,
    advance,
    timer: dependencies.timer,
    pollMilliseconds: dependencies.pollMilliseconds,
    subscribe(poke) {
      const unsubscribe = dependencies.notifications.onSession(sessionId, () => poke());
      return () => {
        unsubscribe();
        leaving.abort();
      };
    },
    onPoll() {},
  });
  return {
    ...following,
    ready() {
      const events = tape?.ready()?.events ?? [];
      return events.length > 0 ? events : undefined;
    },
    onReady(listener) {
      tell = listener;
      tape?.onReady(listener);
    },
  };
}
