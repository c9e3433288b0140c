import type { Requests } from '../connection/requests.ts';
import { type RunState, type SessionFragment, SessionsDocument } from '../generated/documents.ts';
import { createLiveList, type LiveList, type LiveListContext } from '../list/live-list.ts';

export type SessionItem = SessionFragment;

export interface SessionListOptions {
  search?: string;
  states?: readonly string[];
  metadata?: Readonly<Record<string, string>>;
  /** 25 by default. */
  pageSize?: number;
}

export function createSessionList(
  requests: Requests,
  context: LiveListContext,
  { search, states, metadata, pageSize = 25 }: SessionListOptions,
): LiveList<SessionItem> {
  const filter = { search, metadata, states: states as RunState[] | undefined };
  return createLiveList<SessionItem, SessionItem>({
    ...context,
    pageSize,
    readPage: async (first, after) => (await requests.read(SessionsDocument, { first, after, filter })).sessions,
    concerns: ({ kind }) => !kind.startsWith('WAIT_'),
    itemOf: (session, previous) =>
      JSON.stringify(session) === JSON.stringify(previous) ? (previous ?? session) : session,
  });
}
