import type { HistoryMessage } from './history.ts';
import { cutText } from './request.ts';
import { estimateMessages, estimateTokens } from './token-estimate.ts';

/** Groups messages that belong together: a user message alone, or an assistant message with the results of its calls. */
export function groupMessages(messages: readonly HistoryMessage[]): HistoryMessage[][] {
  const groups: HistoryMessage[][] = [];
  for (const message of messages) {
    if (message.role === 'tool') groups.at(-1)?.push(message);
    else groups.push([message]);
  }
  return groups;
}

/**
 * The newest messages that fit, oldest first. A call is never shown without its results. If something is left out, the
 * rest begins with a user message, because some providers refuse to begin with another role.
 */
export function newestThatFit(messages: readonly HistoryMessage[], tokens: number): HistoryMessage[] {
  let left = tokens;
  const fitting: HistoryMessage[][] = [];
  const groups = groupMessages(messages);
  for (const group of groups.toReversed()) {
    left -= estimateMessages(group);
    if (left < 0) break;
    fitting.unshift(group);
  }
  if (fitting.length === groups.length) return [...messages];
  const first = fitting.findIndex(([message]) => message?.role === 'user');
  return first === -1 ? [] : fitting.slice(first).flat();
}

/**
 * The ids of the calls whose results must be cut so that the messages fit, oldest first. Even with all results cut, the
 * messages may be too long.
 */
export function resultsToCut(messages: readonly HistoryMessage[], tokens: number): Set<string> {
  let excess = estimateMessages(messages) - tokens;
  const callIds = new Set<string>();
  for (const message of messages) {
    if (excess <= 0) break;
    if (message.role !== 'tool') continue;
    const cut = cutText(message.text);
    if (cut.length >= message.text.length) continue;
    callIds.add(message.callId);
    excess -= estimateTokens(message.text) - estimateTokens(cut);
  }
  return callIds;
}
