import { describe, expect, test } from 'vitest';
import type { RowWrite } from '../../../src/database/batch-statement.ts';
import { decide, type RunCommand } from '../../../src/domain/decide.ts';
import { foldRun, type Run } from '../../../src/domain/run.ts';
import type { ClaimNow } from '../../../src/run-store/execution-slot.ts';
import { createRunStore, type RecordOutcome, type RecordRequest } from '../../../src/run-store/run-store.ts';
import { newRunId, readAll, sequence } from '../../contract/appends.ts';
import { row, TAKEN, TAKEN_RULE } from '../../contract/subject.ts';
import { createMemoryJournal } from '../../memory-journal.ts';
import { origin } from '../domain/given.ts';

/** A run store over a journal in memory, with one recorded run. */
async function open({ cachedRuns = 10, claimNow = () => null }: { cachedRuns?: number; claimNow?: ClaimNow } = {}) {
  const refuse = (write: RowWrite) => (write.row.key === TAKEN ? TAKEN_RULE : null);
  const journal = createMemoryJournal(() => undefined, { refuse });
  const join = () => createRunStore({ journal, claimNow, now: () => 1000, cachedRuns, isShared: true });
  const store = createRunStore({ journal, claimNow, now: () => 1000, cachedRuns, isShared: false });
  const runId = newRunId();
  const record = (command: RunCommand, rows: RowWrite[] = [], of = runId) =>
    store.record({
      runId: of,
      sessionId: origin.sessionId,
      epoch: null,
      decide(run, { now }) {
        const decision = decide(run, command, now);
        return decision.kind === 'events' ? { ...decision, rows } : decision;
      },
    });
  const send: RunCommand = { kind: 'send', text: 'hello', idempotencyKey: null, origin };
  await record(send);
  return { journal, store, runId, record, send, join };
}

const steer = (text: string): RunCommand => ({ kind: 'steer', text, idempotencyKey: null });
const cancel: RunCommand = { kind: 'cancel', reason: null };

function runOf(outcome: RecordOutcome): Run {
  if (outcome.kind !== 'recorded') throw new Error(`Not recorded: ${JSON.stringify(outcome)}`);
  return outcome.run;
}

describe('the fold after an append', () => {
  test('equals the fold of the tape for all concurrent writers', async () => {
    const { journal, store, runId, record } = await open();
    const outcomes = await Promise.all(sequence(50).map((n) => record(steer(`${n}`))));
    const tape = await readAll(journal, runId);
    for (const outcome of outcomes) {
      const run = runOf(outcome);
      expect(run).toEqual(foldRun(tape.slice(0, run.head)));
    }
    expect(await store.load(runId)).toEqual(foldRun(tape));
  });

  test('contains nothing of an append of the same commit that the store refused', async () => {
    const { journal, store, runId, record } = await open();
    const [refused, recorded] = await Promise.all([record(steer('refused'), [row(TAKEN)]), record(steer('recorded'))]);
    expect(refused).toEqual({ kind: 'constraint', rule: TAKEN_RULE });
    const tape = await readAll(journal, runId);
    expect(tape).toHaveLength(3);
    expect(runOf(recorded)).toEqual(foldRun(tape));
    expect(await store.load(runId)).toEqual(foldRun(tape));
  });

  test('is read from the tape when it is not cached', async () => {
    const { journal, store, runId, record, send } = await open({ cachedRuns: 1 });
    await record(send, [], newRunId());
    await record(steer('later'));
    store.forget(runId);
    expect(await store.load(runId)).toEqual(foldRun(await readAll(journal, runId)));
    expect(await store.load(newRunId())).toBeNull();
  });
});

describe('concurrent decisions', () => {
  test('B13: one ends the run, once, and the others are refused with its new state', async () => {
    const { journal, runId, record } = await open();
    const outcomes = await Promise.all([record(cancel), record({ kind: 'start', turn: 1 }), record(steer('late'))]);
    expect(runOf(outcomes[0]).state.status).toBe('CANCELLED');
    for (const outcome of outcomes.slice(1)) {
      expect(outcome).toMatchObject({ kind: 'refused', refusal: { kind: 'invalid-transition', state: 'CANCELLED' } });
    }
    expect(await readAll(journal, runId)).toHaveLength(3);
  });

  test('no decision is refused because of events that were not stored', async () => {
    const { runId, journal, record } = await open();
    const [refused, steered] = await Promise.all([record(cancel, [row(TAKEN)]), record(steer('goes on'))]);
    expect([refused.kind, steered.kind]).toEqual(['constraint', 'recorded']);
    expect(await readAll(journal, runId)).toMatchObject([{}, {}, { type: 'input', payload: { text: 'goes on' } }]);
  });

  test('a run is recorded once', async () => {
    const { record, send } = await open();
    const runId = newRunId();
    const outcomes = await Promise.all(sequence(10).map(() => record(send, [], runId)));
    expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['recorded', ...sequence(9).map(() => 'refused')]);
  });
});

