import type { Clock } from '../../clock.ts';
import { type StoreError, toStoreError } from '../../database/store-error.ts';
import type { Journal } from '../journal.ts';
import type { PlannedAppend } from './batch-planner.ts';

/** Waits for a database that was lost while it committed; after the last one nobody can say what it stored. */
const PAUSES_MILLISECONDS = [50, 200, 500, 1000, 2000];

/**
 * Finds out what became of a commit that the database did not answer to. Writing the same once more tells: what is stored
 * already is refused, and stands there with its hash. Rejects with the doubt where the database does not come back.
 */
export async function resolveUnknownCommit(
  planned: readonly PlannedAppend[],
  store: {
    write(planned: readonly PlannedAppend[]): Promise<void>;
    read: Journal['read'];
    clock: Clock;
    doubt: StoreError;
  },
): Promise<{ stored: PlannedAppend[]; missing: PlannedAppend[] }> {
  for (const pause of PAUSES_MILLISECONDS) {
    await store.clock.sleep(pause);
    try {
      await store.write(planned);
      return { stored: [...planned], missing: [] };
    } catch (error) {
      if (toStoreError(error).failure === 'constraint') return sort(planned, store.read);
    }
  }
  throw store.doubt;
}

async function sort(planned: readonly PlannedAppend[], read: Journal['read']) {
  const stored: PlannedAppend[] = [];
  const missing: PlannedAppend[] = [];
  for (const each of planned) ((await isStored(each, read)) ? stored : missing).push(each);
  return { stored, missing };
}

async function isStored({ item, plan }: PlannedAppend, read: Journal['read']): Promise<boolean> {
  if (plan.kind !== 'write') return false;
  const [event] = await read(item.request.runId, { after: plan.end.head - 1, limit: 1 });
  return event?.hash === plan.end.hash;
}
