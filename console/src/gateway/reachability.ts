/** When queries began to fail because the gateway cannot be reached; null while they are answered. */
let since: Date | null = null;
const listeners = new Set<() => void>();

export function reportAnswer(isAnswered: boolean): void {
  if (isAnswered === (since === null)) return;
  since = isAnswered ? null : new Date();
  for (const listener of [...listeners]) listener();
}

export const unreachableSince = {
  get: () => since,
  subscribe(listener: () => void) {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  },
};
