import { SHOWN_MEMORIES } from '../config/limits.ts';
import type { Database } from '../database/database.ts';
import { type FoundMemory, searchMemories } from '../projections/memories.ts';
import type { HistoryMessage, HistorySession } from './history.ts';
import { estimateTokens } from './token-estimate.ts';

/** Memories for the newest message of a person, best first, as many as fit. */
export async function recall(
  { database, now }: { database: Database; now: number },
  session: HistorySession,
  messages: readonly HistoryMessage[],
  tokens: number,
): Promise<FoundMemory[]> {
  const question = messages.findLast(({ role }) => role === 'user')?.text ?? '';
  const query = { owner: session.owner, sessionId: session.id, now: new Date(now) };
  const found = await searchMemories(database.reader, query, question, SHOWN_MEMORIES);
  let left = tokens;
  return found.filter(({ memory }) => {
    left -= estimateTokens(memory.text);
    return left >= 0;
  });
}
