import type { PlacedMessage } from '../domain/transcript.ts';
import { estimateMessage } from './token-estimate.ts';

/** A message and the run on whose tape it stands. */
export type HistoryMessage = PlacedMessage & { runId: string };

/** Messages that only make sense together: a question of a person, or an answer with the results it asked for. */
function groups(messages: readonly HistoryMessage[]): HistoryMessage[][] {
  const grouped: HistoryMessage[][] = [];
  for (const message of messages) {
    if (message.role === 'tool') grouped.at(-1)?.push(message);
    else grouped.push([message]);
  }
  return grouped;
}

/** The newest messages that fit, oldest first; a call is never shown without its results. */
export function newestThatFit(messages: readonly HistoryMessage[], tokens: number): HistoryMessage[] {
  let left = tokens;
  const kept: HistoryMessage[][] = [];
  for (const group of groups(messages).reverse()) {
    left -= group.reduce((sum, message) => sum + estimateMessage(message), 0);
    if (left < 0) break;
    kept.push(group);
  }
  return kept.reverse().flat();
}
