import type { RowWrite } from '../../../src/database/batch-statement.ts';
import type { NewEvent } from '../../../src/domain/events.ts';
import { foldOn, type Run, sequenceEvents } from '../../../src/domain/run.ts';
import { conversationPassages } from '../../../src/projections/conversation-index.ts';
import { runRows } from '../../../src/projections/runs.ts';
import { sessionActivityRows } from '../../../src/projections/session-activity.ts';
import { insertSession } from '../../../src/repositories/sessions.ts';
import type { Gateway } from '../../../src/server/gateway.ts';
import { context, input, output, status } from '../../unit/domain/given.ts';

const BATCH_RUNS = 250;

/**
 * A session of ended runs with ten events each, and a last run without a response. They are written without the orchestrator,
 * which is faster.
 */
export async function createSessionWithRuns({ database, journal, newId }: Gateway['parts'], count: number) {
  const sessionId = newId('session');
  await database.commit([
    insertSession({ id: sessionId, owner: 'ada', key: sessionId, title: null, agentId: null, createdAt: 0 }),
  ]);
  let lastEnded = '';
  for (let turn = 1; turn <= count; turn += BATCH_RUNS) {
    const turns = Array.from({ length: Math.min(BATCH_RUNS, count - turn + 1) }, (_, index) => turn + index);
    const runIds = turns.map(() => newId('run'));
    await Promise.all(turns.map((each, index) => append(each, runIds[index] ?? '', true)));
    lastEnded = runIds.at(-1) ?? '';
  }
  // The last run has ended too, so that the server does not execute it.
  const run = await append(count + 1, newId('run'), false);
  return {
    session: { id: sessionId, owner: 'ada', parentId: null, resetTurn: 0, useCompaction: true, lastEnded },
    run,
  };

  async function append(turn: number, runId: string, hasResponse: boolean): Promise<Run> {
    const response = [
      context(1),
      ...deltas,
      ...output(1, { text: `Answer ${String(turn).padStart(6, '0')}. ${'More of it. '.repeat(20)}` }),
    ];
    const events = [begin(sessionId, turn), status(null, 'PENDING'), status('PENDING', 'IN_PROGRESS', { turn })];
    const end = status('IN_PROGRESS', hasResponse ? 'DONE' : 'CANCELLED');
    const all = [...events, ...(hasResponse ? response : []), end];
    const position = { runId, now: 0, epoch: null };
    const run = foldOn(null, position, all);
    if (!run) throw new Error('The events do not begin a run.');
    const sequenced = sequenceEvents(null, position, all);
    const writes: RowWrite[] = [
      ...runRows(run, sequenced),
      ...conversationPassages(run, sequenced),
      ...sessionActivityRows(run, sequenced),
    ];
    await journal.append({ runId, sessionId, expectedHead: 0, epoch: null, events: sequenced, writes });
    return run;
  }
}

const deltas: NewEvent[] = ['a', 'b', 'c', 'd'].map((text) => ({
  type: 'output_delta',
  actor: 'MODEL',
  payload: { step: 1, text },
}));

function begin(sessionId: string, turn: number): NewEvent {
  const event = input(`Question ${String(turn).padStart(6, '0')}`);
  if (event.type !== 'input' || event.payload.origin === null) throw new Error('Not an input.');
  return { ...event, payload: { ...event.payload, origin: { ...event.payload.origin, sessionId } } };
}
