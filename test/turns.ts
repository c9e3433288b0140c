import { setImmediate as nextTurn } from 'node:timers/promises';

/** The turns of the event loop until the promise is settled. Rejects if the promise does. */
export async function turnsUntil(promise: Promise<unknown>): Promise<number> {
  let isSettled = false;
  const settled = promise.finally(() => {
    isSettled = true;
  });
  let turns = 0;
  for (; !isSettled; turns += 1) await nextTurn();
  await settled;
  return turns;
}
