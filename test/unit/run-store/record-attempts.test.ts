import { describe, expect, test, vi } from 'vitest';
import { StoreError } from '../../../src/database/store-error.ts';
import type { NewEvent } from '../../../src/domain/events.ts';
import { conflict } from '../../../src/domain/refusal.ts';
import { foldRun, type Run } from '../../../src/domain/run.ts';
import type { ClaimNow } from '../../../src/run-store/execution-slot.ts';
import { createRunStore, type Decided, type RecordRequest } from '../../../src/run-store/run-store.ts';
import { readAll } from '../../contract/appends.ts';
import { row } from '../../contract/subject.ts';
import { createMemoryJournal } from '../../memory-journal.ts';
import { inProgress, input, origin, pending, status, steered, tape } from '../domain/given.ts';

const runId = 'run_1';
const refusal = conflict('Not now.');
const events = (...list: NewEvent[]): Decided => ({ kind: 'events', events: list });

/** A run store, and another server on the same journal. Counts what they read and append. */
async function open({ isShared = false, given = pending, claimNow = () => null as never, epoch = 1 } = {}) {
  const journal = createMemoryJournal(() => undefined, { epochOf: () => epoch });
  const join = (of: { claimNow?: ClaimNow } = {}) =>
    createRunStore({ journal, claimNow, now: () => 1000, cachedRuns: 10, isShared, ...of });
  const [store, other] = [join(), join()];
  const recordBy =
    (server: typeof store) =>
    (decide: RecordRequest['decide'], more: Partial<RecordRequest> = {}) =>
      server.record({ runId, sessionId: origin.sessionId, epoch: null, decide, ...more });
  await recordBy(store)(() => ({ kind: 'events', events: tape(given) }));
  const [read, append] = [vi.spyOn(journal, 'read'), vi.spyOn(journal, 'append')];
  return { journal, store, record: recordBy(store), recordElsewhere: recordBy(other), read, append, join };
}

describe('a decision that records nothing', () => {
  test('has the newest fold, and appends nothing', async () => {
    const { record, append, store } = await open();
    const run = await store.load(runId);
    expect(await record(() => events())).toEqual({ kind: 'recorded', run, events: [] });
    expect(append).not.toHaveBeenCalled();
  });

  test('is made again on the newest fold if another server has written since', async () => {
    const { record, recordElsewhere, journal } = await open({ isShared: true });
    await recordElsewhere(() => events(steered('more')));
    const heads: (number | undefined)[] = [];
    const outcome = await record((run) => {
      heads.push(run?.head);
      return run?.head === 3 ? events(steered('seen')) : events();
    });
    expect(heads).toEqual([2, 3]);
    expect(outcome).toMatchObject({ kind: 'recorded', events: [{ seq: 4 }] });
    expect(await readAll(journal, runId)).toHaveLength(4);
  });
});

describe('a decision that other writers overtake', () => {
  test('is made again, and ends as a conflict after eight attempts', async () => {
    const { record, append } = await open();
    append.mockImplementation(async () => ({ kind: 'conflict', head: 9 }));
    expect(await record(() => events(steered('x')))).toMatchObject({
      kind: 'refused',
      refusal: { kind: 'conflict', message: 'Run run_1 is changing too fast. Try again.' },
    });
    expect(append).toHaveBeenCalledTimes(8);
  });

  test('may then record nothing', async () => {
    const { record, recordElsewhere, journal } = await open();
    await recordElsewhere(() => events(steered('first')));
    const outcome = await record((run) => (run && run.head > 2 ? events() : events(steered('second'))));
    expect(outcome).toMatchObject({ kind: 'recorded', events: [], run: { head: 3 } });
    expect(await readAll(journal, runId)).toHaveLength(3);
  });

  test('has the fold of everything, also if it decides on the same events again', async () => {
    const { record, recordElsewhere, journal } = await open();
    await recordElsewhere(() => events(steered('first')));
    const again = events(steered('second'));
    const outcome = await record(() => again);
    expect(outcome).toMatchObject({ kind: 'recorded', events: [{ seq: 4 }] });
    expect('run' in outcome && outcome.run).toEqual(foldRun(await readAll(journal, runId)));
  });

  test('is stale if another executor holds the lease', async () => {
    const { record } = await open({ epoch: 2 });
    expect(await record(() => events(steered('x')), { epoch: 1 })).toEqual({ kind: 'stale' });
  });
});

