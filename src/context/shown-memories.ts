import { SHOWN_MEMORIES } from '../config/limits.ts';
import type { FoundMemory } from '../repositories/memory/memories.ts';
import type { HistoryMessage, HistorySession } from './history.ts';
import type { RecallRequest } from './memory/recall.ts';
import { estimateTokens } from './token-estimate.ts';

/** Finds memories for a question, the best first. */
export type Recall = (question: RecallRequest) => Promise<FoundMemory[]>;

/** Memories for the newest message of a person, best first, as many as fit. */
export async function shownMemories(
  recall: Recall,
  session: HistorySession,
  messages: readonly HistoryMessage[],
  tokens: number,
): Promise<FoundMemory[]> {
  const text = messages.findLast(({ role }) => role === 'user')?.text ?? '';
  const found = await recall({ owner: session.owner, sessionId: session.id, text, limit: SHOWN_MEMORIES });
  let left = tokens;
  return found.filter(({ memory }) => {
    left -= estimateTokens(memory.text);
    return left >= 0;
  });
}
