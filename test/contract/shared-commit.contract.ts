import { describe, expect, test } from 'vitest';
import { QUEUED_APPENDS } from '../../src/config/limits.ts';
import { StoreError } from '../../src/database/store-error.ts';
import type { AppendRequest, Journal } from '../../src/journal/journal.ts';
import {
  append,
  appended,
  delta,
  ending,
  newRunId,
  opening,
  readAll,
  request,
  seqsOf,
  sequence,
  textsOf,
} from './appends.ts';
import { row, type Start, TAKEN, TAKEN_RULE } from './subject.ts';

/** Appends that share a commit do not affect each other. */
export function sharedCommitContract(start: Start): void {
  describe('rows and events', () => atomic(start));
  describe('a refused row', () => refused(start));
  describe('leases', () => leased(start));
  describe('onCommitted', () => committed(start));
  describe('failures', () => failing(start));
}

/** In one turn of the event loop, so that they share the first commit. */
function appendTogether(journal: Journal, requests: AppendRequest[]) {
  return Promise.all(requests.map((each) => journal.append(each)));
}

function atomic(start: Start): void {
  test('are stored together', async () => {
    const { journal, keys } = await start();
    const runId = newRunId();
    appended(await journal.append(request(runId, 0, opening, { writes: [row('one'), row('two')] })));
    expect(await keys()).toEqual(['one', 'two']);
    expect((await journal.head(runId))?.head).toBe(2);
  });

  test('are refused together', async () => {
    const { journal, keys } = await start();
    const ended = newRunId();
    await append(journal, ended, 0, ...opening, ending);
    const begun = newRunId();
    const outcomes = await appendTogether(journal, [
      request(ended, 3, [delta('after the end')], { writes: [row('closed')] }),
      request(begun, 7, [delta('too far')], { writes: [row('conflict')] }),
      request(begun, 0, opening, { writes: [row('new'), row(TAKEN)] }),
    ]);
    expect(outcomes.map(({ kind }) => kind)).toEqual(['closed', 'conflict', 'constraint']);
    expect(await keys()).toEqual([]);
    expect(await journal.head(begun)).toBeNull();
  });

  test('come from the rebase, not from the original request', async () => {
    const { journal, keys } = await start();
    const runId = newRunId();
    await append(journal, runId, 0, ...opening);
    const rebase = () => ({ events: [delta('again')], writes: [row('again')] });
    appended(await journal.append(request(runId, 1, [delta('first')], { writes: [row('first')], rebase })));
    expect(await keys()).toEqual(['again']);
  });
}

function refused(start: Start): void {
  test('fails its own append and no other', async () => {
    const { journal, keys } = await start();
    const runIds = sequence(9).map(newRunId);
    const outcomes = await appendTogether(
      journal,
      runIds.map((runId, index) => request(runId, 0, opening, { writes: [row(index === 4 ? TAKEN : `row ${index}`)] })),
    );
    for (const [index, outcome] of outcomes.entries()) {
      if (index === 4) expect(outcome).toEqual({ kind: 'constraint', rule: expect.stringContaining(TAKEN_RULE) });
      else expect(seqsOf(appended(outcome))).toEqual([1, 2]);
    }
    expect(await keys()).toEqual([0, 1, 2, 3, 5, 6, 7, 8].map((index) => `row ${index}`));
    expect(await readAll(journal, runIds[4] ?? '')).toEqual([]);
  });

  test('takes no seq: another append to the same tape succeeds unchanged', async () => {
    const { journal } = await start();
    const runId = newRunId();
    await append(journal, runId, 0, ...opening);
    const outcomes = await appendTogether(journal, [
      request(runId, 2, [ending], { writes: [row(TAKEN)] }),
      request(runId, 2, [delta('not after an end that was refused')]),
    ]);
    expect(outcomes.map(({ kind }) => kind)).toEqual(['constraint', 'appended']);
    expect(await readAll(journal, runId)).toMatchObject([{ seq: 1 }, { seq: 2 }, { seq: 3, type: 'output_delta' }]);
  });

  test('has no events that a rebase gets', async () => {
    const { journal } = await start();
    const runId = newRunId();
    await append(journal, runId, 0, ...opening);
    const outcomes = await appendTogether(journal, [
      request(runId, 2, [delta('refused')], { writes: [row(TAKEN)] }),
      request(runId, 2, [delta('alone')], {
        rebase: (missed) => ({ events: [delta(`after ${textsOf(missed).join()}`)], writes: [] }),
      }),
      request(runId, 1, [delta('never')], {
        rebase: (missed) => ({ events: [delta(`after ${seqsOf(missed).join()}`)], writes: [] }),
      }),
    ]);
    expect(outcomes.map(({ kind }) => kind)).toEqual(['constraint', 'appended', 'appended']);
    expect(textsOf(await readAll(journal, runId))).toEqual(['alone', 'after 2,3']);
  });
}

