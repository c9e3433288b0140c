import type { Clock } from '../../clock.ts';

/** Runs a callback at the end of the current turn of the event loop, in the order of the calls. */
export type AtEndOfTurn = (callback: () => void) => void;

/** After this time the rest of the callbacks run in the next turn, so that nobody waits for the writes to a thousand followers. */
const SLICE_MILLISECONDS = 3;
/** Callbacks between two looks at the clock. */
const CALLBACKS_PER_LOOK = 16;

/** One `setImmediate` for all callbacks of a turn: one for each would cost more than a small write. */
export function createEndOfTurn(clock: Pick<Clock, 'elapsed'>): AtEndOfTurn {
  let due: readonly (() => void)[] = [];
  let position = 0;
  /** Added while the others run. */
  let added: (() => void)[] = [];
  let isScheduled = false;

  function runSlice(): void {
    isScheduled = false;
    if (position === due.length) {
      due = added;
      position = 0;
      added = [];
    }
    const end = clock.elapsed() + SLICE_MILLISECONDS;
    do {
      due[position]?.();
      position += 1;
    } while (position < due.length && (position % CALLBACKS_PER_LOOK > 0 || clock.elapsed() < end));
    if (position < due.length || added.length > 0) schedule();
  }

  function schedule(): void {
    if (isScheduled) return;
    isScheduled = true;
    setImmediate(runSlice);
  }

  return (callback) => {
    added.push(callback);
    schedule();
  };
}