describe('the fold of a run', () => {
  test('has the texts as they are stored', async () => {
    const { record, journal } = await open({ given: inProgress });
    const failed = status('IN_PROGRESS', 'FAILED', {
      error: { code: 'INTERNAL', message: 'a\0b', retryable: false },
      reason: 'a\0b',
    });
    const outcome = await record(() => events(failed));
    const stored = foldRun(await readAll(journal, runId));
    expect(JSON.stringify(stored)).toContain('a\uFFFDb');
    expect('run' in outcome && outcome.run).toEqual(stored);
  });

  test('is in memory while the run is open, and is read from the tape after its end', async () => {
    const { store, record, read, append } = await open({ given: inProgress });
    const run = await store.load(runId);
    expect(await store.load(runId)).toBe(run);
    expect(read).not.toHaveBeenCalled();
    await record(() => events(status('IN_PROGRESS', 'CANCELLED', { reason: null })));
    expect(append).toHaveBeenCalledOnce();
    expect(await store.load(runId)).toMatchObject({ state: { status: 'CANCELLED' } });
    expect(read).toHaveBeenCalledOnce();
  });

  test('stays in memory when it was read', async () => {
    const { join, read } = await open();
    const server = join();
    await server.load(runId);
    await server.load(runId);
    expect(read).toHaveBeenCalledOnce();
  });

  test('is forgotten together with the tape', async () => {
    const { store } = await open();
    store.forget(runId);
    expect(await store.load(runId)).toBeNull();
  });

  test('is that of a long tape', async () => {
    const { record, join } = await open({ given: inProgress });
    await record(() => events(...Array.from({ length: 2500 }, (_, index) => steered(`${index}`))));
    expect(await join().load(runId)).toMatchObject({ head: 2503 });
  });
});

describe('the fold of the only server', () => {
  const seeing = (run: Run | null) => (run?.head === 3 ? events(steered('seen')) : refusal);

  /** Lets the next append store its events. Returns a function that reports it. */
  function delayReport({ append, journal }: Pick<Awaited<ReturnType<typeof open>>, 'append' | 'journal'>): () => void {
    let report = () => {};
    const reported = new Promise<void>((resolve) => {
      report = resolve;
    });
    append.mockImplementationOnce(async (request) => {
      const outcome = await journal.append(request);
      await reported;
      return outcome;
    });
    return report;
  }

  test('has events that are stored and not reported yet', async () => {
    const opened = await open();
    const { store, record, journal } = opened;
    const report = delayReport(opened);
    const recording = record(() => events(steered('stored')));
    await vi.waitFor(async () => expect(await readAll(journal, runId)).toHaveLength(3));
    expect(await store.load(runId)).toMatchObject({ head: 3 });
    expect(await record(seeing)).toMatchObject({ kind: 'recorded', events: [{ seq: 4 }] });
    report();
    expect(await recording).toMatchObject({ kind: 'recorded', run: { head: 3 } });
    expect(await store.load(runId)).toMatchObject({ head: 4 });
  });

  test('is read again until all appends of the run are reported, and no longer', async () => {
    const opened = await open();
    const { store, record, journal, read } = opened;
    const reportFirst = delayReport(opened);
    const first = record(() => events(steered('first')));
    await vi.waitFor(async () => expect(await readAll(journal, runId)).toHaveLength(3));
    await store.load(runId);
    const reportSecond = delayReport(opened);
    const second = record(() => events(steered('second')));
    await vi.waitFor(async () => expect(await readAll(journal, runId)).toHaveLength(4));
    reportFirst();
    await first;
    expect(await store.load(runId)).toMatchObject({ head: 4 });
    reportSecond();
    await second;
    read.mockClear();
    expect(await store.load(runId)).toMatchObject({ head: 4 });
    expect(read).not.toHaveBeenCalled();
  });

  test('has events that were stored although the append failed', async () => {
    const { store, record, journal, append } = await open();
    append.mockImplementationOnce(async (request) => {
      await journal.append(request);
      throw new StoreError('unknown', 'connection lost');
    });
    await expect(record(() => events(steered('stored')))).rejects.toMatchObject({ failure: 'unknown' });
    expect(await record(seeing)).toMatchObject({ kind: 'recorded', events: [{ seq: 4 }] });
    expect(await store.load(runId)).toMatchObject({ head: 4 });
  });
});

