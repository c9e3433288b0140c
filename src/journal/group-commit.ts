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
  /** Resolves when no request is queued, being committed or being reported. */
  idle(): Promise<void>;
}

/** Tells those who wait for a commit about its outcome. */
export type Report = () => Promise<void>;

/**
 * Requests that arrive while a commit is in flight share the next commit. It begins when the one before is reported, or earlier, as soon
 * as half as many requests wait.
 *
 *   submit ─▶ [queue …] ─▶ commit(batch) ─▶ report: each request resolved or rejected
 *                 ▲                │
 *                 └── meanwhile ───┘
 *
 * Reports run one after another, in the order of the commits. If a commit or a report rejects, so do the unsettled requests of its batch.
 */
export function createGroupCommit<Request, Outcome>(options: {
  /** Resolves with the report, which settles every request of the batch. */
  commit(batch: QueuedRequest<Request, Outcome>[]): Promise<Report>;
  /** The work for a request, and the most in one commit: a commit holds the event loop. A request with more work is committed alone. */
  workOf(request: Request): number;
  batchWork: number;
}): GroupCommit<Request, Outcome> {
  const queue: QueuedRequest<Request, Outcome>[] = [];
  let draining: Promise<void> | null = null;
  /** Ends with the last report. */
  let reporting = Promise.resolve();
  /** The last commit, until it is reported. */
  let unreported: { size: number } | null = null;

  function takeBatch(): QueuedRequest<Request, Outcome>[] {
    let work = 0;
    const beyond = queue.findIndex(({ request }, index) => {
      work += options.workOf(request);
      return index > 0 && work > options.batchWork;
    });
    return queue.splice(0, beyond === -1 ? queue.length : beyond);
  }

  /** Those who are still to be told of the last commit may submit more requests, and commits of few would take longer in all. */
  const isWorthwhile = () => unreported === null || queue.length >= unreported.size / 2;

  async function drain(): Promise<void> {
    while (queue.length > 0) {
      // All requests that the sockets deliver in this turn share the commit, and successive commits do not starve the sockets.
      do await nextTurn();
      while (!isWorthwhile());
      const batch = takeBatch();
      const fail = (error: unknown) => {
        for (const { reject } of batch) reject(error);
      };
      try {
        const report = await options.commit(batch);
        const committed = { size: batch.length };
        unreported = committed;
        reporting = reporting
          .then(report)
          .catch(fail)
          .then(() => {
            if (unreported === committed) unreported = null;
          });
      } catch (error) {
        fail(error);
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
      let reported: Promise<void>;
      do {
        reported = reporting;
        await draining;
        await reported;
      } while (draining !== null || reported !== reporting);
    },
  };
}
