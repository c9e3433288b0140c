import type { Connection } from '../connection/connection.ts';
import type { Requests } from '../connection/requests.ts';
import { CancelRunDocument, RunSummaryDocument } from '../generated/documents.ts';
import { itemsOf } from '../iterate.ts';
import type { Readable } from '../readable.ts';
import { mutate } from '../refusals.ts';
import { RuntapeError } from '../runtape-error.ts';
import type { Sync } from '../sync.ts';
import { createFollowedRun, type FollowedRun } from './followed-run.ts';
import { createRunFeed, type RunFeed } from './run-feed.ts';
import type { RunSnapshot, Usage } from './run-fold.ts';
import { createTextReader, type TextPiece } from './run-text.ts';
import type { TapeEvent } from './tape-event.ts';

export interface RunAnswer {
  output: string;
  /** The answer as JSON, where the message asked for one. */
  result: unknown;
  usage: Usage;
}

export interface RunHandle {
  readonly id: string;
  /** The fold of the events seen so far. It follows the run while somebody subscribes to it. */
  readonly state: Readable<RunSnapshot>;
  readonly sync: Readable<Sync>;
  /** Every event once, in order, from `after` (exclusive) or from the first; ends after the last. */
  events(options?: { after?: string; signal?: AbortSignal }): AsyncIterableIterator<TapeEvent>;
  /** The answer as it grows. `reset` is true where the step started over: drop the text of that step. */
  text(options?: { signal?: AbortSignal }): AsyncIterableIterator<TextPiece>;
  /** Resolves when the run is DONE; throws RuntapeError with `code`, `retryable` when it is FAILED or CANCELLED. */
  done(options?: { signal?: AbortSignal }): Promise<RunAnswer>;
  cancel(reason?: string): Promise<void>;
}

interface RunHandleOptions {
  id: string;
  connection: Connection;
  requests: Requests;
  /** The run is followed from now on, until the returned function is called. */
  onFollow(): () => void;
}

export function createRunHandle({ id, connection, requests, onFollow }: RunHandleOptions): RunHandle {
  let shared: RunFeed | null = null;

  /** Lives as long as it has readers. */
  function feed(): RunFeed {
    if (shared !== null) return shared;
    const onIdle = onFollow();
    const created = createRunFeed({
      runId: id,
      connection,
      requests,
      onIdle() {
        if (shared !== created) return;
        shared = null;
        onIdle();
      },
    });
    shared = created;
    return created;
  }

  const run = createFollowedRun({ runId: id, connection, requests, feed });
  return {
    id,
    state: run.snapshot,
    sync: run.sync,
    events: ({ after = null, signal } = {}) => itemsOf(feed().read(after, signal), (events) => events, signal),
    text: ({ signal } = {}) => itemsOf(feed().read(null, signal), createTextReader(), signal),
    async done({ signal } = {}) {
      const { output, usage } = answerOf(await untilEnded(run, signal));
      // The tape has the text of the answer, not the result that was read from it.
      const { run: ended } = await requests.read(RunSummaryDocument, { runId: id }, signal);
      return { output, usage, result: ended?.result ?? null };
    },
    async cancel(reason) {
      await mutate(requests, CancelRunDocument, { runId: id, reason });
    },
  };
}

/** Rejects when the run cannot be followed, and when the signal aborts. */
function untilEnded({ snapshot, failure }: FollowedRun, signal?: AbortSignal): Promise<RunSnapshot> {
  return new Promise((resolve, reject) => {
    const check = () => {
      const run = snapshot.get();
      const error = failure.get();
      if (run.endedAt === null && error === null && !signal?.aborted) return;
      for (const each of unsubscribe) each();
      signal?.removeEventListener('abort', check);
      if (run.endedAt !== null) resolve(run);
      else reject(signal?.aborted ? signal.reason : error);
    };
    const unsubscribe = [snapshot.subscribe(check), failure.subscribe(check)];
    signal?.addEventListener('abort', check);
    check();
  });
}

function answerOf({ id, state, output, usage, error, cancelReason }: RunSnapshot): Omit<RunAnswer, 'result'> {
  if (state === 'DONE') return { output: output ?? '', usage };
  if (error) throw new RuntapeError(error.code, error.message, { retryable: error.retryable });
  throw new RuntapeError('CANCELLED', `The run ${id} was cancelled${cancelReason ? `: ${cancelReason}` : ''}.`);
}
