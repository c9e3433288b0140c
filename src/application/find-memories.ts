import { recallMemories } from '../context/recall.ts';
import { storableText } from '../domain/storable-text.ts';
import type { FoundMemory } from '../repositories/memory/memories.ts';
import type { CommandContext, Viewer } from './command-context.ts';

/** The viewer's memories that fit a question, the best first. Takes any characters. */
export function findMemories(
  context: Pick<CommandContext, 'database' | 'now' | 'semanticSearch'>,
  { principal: owner }: Pick<Viewer, 'principal'>,
  { query, sessionId, limit }: { query: string; sessionId: string | null; limit: number },
): Promise<FoundMemory[]> {
  return recallMemories(context, { owner, sessionId, text: storableText(query), limit });
}
