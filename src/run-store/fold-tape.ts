import type { Row, RowWrite } from '../database/batch-statement.ts';
import type { RecordedEvent } from '../domain/events.ts';
import { evolve, type Run } from '../domain/run.ts';
import type { Journal } from '../journal/journal.ts';
import { attachmentUseRows } from '../projections/attachment-uses.ts';
import { conversationPassages } from '../projections/conversation-index.ts';
import { runMetadataRows } from '../projections/run-metadata.ts';
import { runRows } from '../projections/runs.ts';
import { sessionActivityRows } from '../projections/session-activity.ts';
import { waitRows } from '../projections/waits.ts';

const PAGE_EVENTS = 1000;

/** Everything that is folded from one tape. */
export interface FoldedTape {
  run: Run;
  /** The rows, as they are written. */
  writes: RowWrite[];
  runRow: Row;
  /** One row for each entry of its metadata, with the session instead of the owner. */
  metadataRows: Row[];
  /** One row for each wait, as it is after all events. */
  waitRows: Row[];
  attachmentUseRows: Row[];
  passageRows: Row[];
  /** When the run last made its session active, in epoch milliseconds; null if it never did. */
  activeAt: number | null;
}

/** Reads a whole tape. Null if it begins no run. Rejects if an event cannot be read. */
export async function foldTape(journal: Journal, runId: string): Promise<FoldedTape | null> {
  let run: Run | null = null;
  let first: RecordedEvent | undefined;
  let activity: RowWrite[] = [];
  const waits: RowWrite[] = [];
  const attachmentUses: RowWrite[] = [];
  const passages: RowWrite[] = [];
  for (let page = await journal.read(runId, { after: 0, limit: PAGE_EVENTS }); page.length > 0; ) {
    first ??= page[0];
    attachmentUses.push(...attachmentUseRows(page));
    for (const event of page) {
      run = evolve(run, event);
      if (!run) continue;
      // Event by event, because the fold has the call that waits only during its step.
      waits.push(...waitRows(run, [event]));
      passages.push(...conversationPassages(run, [event]));
    }
    const newest = run ? sessionActivityRows(run, page) : [];
    if (newest.length > 0) activity = newest;
    page = await journal.read(runId, { after: page.at(-1)?.seq ?? 0, limit: PAGE_EVENTS });
  }
  if (!run || !first) return null;
  const [runWrite] = runRows(run, [first]);
  if (!runWrite) throw new Error(`The first event of ${runId} makes no row.`);
  const metadata = runMetadataRows(run, [first]);
  const at = activity.at(-1)?.row.at;
  return {
    run,
    writes: [runWrite, ...metadata, ...activity, ...waits, ...attachmentUses, ...passages],
    runRow: runWrite.row,
    metadataRows: metadata.map(({ row }) => row),
    waitRows: mergedById(waits),
    attachmentUseRows: attachmentUses.map(({ row }) => row),
    passageRows: passages.map(({ row }) => row),
    activeAt: typeof at === 'string' ? Date.parse(at) : null,
  };
}

/** A request inserts the row of a wait, and settling it changes the row. */
function mergedById(writes: readonly RowWrite[]): Row[] {
  const rows = new Map<unknown, Row>();
  for (const { row } of writes) rows.set(row.id, { ...rows.get(row.id), ...row });
  return [...rows.values()];
}
