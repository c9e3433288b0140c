import type { RecordedEvent } from '../../domain/events.ts';
import type { AppendOutcome, AppendRequest, Journal } from '../journal.ts';
import { type AppendPlan, type CachedHead, emptyTape, planAppend } from './append-plan.ts';
import type { Waiting } from './group-commit.ts';

export type WaitingAppend = Waiting<AppendRequest, AppendOutcome>;

export interface PlannedAppend {
  item: WaitingAppend;
  plan: AppendPlan;
}

/** A tape as it will be once the appends that are planned so far have been written. */
interface Draft {
  end: CachedHead;
  /** Events of this batch. */
  recorded: RecordedEvent[];
}

/** Plans each append behind the one before it. One whose `rebase` throws is rejected and left out. */
export async function planBatch(
  batch: readonly WaitingAppend[],
  ends: ReadonlyMap<string, CachedHead>,
  read: Journal['read'],
): Promise<PlannedAppend[]> {
  const drafts = new Map<string, Draft>();
  const planned: PlannedAppend[] = [];
  for (const item of batch) {
    const { runId } = item.request;
    const draft = drafts.get(runId) ?? { end: ends.get(runId) ?? emptyTape, recorded: [] };
    drafts.set(runId, draft);
    try {
      const plan = await planBehind(draft, item.request, read);
      planned.push({ item, plan });
      if (plan.kind === 'refuse') continue;
      draft.end = plan.end;
      draft.recorded.push(...plan.recorded);
    } catch (error) {
      item.reject(error);
    }
  }
  return planned;
}

async function planBehind(
  { end, recorded }: Draft,
  request: AppendRequest,
  read: Journal['read'],
): Promise<AppendPlan> {
  const { runId, expectedHead } = request;
  if (end.closed || end.head === expectedHead) return planAppend(request, end, []);
  const conflict: AppendPlan = { kind: 'refuse', outcome: { kind: 'conflict', head: end.head } };
  if (!request.rebase || end.head < expectedHead) return conflict;
  const stored = end.head - recorded.length;
  const range = { after: expectedHead, upTo: stored, limit: stored - expectedHead };
  const before = stored > expectedHead ? await read(runId, range) : [];
  const missed = [...before, ...recorded.filter(({ seq }) => seq > expectedHead)];
  // Fewer than the end says: the tape is not as it was thought to be.
  return missed.length === end.head - expectedHead ? planAppend(request, end, missed) : conflict;
}
