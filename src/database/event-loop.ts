/** Resolves in the next turn of the event loop: sockets and timers have been served by then. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
