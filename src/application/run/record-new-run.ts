import type { RowWrite } from '../../database/batch-statement.ts';
import { decide, type RunCommand } from '../../domain/decide.ts';
import { isRefusal } from '../../domain/refusal.ts';
import { lastRunsOf, newestTurn } from '../../projections/session-runs.ts';
import type { RecordOutcome } from '../../run-store/run-store.ts';
import type { CommandContext } from '../command-context.ts';

interface NewRun {
  runId: string;
  sessionId: string;
  command: Omit<Extract<RunCommand, { kind: 'send' }>, 'kind' | 'turn'>;
  /** `new`: the session is created with the run. `free`: none of its runs is open. `busy`: the run has to wait. */
  session: 'new' | 'free' | 'busy';
  /** Rows that belong to the run. @param starts whether the run starts in the same append, which needs a free session */
  rows(starts: boolean): RowWrite[];
}

/** Records a new run. When its session is free and this server has room, the run starts in the same append. */
export async function recordNewRun(context: CommandContext, run: NewRun): Promise<RecordOutcome> {
  const { runId, sessionId, session } = run;
  const turn = await firstTurn(context, run);
  const outcome = await context.runStore.record({
    runId,
    sessionId,
    epoch: null,
    isNew: true,
    ...(session === 'busy' ? {} : { claim: 'new' }),
    decide(fold, { now, canStart }) {
      const decision = decide(fold, { kind: 'send', ...run.command, turn: canStart ? turn : undefined }, now);
      return isRefusal(decision) ? decision : { ...decision, rows: run.rows(canStart) };
    },
  });
  if (outcome.kind === 'constraint') await advanceRunIds(context, sessionId);
  return outcome;
}

/** The turn of the run if it starts at once; undefined when it has to wait. */
async function firstTurn({ database }: CommandContext, { session, sessionId }: NewRun): Promise<number | undefined> {
  if (session === 'busy') return undefined;
  return session === 'new' ? 1 : (await newestTurn(database, sessionId)) + 1;
}

/**
 * Ids order the runs of a session. When the clock of another server is ahead, this makes the ids that this server creates from
 * now on sort after the newest id of the session.
 */
async function advanceRunIds({ database, newId }: CommandContext, sessionId: string): Promise<void> {
  const [newest] = await lastRunsOf(database.reader, [sessionId]);
  if (newest) newId('run', newest.id);
}
