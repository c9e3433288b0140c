import { describe, expect, test } from 'vitest';
import type { RowWrite } from '../../../src/database/batch-statement.ts';
import { decide, type RunCommand } from '../../../src/domain/decide.ts';
import { foldRun, type Run } from '../../../src/domain/run.ts';
import { createRunStore, type Decided, type RecordOutcome } from '../../../src/run-store/run-store.ts';
import { newRunId, readAll, sequence } from '../../contract/appends.ts';
import { row, TAKEN, TAKEN_RULE } from '../../contract/subject.ts';
import { createMemoryJournal } from '../../memory-journal.ts';
import { origin } from '../domain/given.ts';

/** A recorder over a journal in memory, and one run that has begun. */
async function open({ cachedRuns = 10 } = {}) {
  const refuse = (write: RowWrite) => (write.row.key === TAKEN ? TAKEN_RULE : null);
  const journal = createMemoryJournal(() => undefined, { refuse });
  const join = () => createRunStore({ journal, now: () => 1000, cachedRuns, isShared: true });
  const recorder = createRunStore({ journal, now: () => 1000, cachedRuns, isShared: false });
  const runId = newRunId();
  const record = (command: RunCommand, writes: RowWrite[] = [], of = runId) =>
    recorder.record({
      runId: of,
      sessionId: origin.sessionId,
      epoch: null,
      decide(run, now) {
        const decision = decide(run, command, now);
        return decision.kind === 'events' ? { ...decision, writes } : decision;
      },
    });
  const send: RunCommand = { kind: 'send', text: 'hello', idempotencyKey: null, origin };
  await record(send);
  return { journal, recorder, runId, record, send, join };
}

const steer = (text: string): RunCommand => ({ kind: 'steer', text, idempotencyKey: null });
const cancel: RunCommand = { kind: 'cancel', reason: null };

function runOf(outcome: RecordOutcome): Run {
  if (outcome.kind !== 'recorded') throw new Error(`Not recorded: ${JSON.stringify(outcome)}`);
  return outcome.run;
}

describe('the fold behind what was recorded', () => {
  test('is that of the tape, for all who record at once', async () => {
    const { journal, recorder, runId, record } = await open();
    const outcomes = await Promise.all(sequence(50).map((n) => record(steer(`${n}`))));
    const tape = await readAll(journal, runId);
    for (const outcome of outcomes) {
      const run = runOf(outcome);
      expect(run).toEqual(foldRun(tape.slice(0, run.head)));
    }
    expect(await recorder.load(runId)).toEqual(foldRun(tape));
  });

  test('holds nothing of a neighbour that the store refused in the same commit', async () => {
    const { journal, recorder, runId, record } = await open();
    const [refused, recorded] = await Promise.all([record(steer('refused'), [row(TAKEN)]), record(steer('recorded'))]);
    expect(refused).toEqual({ kind: 'constraint', rule: TAKEN_RULE });
    const tape = await readAll(journal, runId);
    expect(tape).toHaveLength(3);
    expect(runOf(recorded)).toEqual(foldRun(tape));
    expect(await recorder.load(runId)).toEqual(foldRun(tape));
  });

  test('is read from the tape where it is not kept', async () => {
    const { journal, recorder, runId, record, send } = await open({ cachedRuns: 1 });
    await record(send, [], newRunId());
    await record(steer('later'));
    recorder.forget(runId);
    expect(await recorder.load(runId)).toEqual(foldRun(await readAll(journal, runId)));
    expect(await recorder.load(newRunId())).toBeNull();
  });
});

describe('of decisions that race', () => {
  test('B13: one ends the run, once, and the others are refused by what it has become', async () => {
    const { journal, runId, record } = await open();
    const outcomes = await Promise.all([record(cancel), record({ kind: 'start', turn: 1 }), record(steer('late'))]);
    expect(runOf(outcomes[0]).state.status).toBe('CANCELLED');
    for (const outcome of outcomes.slice(1)) {
      expect(outcome).toMatchObject({ kind: 'refused', refusal: { kind: 'invalid-transition', state: 'CANCELLED' } });
    }
    expect(await readAll(journal, runId)).toHaveLength(3);
  });

  test('none is refused for what was never stored', async () => {
    const { runId, journal, record } = await open();
    const [refused, steered] = await Promise.all([record(cancel, [row(TAKEN)]), record(steer('goes on'))]);
    expect([refused.kind, steered.kind]).toEqual(['constraint', 'recorded']);
    expect(await readAll(journal, runId)).toMatchObject([{}, {}, { type: 'input', payload: { text: 'goes on' } }]);
  });

  test('a run is begun once', async () => {
    const { record, send } = await open();
    const runId = newRunId();
    const outcomes = await Promise.all(sequence(10).map(() => record(send, [], runId)));
    expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['recorded', ...sequence(9).map(() => 'refused')]);
  });
});

describe('beside other servers', () => {
  const decideOn =
    (command: RunCommand) =>
    (run: Run | null, now: number): Decided =>
      decide(run, command, now);

  test('nobody is refused for an old fold: what the other one recorded is read first', async () => {
    const { runId, join } = await open();
    const [one, two] = [join(), join()];
    const at = { runId, sessionId: origin.sessionId, epoch: null };
    const record = (server: typeof one, command: RunCommand) => server.record({ ...at, decide: decideOn(command) });
    await record(one, steer('kept here'));
    await record(two, steer('kept there'));
    await record(one, { kind: 'start', turn: 1 });
    const request = { kind: 'complete' } as const;
    // Here the run still waits, and a run that waits can not be completed.
    expect(await record(two, request)).toMatchObject({ kind: 'recorded', run: { state: { status: 'DONE' } } });
    expect(await record(one, cancel)).toMatchObject({ kind: 'refused', refusal: { state: 'DONE' } });
  });

  test('the newest fold is that of the tape, whoever wrote it', async () => {
    const { journal, runId, join } = await open();
    const [one, two] = [join(), join()];
    const at = { runId, sessionId: origin.sessionId, epoch: null };
    for (const n of sequence(10)) {
      await [one, two][n % 2]?.record({ ...at, decide: decideOn(steer(`${n}`)) });
      expect(await one.load(runId)).toEqual(foldRun(await readAll(journal, runId)));
    }
  });
});
