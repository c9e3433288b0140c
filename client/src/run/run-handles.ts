import type { Connection } from '../connection/connection.ts';
import type { Requests } from '../connection/requests.ts';
import { createRunHandle, type RunHandle } from './run-handle.ts';

/** One handle for each run, so that everything that shows a run shares its subscription and its fold. */
export interface RunHandles {
  get(id: string): RunHandle;
}

export function createRunHandles(connection: Connection, requests: Requests): RunHandles {
  const known = new Map<string, WeakRef<RunHandle>>();
  // A run that is followed keeps its handle, even if only its events are in use.
  const followed = new Map<string, RunHandle>();
  return {
    get(id) {
      const existing = followed.get(id) ?? known.get(id)?.deref();
      if (existing) return existing;
      const handle = createRunHandle({
        id,
        connection,
        requests,
        onFollow() {
          followed.set(id, handle);
          return () => followed.delete(id);
        },
      });
      for (const [each, reference] of known) if (reference.deref() === undefined) known.delete(each);
      known.set(id, new WeakRef(handle));
      return handle;
    },
  };
}