describe('with other servers on the journal', () => {
  const decideOn =
    (command: RunCommand) =>
    (run: Run | null, { now }: { now: number }) =>
      decide(run, command, now);

  test('a refusal never rests on an outdated fold: newer events are read first', async () => {
    const { runId, join } = await open();
    const [one, two] = [join(), join()];
    const at = { runId, sessionId: origin.sessionId, epoch: null };
    const record = (server: typeof one, command: RunCommand) => server.record({ ...at, decide: decideOn(command) });
    await record(one, steer('kept here'));
    await record(two, steer('kept there'));
    await record(one, { kind: 'start', turn: 1 });
    const request = { kind: 'complete' } as const;
    // In the cached fold the run is PENDING, and a PENDING run cannot be completed.
    expect(await record(two, request)).toMatchObject({ kind: 'recorded', run: { state: { status: 'DONE' } } });
    expect(await record(one, cancel)).toMatchObject({ kind: 'refused', refusal: { state: 'DONE' } });
  });

  test('the newest fold equals the fold of the tape, whichever server wrote it', async () => {
    const { journal, runId, join } = await open();
    const [one, two] = [join(), join()];
    const at = { runId, sessionId: origin.sessionId, epoch: null };
    for (const n of sequence(10)) {
      await [one, two][n % 2]?.record({ ...at, decide: decideOn(steer(`${n}`)) });
      expect(await one.load(runId)).toEqual(foldRun(await readAll(journal, runId)));
    }
  });
});

describe('execution slots', () => {
  /** A run store with one slot that notes what happens to it, and the rows of every append. */
  async function openWithSlot() {
    const log: string[] = [];
    const claimNow: ClaimNow = (_run, kind) => {
      log.push(`claim ${kind}`);
      return { lease: row('lease'), start: () => void log.push('start'), release: () => void log.push('release') };
    };
    const opened = await open({ claimNow });
    const keys = () => opened.journal.rows().map(({ row: { key } }) => key);
    const record = (claim: RecordRequest['claim'], command: RunCommand, runId = opened.runId) =>
      opened.store.record({
        runId,
        sessionId: origin.sessionId,
        epoch: null,
        ...(claim ? { claim } : {}),
        decide: (run, { now, canStart }) =>
          decide(run, command.kind === 'send' ? { ...command, turn: canStart ? 1 : undefined } : command, now),
      });
    return { ...opened, log, keys, record };
  }

  test('a run that starts in its own append takes the lease with it, and starts after it', async () => {
    const { log, keys, record, send } = await openWithSlot();
    expect(runOf(await record('new', send, newRunId())).state.status).toBe('IN_PROGRESS');
    expect([log, keys().includes('lease')]).toEqual([['claim new', 'start'], true]);
  });

  test('without a request for a slot none is claimed, and the run waits', async () => {
    const { log, keys, record, send } = await openWithSlot();
    expect(runOf(await record(undefined, send, newRunId())).state.status).toBe('PENDING');
    expect([log, keys().includes('lease')]).toEqual([[], false]);
  });

  test('a slot is released when the decision is refused or does not start the run', async () => {
    const { log, keys, record, send } = await openWithSlot();
    expect((await record('new', send)).kind).toBe('refused');
    expect((await record('waiting', steer('more'))).kind).toBe('recorded');
    expect(log).toEqual(['claim new', 'release', 'claim waiting', 'release']);
    expect(keys()).not.toContain('lease');
  });

  test('a slot is released when the store fails', async () => {
    const { log, record, journal } = await openWithSlot();
    journal.append = async () => {
      throw new Error('The store is gone.');
    };
    await expect(record('waiting', steer('more'))).rejects.toThrow('The store is gone.');
    expect(log).toEqual(['claim waiting', 'release']);
  });
});
