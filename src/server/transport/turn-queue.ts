import { nextTurn } from '../../clock.ts';

/** Resolves in a turn of the event loop that no earlier caller gets, in the order of the calls. */
export type TurnQueue = () => Promise<void>;

/** Lets work that takes milliseconds be done one piece a turn, so that other work is done in between. */
export function createTurnQueue(): TurnQueue {
  let last = Promise.resolve();
  return () => {
    last = last.then(nextTurn);
    return last;
  };
}
