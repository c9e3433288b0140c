import { createRunSource, type FollowBatch, type FollowDependencies, type FollowRequest } from './follow-run.ts';
import { createLiveStream, type LiveStream, type Source } from './live-stream.ts';
import type { SharedLookups } from './shared-lookups.ts';

/** The runs of a session, as far as a follower needs them. */
export interface SessionRuns {
  /** Id of the first run created after `runId`, or of the first run if that is null; null if there is none. */
  next(sessionId: string, runId: string | null): Promise<string | null>;
  /** Also true for a session that was purged. */
  isArchived(sessionId: string): Promise<boolean>;
}

export interface NextRun {
  runId: string | null;
  isSessionArchived: boolean;
}

export interface SessionFollowDependencies extends FollowDependencies {
  /** Followers of one session are notified together and all look for the same run. */
  nextRunLookups: SharedLookups<NextRun>;
}

export interface SessionFollowRequest extends Omit<FollowRequest, 'runId' | 'after'> {
  sessionId: string;
  /** Exclusive; null for the beginning of the session. */
  after: { runId: string; seq: number } | null;
}

/**
 * The batches of all runs of a session, run after run in the order of their creation, until the session is archived. `caughtUp` and
 * `closed` concern the session: it has caught up at the newest event of the first run that has not ended, because that is what the
 * next events come after, and it is closed when it is archived and its last run has ended.
 */
export function followSession(
  dependencies: SessionFollowDependencies,
  runs: SessionRuns,
  request: SessionFollowRequest,
): LiveStream<FollowBatch> {
  const { clock, pollMilliseconds } = dependencies;
  const source = createSessionSource(dependencies, runs, request);
  return createLiveStream(source, { clock, pollMilliseconds, signal: request.signal });
}

function createSessionSource(
  dependencies: SessionFollowDependencies,
  runs: SessionRuns,
  { reader, sessionId, after, types, maxBatch }: SessionFollowRequest,
): Source<FollowBatch> {
  let run: { source: Source<FollowBatch>; unsubscribe(): void } | null = null;
  /** The run that is followed now or was followed last. */
  let runId: string | null = null;
  /** Where to continue when no run is followed. */
  let nextPosition = after;
  let mayHaveNextRun = true;
  /** Whether the last lookup found no run after the one that was followed last. */
  let isAfterLastRun = false;
  let hasEnded = false;
  let isClosed = false;
  const progress = createProgress(after);
  let notifyReader = () => {};

  function startRun(position: { runId: string; seq: number }): void {
    nextPosition = null;
    isAfterLastRun = false;
    runId = position.runId;
    const source = createRunSource(dependencies, { reader, runId, after: position.seq, types, maxBatch });
    run = { source, unsubscribe: source.open(notifyReader) };
  }

  function endRun(): void {
    run?.unsubscribe();
    run = null;
    mayHaveNextRun = true;
  }

  async function findNextRun(): Promise<void> {
    mayHaveNextRun = false;
    const admission = runId === null ? null : dependencies.admitRead?.(reader, 0, () => !isClosed);
    if (admission) await admission;
    const next = await dependencies.nextRunLookups(JSON.stringify([sessionId, runId]), async () => {
      // In this order, a run that was created before the session was archived is still found.
      const isSessionArchived = await runs.isArchived(sessionId);
      return { runId: await runs.next(sessionId, runId), isSessionArchived };
    });
    isAfterLastRun = next.runId === null;
    if (next.runId === null) hasEnded = next.isSessionArchived;
    // It is started by `take`, because the stream may have been closed meanwhile.
    else nextPosition = { runId: next.runId, seq: 0 };
  }

  return {
    open(notify) {
      notifyReader = notify;
      const unsubscribe = dependencies.notifications.onSession(sessionId, () => {
        if (run !== null) return;
        mayHaveNextRun = true;
        notify();
      });
      return () => {
        isClosed = true;
        unsubscribe();
        endRun();
      };
    },
    take() {
      if (nextPosition !== null) startRun(nextPosition);
      while (run !== null) {
        const batch = run.source.take();
        if (batch === 'end') endRun();
        else if (typeof batch === 'string') return batch;
        else {
          const told = progress.afterBatch(batch);
          if (told) return told;
        }
      }
      const told = isAfterLastRun ? progress.afterLastRun(hasEnded) : null;
      if (told) return told;
      if (hasEnded) return 'end';
      return mayHaveNextRun ? 'fetch' : 'pending';
    },
    fetch: () => (run === null ? findNextRun() : run.source.fetch()),
    recheck() {
      if (run === null) mayHaveNextRun = true;
      else run.source.recheck();
    },
  };
}

/** How far the reader has come, in terms of the session. */
function createProgress(after: SessionFollowRequest['after']) {
  let position = after;
  let isCaughtUp = false;
  let isClosed = false;

  return {
    /** A batch of a run as a batch of the session; null if it has nothing to tell. */
    afterBatch(batch: FollowBatch): FollowBatch | null {
      position = { runId: batch.runId, seq: batch.seq };
      // After a run that has ended there may be another one.
      const caughtUp = !isCaughtUp && batch.caughtUp && !batch.closed;
      isCaughtUp ||= caughtUp;
      if (batch.events.length === 0 && !caughtUp) return null;
      const isUnchanged = batch.caughtUp === caughtUp && !batch.closed;
      return isUnchanged ? batch : { ...batch, caughtUp, closed: false };
    },
    /** Null if the reader knows already, and if there was no run: then there is no position. */
    afterLastRun(hasEnded: boolean): FollowBatch | null {
      if (position === null || (isCaughtUp && (!hasEnded || isClosed))) return null;
      const caughtUp = !isCaughtUp;
      isCaughtUp = true;
      isClosed = hasEnded;
      return { ...position, events: [], caughtUp, closed: hasEnded };
    },
  };
}