function leased(start: Start): void {
  test('only the holder of the newest lease may append, and a writer without a lease needs none', async () => {
    const { journal, lease } = await start();
    const [runId, other] = [newRunId(), newRunId()];
    await append(journal, runId, 0, ...opening);
    await append(journal, other, 0, ...opening);
    expect(await journal.append(request(runId, 2, [delta('no lease')], { epoch: 1 }))).toEqual({ kind: 'stale-epoch' });
    await lease(runId, 2);
    const outcomes = await appendTogether(journal, [
      request(runId, 2, [delta('stale')], { epoch: 1 }),
      request(other, 2, [delta('other run')]),
      request(runId, 2, [delta('holder')], { epoch: 2 }),
      request(runId, 3, [delta('client')]),
    ]);
    expect(outcomes.map(({ kind }) => kind)).toEqual(['stale-epoch', 'appended', 'appended', 'appended']);
    expect(await readAll(journal, runId)).toMatchObject([{}, {}, { epoch: 2 }, { epoch: null }]);
  });
}

function committed(start: Start): void {
  test('is called once for each append, in the order of the tape, when readers find the events', async () => {
    const calls: { runId: string; seqs: number[] }[] = [];
    const checks: Promise<void>[] = [];
    const subject = await start(({ runId, events }) => {
      calls.push({ runId, seqs: seqsOf(events) });
      const { journal } = subject;
      const range = { after: (events[0]?.seq ?? 0) - 1, upTo: events.at(-1)?.seq, limit: events.length };
      checks.push(journal.read(runId, range).then((read) => expect(read).toEqual(events)));
    });
    const { journal } = subject;
    const runIds = sequence(5).map(newRunId);
    const requests = runIds.flatMap((runId) => [
      request(runId, 0, opening),
      request(runId, 2, [delta('one')]),
      request(runId, 2, [delta('conflict')]),
      request(runId, 3, [delta('refused')], { writes: [row(TAKEN)] }),
    ]);
    await appendTogether(journal, requests);
    await Promise.all(runIds.map((runId) => append(journal, runId, 3, delta('two'), delta('three'))));
    for (const runId of runIds) {
      expect(calls.flatMap((each) => (each.runId === runId ? [each.seqs] : []))).toEqual([[1, 2], [3], [4, 5]]);
    }
    expect(checks).toHaveLength(15);
    await Promise.all(checks);
  });
}

function failing(start: Start): void {
  test('a rebase that throws fails its own append, with its own error', async () => {
    const { journal } = await start();
    const runId = newRunId();
    await append(journal, runId, 0, ...opening);
    const rebaseError = new Error('a bug in a decision');
    const rebase = () => {
      throw rebaseError;
    };
    const outcomes = await Promise.allSettled([
      journal.append(request(runId, 1, [delta('never')], { rebase })),
      journal.append(request(runId, 2, [delta('other run')])),
    ]);
    expect(outcomes).toMatchObject([{ status: 'rejected', reason: rebaseError }, { value: { kind: 'appended' } }]);
  });

  test('appends beyond the queue limit are refused as busy, and the queued ones succeed', async () => {
    const { journal } = await start();
    const runId = newRunId();
    const queued = sequence(QUEUED_APPENDS).map(() => journal.append(request(runId, 1, [delta('too early')])));
    const refusal = await journal.append(request(newRunId(), 0, opening)).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(StoreError);
    expect(refusal).toMatchObject({ failure: 'busy' });
    for (const outcome of await Promise.all(queued)) expect(outcome).toEqual({ kind: 'conflict', head: 0 });
    await append(journal, runId, 0, ...opening);
  });
}
