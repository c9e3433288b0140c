export interface LinkedAbort {
  signal: AbortSignal;
  abort(reason: unknown): void;
  /** Stops listening to the other signal. */
  unlink(): void;
}

/** A signal that aborts with another one, or by itself. `AbortSignal.any` does the same, but takes several times as long. */
export function linkedAbort(other: AbortSignal): LinkedAbort {
  const controller = new AbortController();
  const follow = () => controller.abort(other.reason);
  if (other.aborted) follow();
  else other.addEventListener('abort', follow, { once: true });
  return {
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    unlink: () => other.removeEventListener('abort', follow),
  };
}
