import { nextTurn } from '../../clock.ts';

/** Resolves some turns of the event loop after it has resolved for the caller before, in the order of the calls. */
export type TurnQueue = () => Promise<void>;

/** A request is processed in several turns, so those of the next one must not fall together with them. */
const TURNS_BETWEEN = 3;

/** Spreads work that takes milliseconds over turns of the event loop, so that other work is done in between. */
export function createTurnQueue(): TurnQueue {
  let last = Promise.resolve();
  return () => {
    for (let turn = 0; turn < TURNS_BETWEEN; turn += 1) last = last.then(nextTurn);
    return last;
  };
}
