import { nextTurn } from '../../clock.ts';

/** Resolves some turns of the event loop after it has resolved for the caller before, in the order of the calls. */
export type TurnQueue = () => Promise<void>;

/**
 * Spreads work that takes milliseconds over turns of the event loop, so that other work is done in between.
 *
 * @param turns between two callers
 */
export function createTurnQueue(turns: number): TurnQueue {
  let last = Promise.resolve();
  return () => {
    for (let turn = 0; turn < turns; turn += 1) last = last.then(nextTurn);
    return last;
  };
}