describe('a refusal', () => {
  const refuse = () => refusal;

  test('that rests on the fold of the only server costs no read', async () => {
    const { record, read } = await open();
    expect(await record(refuse)).toEqual({ kind: 'refused', refusal });
    expect(read).not.toHaveBeenCalled();
  });

  test('with other servers is decided again on the newest fold, which is read once', async () => {
    const { record, read, join } = await open({ isShared: true });
    const decide = vi.fn(refuse);
    expect(await record(decide)).toEqual({ kind: 'refused', refusal });
    expect([decide.mock.calls.length, read.mock.calls.length]).toEqual([2, 1]);
    const fresh = vi.fn(refuse);
    const request = { runId, sessionId: origin.sessionId, epoch: null, decide: fresh };
    expect(await join().record(request)).toEqual({ kind: 'refused', refusal });
    expect([fresh.mock.calls.length, read.mock.calls.length]).toEqual([1, 2]);
  });

  test('is no reason to record twice: what was recorded on an outdated fold stays recorded once', async () => {
    const { record, recordElsewhere, journal } = await open({ isShared: true });
    await recordElsewhere(() => events(steered('there')));
    expect(await record(() => events(steered('here')))).toMatchObject({ kind: 'recorded' });
    expect(await readAll(journal, runId)).toHaveLength(4);
  });

  test('is the answer to events that begin no run', async () => {
    const { store, append } = await open();
    const ofRun = { runId: 'run_2', sessionId: origin.sessionId, epoch: null };
    for (const decided of [events(steered('x')), events()]) {
      expect(await store.record({ ...ofRun, decide: () => decided })).toMatchObject({
        kind: 'refused',
        refusal: { kind: 'conflict', message: 'Run run_2 has no first event.' },
      });
    }
    expect(append).not.toHaveBeenCalled();
  });

  test('of a new run needs no read', async () => {
    const { store, read } = await open({ isShared: true });
    const isNew = { runId: 'run_2', sessionId: origin.sessionId, epoch: null, isNew: true };
    const folds: (Run | null)[] = [];
    const decide = (run: Run | null) => {
      folds.push(run);
      return events(input('hello'), status(null, 'PENDING'));
    };
    expect(await store.record({ ...isNew, decide })).toMatchObject({ kind: 'recorded' });
    expect([folds, read.mock.calls.length]).toEqual([[null], 0]);
  });
});

test('a slot is released if the run ends instead of going on, and its lease is not written', async () => {
  const log: string[] = [];
  const claimNow: ClaimNow = () => ({
    lease: row('lease'),
    start: () => void log.push('start'),
    release: () => void log.push('release'),
  });
  const { join, journal } = await open();
  const cancelled = () => events(status('PENDING', 'CANCELLED', { reason: null }));
  await join({ claimNow }).record({
    runId,
    sessionId: origin.sessionId,
    epoch: null,
    claim: 'waiting',
    decide: cancelled,
  });
  expect(log).toEqual(['release']);
  expect(journal.rows().map(({ row: { key } }) => key)).not.toContain('lease');
});
