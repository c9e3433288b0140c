import type { HistoryMessage } from './history.ts';
import { estimateMessage } from './token-estimate.ts';

/** Messages that only make sense together: a question of a person, or an answer with the results it asked for. */
export function groups(messages: readonly HistoryMessage[]): HistoryMessage[][] {
  const grouped: HistoryMessage[][] = [];
  for (const message of messages) {
    if (message.role === 'tool') grouped.at(-1)?.push(message);
    else grouped.push([message]);
  }
  return grouped;
}

export function tokensOf(messages: readonly HistoryMessage[]): number {
  return messages.reduce((sum, message) => sum + estimateMessage(message), 0);
}

/**
 * The newest messages that fit, oldest first. A call is never shown without its results, and where something is left out
 * the rest begins with a person's message: some models refuse to begin with their own.
 */
export function newestThatFit(messages: readonly HistoryMessage[], tokens: number): HistoryMessage[] {
  let left = tokens;
  const kept: HistoryMessage[][] = [];
  const all = groups(messages);
  for (const group of all.toReversed()) {
    left -= tokensOf(group);
    if (left < 0) break;
    kept.unshift(group);
  }
  if (kept.length === all.length) return [...messages];
  const first = kept.findIndex(([message]) => message?.role === 'user');
  return first === -1 ? [] : kept.slice(first).flat();
}
