import type { RowWrite } from '../database/batch-statement.ts';

export interface StartableRun {
  runId: string;
  sessionId: string;
}

/** A place for a run that is about to be recorded as one that goes on. One of `begin` and `release` is called, once. */
export interface ExecutionSlot {
  /** The right to execute it, to be recorded with the events that let it go on. */
  lease: RowWrite;
  /** They are recorded: execution begins. */
  begin(): void;
  /** They were not. */
  release(): void;
}

/** Whoever executes runs here, as those see it who record them: a run that can go on at once need not be looked for. */
export interface SlotSource {
  /** For a new run. Null where nobody here has room, and the run waits to be found. */
  first(run: StartableRun): ExecutionSlot | null;
  /** For a run that waits for a person, and goes on with the answer. Null also where somebody executes it by now. */
  next(run: StartableRun): Promise<ExecutionSlot | null>;
}

export interface SlotProvider extends SlotSource {
  /** Says who gives places from now on; null for nobody. */
  setSource(giver: SlotSource | null): void;
}

export function createSlotProvider(): SlotProvider {
  let giver: SlotSource | null = null;
  return {
    first: (run) => giver?.first(run) ?? null,
    next: async (run) => (await giver?.next(run)) ?? null,
    setSource(next) {
      giver = next;
    },
  };
}

/** Has something recorded for a run with a place. @param goesOn whether the lease was recorded too */
export async function recordWithSlot<Outcome>(
  place: ExecutionSlot,
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
