import { type ToolCallFold, toolCallEventTypes, toolCallsOf } from '../domain/tool-calls.ts';
import type { Journal } from '../journal/journal.ts';

/** The tool calls of a run, or of one model call of it. */
export interface ToolCallsKey {
  runId: string;
  /** The part of the tape that has all of their events: exclusive and inclusive. */
  after: number;
  upTo: number;
  /** Null for every model call. */
  step: number | null;
}

/** Greater than the seq of any event. */
const LAST_SEQ = Number.MAX_SAFE_INTEGER;

export const allToolCalls = (runId: string): ToolCallsKey => ({ runId, after: 0, upTo: LAST_SEQ, step: null });

/**
 * Those that one answer requested.
 * @param nextOutput seq of the run's next answer, at which all of them have their results; null if it is unknown
 */
export function toolCallsOfAnswer(
  { runId, seq, step }: { runId: string; seq: number; step: number },
  nextOutput: number | null,
): ToolCallsKey {
  return { runId, after: seq, upTo: nextOutput ?? LAST_SEQ, step };
}

/** Reads the tool calls of all keys in one query. */
export async function readToolCalls(
  journal: Pick<Journal, 'readMany'>,
  keys: readonly ToolCallsKey[],
): Promise<ToolCallFold[][]> {
  const parts = new Map<string, { runId: string; after: number; upTo: number }>();
  for (const { runId, after, upTo } of keys) {
    const known = parts.get(runId) ?? { after, upTo };
    parts.set(runId, { runId, after: Math.min(known.after, after), upTo: Math.max(known.upTo, upTo) });
  }
  const tapes = await journal.readMany([...parts.values()], toolCallEventTypes);
  const folds = new Map([...tapes].map(([runId, events]) => [runId, toolCallsOf(events)]));
  return keys.map(({ runId, step }) => (folds.get(runId) ?? []).filter((call) => step === null || call.step === step));
}
