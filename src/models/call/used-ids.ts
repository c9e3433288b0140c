import type { ModelRequest } from '../model.ts';

/** Ids of the calls that a provider is shown: one that it gives again can not be told from the old one. */
export function usedIdsOf({ messages }: ModelRequest): ReadonlySet<string> {
  const ids = new Set<string>();
  for (const message of messages) {
    if (message.role === 'assistant') for (const { callId } of message.calls) ids.add(callId);
  }
  return ids;
}
