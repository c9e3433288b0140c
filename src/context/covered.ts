import type { ArtifactRow } from '../projections/artifacts.ts';
import type { HistoryMessage } from './history.ts';

type Range = Pick<ArtifactRow, 'toTurn' | 'toSeq'>;

/** Whether the summary stands for the message. */
export function isCovered({ turn, seq }: HistoryMessage, artifact: Range | null): boolean {
  if (artifact === null) return false;
  return turn < artifact.toTurn || (turn === artifact.toTurn && seq <= artifact.toSeq);
}

/**
 * What is shown of the run under way: what no summary stands for, and in any case what people said in it. A model that is
 * shown no question answers none, and some refuse to begin with their own words.
 */
export function ownShown(own: readonly HistoryMessage[], artifact: Range | null): HistoryMessage[] {
  return own.filter((message) => message.role === 'user' || !isCovered(message, artifact));
}
