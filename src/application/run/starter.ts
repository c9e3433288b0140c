import type { RowWrite } from '../../database/batch-statement.ts';

export interface NewRun {
  runId: string;
  sessionId: string;
}

/** A place for a run that is about to be recorded. One of `begin` and `release` is called, once. */
export interface Place {
  /** The right to execute it, to be recorded with its first events. */
  lease: RowWrite;
  /** It is recorded: execution begins. */
  begin(): void;
  /** It was not recorded. */
  release(): void;
}

/** Whoever executes runs here, as those see it who record them: a run that can begin at once need not be looked for. */
export interface Starter {
  /** Null where nobody here has room, and the run waits to be found. */
  reserve(run: NewRun): Place | null;
  /** Says who gives places from now on; null for nobody. */
  staff(giver: ((run: NewRun) => Place | null) | null): void;
}

export function createStarter(): Starter {
  let giver: ((run: NewRun) => Place | null) | null = null;
  return {
    reserve: (run) => giver?.(run) ?? null,
    staff(next) {
      giver = next;
    },
  };
}
