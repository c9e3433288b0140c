import type { Client } from '../database/database.ts';
import type { BudgetRequest } from '../domain/events.ts';
import type { Journal } from '../journal/journal.ts';
import { type WaitRow, type WaitVisibility, waitsByIds } from './waits.ts';

/** The row of a wait for more budget. */
export type BudgetRequestRow = WaitRow & { kind: 'BUDGET' };

const isBudgetRequest = (row: WaitRow): row is BudgetRequestRow => row.kind === 'BUDGET';

export async function budgetRequestsByIds(
  reader: Client,
  visibility: WaitVisibility,
  ids: readonly string[],
): Promise<BudgetRequestRow[]> {
  return (await waitsByIds(reader, visibility, ids)).filter(isBudgetRequest);
}

/** A wait for more budget, as the tape has it. */
export interface BudgetRequestContent {
  summary: string;
  request: BudgetRequest;
  /** Null until more was allowed. */
  granted: number | null;
}

/** Reads the contents from their tapes, in one query, by the id of the wait. */
export async function budgetRequestContents(
  journal: Pick<Journal, 'readMany'>,
  rows: readonly Pick<BudgetRequestRow, 'id' | 'runId' | 'requestSeq'>[],
): Promise<Map<string, BudgetRequestContent>> {
  const parts = new Map<string, { runId: string; after: number; upTo: number }>();
  for (const { runId, requestSeq } of rows) {
    const after = Math.min(parts.get(runId)?.after ?? requestSeq - 1, requestSeq - 1);
    parts.set(runId, { runId, after, upTo: Number.MAX_SAFE_INTEGER });
  }
  const tapes = await journal.readMany([...parts.values()], ['wait_request', 'wait_settled']);
  const contents = new Map<string, BudgetRequestContent>();
  for (const events of tapes.values()) {
    for (const { type, payload } of events) {
      if (type === 'wait_request' && payload.budget !== null) {
        const { waitId, summary, budget: request } = payload;
        contents.set(waitId, { summary, request, granted: null });
      }
      const content = type === 'wait_settled' ? contents.get(payload.waitId) : undefined;
      if (content && type === 'wait_settled') content.granted = payload.granted;
    }
  }
  return contents;
}
