import type { RowWrite } from '../../database/batch-statement.ts';

export interface StartableRun {
  runId: string;
  sessionId: string;
}

/** A place for a run that is about to be recorded as one that goes on. One of `begin` and `release` is called, once. */
export interface Place {
  /** The right to execute it, to be recorded with the events that let it go on. */
  lease: RowWrite;
  /** They are recorded: execution begins. */
  begin(): void;
  /** They were not. */
  release(): void;
}

/** Whoever executes runs here, as those see it who record them: a run that can go on at once need not be looked for. */
export interface Giver {
  /** For a new run. Null where nobody here has room, and the run waits to be found. */
  first(run: StartableRun): Place | null;
  /** For a run that waits for a person, and goes on with the answer. Null also where somebody executes it by now. */
  next(run: StartableRun): Promise<Place | null>;
}

export interface Starter extends Giver {
  /** Says who gives places from now on; null for nobody. */
  staff(giver: Giver | null): void;
}

export function createStarter(): Starter {
  let giver: Giver | null = null;
  return {
    first: (run) => giver?.first(run) ?? null,
    next: async (run) => (await giver?.next(run)) ?? null,
    staff(next) {
      giver = next;
    },
  };
}

/** Has something recorded for a run with a place. @param goesOn whether the lease was recorded too */
export async function recordWithPlace<Outcome>(
  place: Place,
  record: () => Promise<Outcome>,
  goesOn: (outcome: Outcome) => boolean,
): Promise<Outcome> {
  let isUsed = false;
  try {
    const outcome = await record();
    isUsed = goesOn(outcome);
    return outcome;
  } finally {
    if (isUsed) place.begin();
    else place.release();
  }
}
