import type { CompactionRow } from '../repositories/compactions.ts';
import type { HistoryMessage } from './history.ts';

type Range = Pick<CompactionRow, 'toTurn' | 'toSeq'>;

/** Whether the summary stands for the message. */
export function isSummarised({ turn, seq }: HistoryMessage, artifact: Range | null): boolean {
  if (artifact === null) return false;
  return turn < artifact.toTurn || (turn === artifact.toTurn && seq <= artifact.toSeq);
}

/**
 * What is shown of the run under way: what no summary stands for, and in any case what people said in it. A model that is
 * shown no question answers none, and some refuse to begin with their own words.
 */
export function ownShown(own: readonly HistoryMessage[], artifact: Range | null): HistoryMessage[] {
  return own.filter((message) => message.role === 'user' || !isSummarised(message, artifact));
}
