import type { RowWrite } from '../../database/batch-statement.ts';
import { decide, type RunCommand } from '../../domain/decide.ts';
import { isRefusal } from '../../domain/refusal.ts';
import { newestTurn } from '../../projections/runs.ts';
import { type ExecutionSlot, recordWithSlot, type StartableRun } from '../../run-store/execution-slot.ts';
import type { RecordOutcome } from '../../run-store/run-store.ts';
import type { CommandContext } from '../command-context.ts';

interface RecordedRun extends StartableRun {
  command: Omit<Extract<RunCommand, { kind: 'send' }>, 'kind' | 'turn'>;
  /** What is known of its session: nothing is before it there, or at least nothing is open. */
  session: 'new' | 'free' | 'busy';
  /** Rows that belong to it. @param begins whether it relies on a session that is free */
  writes(begins: boolean): RowWrite[];
}

/** Records a new run. One that has nothing to wait for begins in the same append, where this server has room for it. */
export async function recordRun(context: CommandContext, run: RecordedRun): Promise<RecordOutcome> {
  const place = run.session === 'busy' ? null : context.slotProvider.first(run);
  if (!place) return record(context, run, null, undefined);
  return recordWithSlot(
    place,
    async () => {
      const turn = run.session === 'new' ? 1 : (await newestTurn(context.database, run.sessionId)) + 1;
      return record(context, run, place, turn);
    },
    ({ kind }) => kind === 'recorded',
  );
}

function record(
  { runStore: recorder }: CommandContext,
  { runId, sessionId, command, writes }: RecordedRun,
  place: ExecutionSlot | null,
  turn: number | undefined,
): Promise<RecordOutcome> {
  return recorder.record({
    runId,
    sessionId,
    epoch: null,
    isNew: true,
    decide(run, now) {
      const decision = decide(run, { kind: 'send', ...command, turn }, now);
      if (isRefusal(decision)) return decision;
      return { ...decision, writes: [...writes(place !== null), ...(place ? [place.lease] : [])] };
    },
  });
}
