import { nextTurn } from '../../database/event-loop.ts';

/** One piece of work that waits for its turn, and for its result. */
export interface Waiting<Request, Outcome> {
  request: Request;
  resolve(outcome: Outcome): void;
  reject(error: unknown): void;
}

export interface GroupCommit<Request, Outcome> {
  submit(request: Request): Promise<Outcome>;
  /** Requests that wait for their commit to begin. */
  waiting(): number;
  idle(): Promise<void>;
}

/**
 * Everything that arrives while a commit is in flight goes into the next one.
 *
 *   submit ─▶ [waiting …] ─▶ commit(batch) ─▶ each resolved or rejected
 *                  ▲                │
 *                  └── meanwhile ───┘
 *
 * `commit` settles every request of its batch. Each commit begins at the end of a turn of the event loop.
 */
export function createGroupCommit<Request, Outcome>(options: {
  commit(batch: Waiting<Request, Outcome>[]): Promise<void>;
  batchSize: number;
}): GroupCommit<Request, Outcome> {
  const waiting: Waiting<Request, Outcome>[] = [];
  let running: Promise<void> | null = null;

  async function drain(): Promise<void> {
    while (waiting.length > 0) {
      // Whatever the sockets bring in this turn shares the commit, and no row of commits keeps them waiting.
      await nextTurn();
      const batch = waiting.splice(0, options.batchSize);
      try {
        await options.commit(batch);
      } catch (error) {
        for (const item of batch) item.reject(error);
      }
    }
    running = null;
  }

  return {
    submit(request) {
      return new Promise<Outcome>((resolve, reject) => {
        waiting.push({ request, resolve, reject });
        running ??= drain();
      });
    },
    waiting: () => waiting.length,
    async idle() {
      while (running !== null) await running;
    },
  };
}
