import { groups, tokensOf } from '../message-window.ts';
import type { HistoryMessage } from '../history.ts';

/** What must stay as it is: so many tokens at the end, or so many messages of people with their answers. */
export type Kept = { tokens: number } | { turns: number };

/**
 * The oldest messages that a summary can stand for, or none. What is kept stays verbatim; a call stays with its results; and
 * the rest begins with a message of a person, except within the run under way, whose messages of people are shown in any case.
 *
 * @param messages not yet covered, oldest first
 * @param isEnd whether the newest message is among them: else what is kept lies behind them
 * @param room tokens that a summary can be made of at once
 */
export function coverable(
  messages: readonly HistoryMessage[],
  { isEnd, kept, room, ownRunId }: { isEnd: boolean; kept: Kept; room: number; ownRunId: string | null },
): HistoryMessage[] {
  const all = groups(messages);
  const most = Math.min(isEnd ? firstKept(all, kept) : all.length - 1, mostThatFit(all, room));
  for (let end = most; end > 0; end -= 1) {
    const rest = all.slice(end).flat();
    const [first] = rest;
    const covered = all.slice(0, end).flat();
    if (first && (first.role === 'user' || first.runId === ownRunId) && isClean(covered, rest)) return covered;
  }
  return [];
}

function firstKept(all: readonly HistoryMessage[][], kept: Kept): number {
  let index = all.length;
  if ('turns' in kept) {
    for (let turns = kept.turns; turns > 0 && index > 0; ) {
      index -= 1;
      if (all[index]?.[0]?.role === 'user') turns -= 1;
    }
    return index;
  }
  for (let left = kept.tokens; index > 0; index -= 1) {
    left -= tokensOf(all[index - 1] ?? []);
    if (left < 0) break;
  }
  // However long it is, the newest stays.
  return Math.min(index, all.length - 1);
}

/** At least one group, however long it is: whoever summarises shortens what does not fit. */
function mostThatFit(all: readonly HistoryMessage[][], room: number): number {
  let left = room;
  const index = all.findIndex((group) => {
    left -= tokensOf(group);
    return left < 0;
  });
  return index === -1 ? all.length : Math.max(1, index);
}

/** Whether one position on the tape divides them: a steered message may stand behind an answer that came later. */
function isClean(covered: readonly HistoryMessage[], rest: readonly HistoryMessage[]): boolean {
  const last = covered.at(-1);
  if (!last) return false;
  const end = Math.max(...covered.filter(({ runId }) => runId === last.runId).map(({ seq }) => seq));
  return rest.every(({ runId, seq }) => runId !== last.runId || seq > end);
}
