import type { Clock } from '../../clock.ts';

/** Timers take no longer waits. */
const LONGEST_WAIT_MILLISECONDS = 24 * 60 * 60 * 1000;

/** Calls back when the time has come, however far off it is, unless the returned function is called before. */
export function callAt(clock: Clock, time: number, callback: () => void): () => void {
  let cancel = () => {};
  const wait = () => {
    const left = time - clock.now();
    if (left <= 0) callback();
    else cancel = clock.after(Math.min(left, LONGEST_WAIT_MILLISECONDS), wait);
  };
  wait();
  return () => cancel();
}
