import type { Connection } from '../connection/connection.ts';
import type { Requests } from '../connection/requests.ts';
import { RunSummaryDocument } from '../generated/documents.ts';
import { itemsOf } from '../iterate.ts';
import { createSource, type Readable } from '../readable.ts';
import type { RuntapeError } from '../runtape-error.ts';
import { catchingUp, failed, live, type Sync, syncOver } from '../sync.ts';
import type { RunFeed } from './run-feed.ts';
import { emptyRun, evolve, isEnded, type RunSnapshot } from './run-fold.ts';

/** The fold of a run. It follows the run while there are listeners, and continues later where it stopped. */
export interface FollowedRun {
  readonly snapshot: Readable<RunSnapshot>;
  readonly sync: Readable<Sync>;
  /** Why the run cannot be followed, such as NOT_FOUND; null if it can. */
  readonly failure: Readable<RuntapeError | null>;
}

interface FollowedRunOptions {
  runId: string;
  connection: Connection;
  requests: Requests;
  /** The feed that all readers of the run share. */
  feed(): RunFeed;
}

export function createFollowedRun({ runId, connection, requests, feed }: FollowedRunOptions): FollowedRun {
  const snapshot = createSource<RunSnapshot>(emptyRun(runId), follow);
  // The fold knows how far it is only while it follows.
  const sync = createSource<Sync>(catchingUp, () => snapshot.subscribe(() => {}));
  const failure = createSource<RuntapeError | null>(null);

  function follow(): () => void {
    if (isEnded(snapshot.get().state)) return () => {};
    const leaving = new AbortController();
    const shared = feed();
    let headAtStart: number | null = null;
    failure.set(null);

    function updateSync() {
      if (failure.get() !== null) return;
      const { state, head, cursor } = snapshot.get();
      const progress = headAtStart ? Math.min(1, head / headAtStart) : null;
      const behind = progress === null ? catchingUp : ({ state: 'catching-up', progress } as const);
      sync.set(isEnded(state) ? live : syncOver(connection.state.get(), shared.isLast({ cursor, seq: head }), behind));
    }

    /** Asks how long the tape is, if it does not come at once. */
    function measure(): void {
      if (headAtStart !== null || shared.isCaughtUp.get()) return;
      headAtStart = 0;
      const asked = requests.read(RunSummaryDocument, { runId }, leaving.signal);
      asked.then(
        ({ run }) => {
          headAtStart = run?.head ?? 0;
        },
        () => {},
      );
    }

    async function fold(): Promise<void> {
      try {
        const source = shared.read(snapshot.get().cursor, leaving.signal);
        for await (const events of itemsOf(source, (batch) => [batch], leaving.signal)) {
          snapshot.set(evolve(snapshot.get(), events));
          measure();
          updateSync();
        }
      } catch (cause) {
        if (leaving.signal.aborted) return;
        const error = cause as RuntapeError;
        sync.set(failed(error));
        failure.set(error);
      }
    }

    const unsubscribe = [connection.state.subscribe(updateSync), shared.isCaughtUp.subscribe(updateSync)];
    updateSync();
    void fold();
    return () => {
      leaving.abort();
      for (const each of unsubscribe) each();
    };
  }

  return { snapshot, sync, failure };
}
