/** Runs a callback at the end of the current turn of the event loop, in the order of the calls. */
export type AtEndOfTurn = (callback: () => void) => void;

/** One `setImmediate` for all callbacks of a turn: one for each would cost more than a small write. */
export function createEndOfTurn(): AtEndOfTurn {
  let callbacks: (() => void)[] = [];

  function runAll(): void {
    const due = callbacks;
    callbacks = [];
    for (const callback of due) callback();
  }

  return (callback) => {
    if (callbacks.push(callback) === 1) setImmediate(runAll);
  };
}
