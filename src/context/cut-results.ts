import { tokensOf } from './message-window.ts';
import type { HistoryMessage } from './history.ts';
import { cutText, isCuttable } from './request.ts';
import { estimateTokens } from './token-estimate.ts';

/** The oldest results that must be shortened so that the messages fit: their calls. The tapes keep them whole. */
export function cutOldestResults(messages: readonly HistoryMessage[], room: number): Set<string> {
  let over = tokensOf(messages) - room;
  const cut = new Set<string>();
  for (const message of messages) {
    if (over <= 0) break;
    if (message.role !== 'tool' || !isCuttable(message.text)) continue;
    cut.add(message.callId);
    over -= estimateTokens(message.text) - estimateTokens(cutText(message.text));
  }
  return cut;
}
