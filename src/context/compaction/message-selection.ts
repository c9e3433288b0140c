import type { HistoryMessage } from '../history.ts';
import { groupMessages } from '../message-window.ts';
import { estimateMessages } from '../token-estimate.ts';

/** What stays verbatim: a number of tokens, or a number of user messages with everything after them. */
export type Verbatim = { tokens: number } | { turns: number };

/**
 * The oldest messages that a summary can replace; empty if there are none. What stays verbatim is not replaced, and calls
 * stay together with their results. The rest begins with a user message, except within the current run, whose user
 * messages are shown in any case.
 *
 * @param messages those that no compaction replaces yet, oldest first
 * @param isEnd whether the newest message is among them; if not, what stays verbatim comes after them
 * @param room number of tokens that can be summarised at once
 */
export function selectMessages(
  messages: readonly HistoryMessage[],
  {
    isEnd,
    verbatim,
    room,
    currentRunId,
  }: { isEnd: boolean; verbatim: Verbatim; room: number; currentRunId: string | null },
): HistoryMessage[] {
  const groups = groupMessages(messages);
  const max = Math.min(isEnd ? firstVerbatim(groups, verbatim) : groups.length - 1, groupsThatFit(groups, room));
  for (let end = max; end > 0; end -= 1) {
    const selected = groups.slice(0, end).flat();
    const rest = groups.slice(end).flat();
    const [first] = rest;
    if (first && (first.role === 'user' || first.runId === currentRunId) && canDivide(selected, rest)) return selected;
  }
  return [];
}

/** Index of the first group that stays verbatim. */
function firstVerbatim(groups: readonly HistoryMessage[][], verbatim: Verbatim): number {
  let index = groups.length;
  if ('turns' in verbatim) {
    for (let turns = verbatim.turns; turns > 0 && index > 0; ) {
      index -= 1;
      if (groups[index]?.[0]?.role === 'user') turns -= 1;
    }
    return index;
  }
  for (let left = verbatim.tokens; index > 0; index -= 1) {
    left -= estimateMessages(groups[index - 1] ?? []);
    if (left < 0) break;
  }
  // The newest group stays, however long it is.
  return Math.min(index, groups.length - 1);
}

/** At least one group, however long it is: the transcript shortens messages that do not fit. */
function groupsThatFit(groups: readonly HistoryMessage[][], room: number): number {
  let left = room;
  const index = groups.findIndex((group) => {
    left -= estimateMessages(group);
    return left < 0;
  });
  return index === -1 ? groups.length : Math.max(1, index);
}

/** Whether one seq separates the two: a steered message can be shown after a response that was recorded later. */
function canDivide(selected: readonly HistoryMessage[], rest: readonly HistoryMessage[]): boolean {
  const last = selected.at(-1);
  if (!last) return false;
  const end = Math.max(...selected.filter(({ runId }) => runId === last.runId).map(({ seq }) => seq));
  return rest.every(({ runId, seq }) => runId !== last.runId || seq > end);
}
