import { nextTurn } from '../clock.ts';

/** A request that waits for its outcome. */
export interface QueuedRequest<Request, Outcome> {
  request: Request;
  resolve(outcome: Outcome): void;
  reject(error: unknown): void;
}

export interface GroupCommit<Request, Outcome> {
  submit(request: Request): Promise<Outcome>;
  /** The number of requests whose commit has not begun. */
  queuedRequests(): number;
  /** Resolves when no request is queued or being committed. */
  idle(): Promise<void>;
}

/**
 * Requests that arrive while a commit is in flight share the next commit.
 *
 *   submit ─▶ [queue …] ─▶ commit(batch) ─▶ each request resolved or rejected
 *                 ▲                │
 *                 └── meanwhile ───┘
 *
 * `commit` settles every request of its batch; if it rejects, all of them are rejected.
 */
export function createGroupCommit<Request, Outcome>(options: {
  commit(batch: QueuedRequest<Request, Outcome>[]): Promise<void>;
  /** The work for a request, and the most in one commit: a commit holds the event loop. A request with more work is committed alone. */
  workOf(request: Request): number;
  batchWork: number;
}): GroupCommit<Request, Outcome> {
  const queue: QueuedRequest<Request, Outcome>[] = [];
  let draining: Promise<void> | null = null;

  function takeBatch(): QueuedRequest<Request, Outcome>[] {
    let work = 0;
    const beyond = queue.findIndex(({ request }, index) => {
      work += options.workOf(request);
      return index > 0 && work > options.batchWork;
    });
    return queue.splice(0, beyond === -1 ? queue.length : beyond);
  }

  async function drain(): Promise<void> {
    while (queue.length > 0) {
      // All requests that the sockets deliver in this turn share the commit, and successive commits do not starve the sockets.
      await nextTurn();
      const batch = takeBatch();
      try {
        await options.commit(batch);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    draining = null;
  }

  return {
    submit(request) {
      return new Promise<Outcome>((resolve, reject) => {
        queue.push({ request, resolve, reject });
        draining ??= drain();
      });
    },
    queuedRequests: () => queue.length,
    async idle() {
      while (draining !== null) await draining;
    },
  };
}
