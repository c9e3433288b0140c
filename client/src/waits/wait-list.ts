import type { Requests } from '../connection/requests.ts';
import { WaitsDocument } from '../generated/documents.ts';
import { createLiveList, type LiveList, type LiveListContext } from '../list/live-list.ts';
import type { Wait, WaitKind } from './wait.ts';
import { createWaitHandle, type OwnedWaitHandle, type WaitHandle } from './wait-handle.ts';

export interface WaitFilter {
  sessionId?: string;
  kinds?: readonly WaitKind[];
}

const PAGE = 50;

/** What is open, newest first. A handle that leaves the list has the wait as it was settled. */
export function createWaitList(
  requests: Requests,
  context: LiveListContext,
  /** Null while what is waited for does not exist. */
  filter: () => Promise<WaitFilter | null>,
): LiveList<WaitHandle> {
  const handles = new Map<string, OwnedWaitHandle>();
  return createLiveList<Wait, WaitHandle>({
    ...context,
    pageSize: PAGE,
    async readPage(first, after) {
      const current = await filter();
      if (current === null) return null;
      const kinds = current.kinds as WaitKind[] | undefined;
      const variables = { first, after, filter: { states: ['OPEN' as const], sessionId: current.sessionId, kinds } };
      return (await requests.read(WaitsDocument, variables)).waits;
    },
    concerns({ kind, waitId, wait }) {
      if (!kind.startsWith('WAIT_')) return false;
      if (wait && waitId) handles.get(waitId)?.update(wait);
      if (kind === 'WAIT_SETTLED' && waitId) handles.delete(waitId);
      return true;
    },
    itemOf(wait) {
      const handle = handles.get(wait.id) ?? createWaitHandle(wait, requests);
      handles.set(wait.id, handle);
      if (JSON.stringify(handle.data.get()) !== JSON.stringify(wait)) handle.update(wait);
      return handle;
    },
  });
}
