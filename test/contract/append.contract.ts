import { describe, expect, test } from 'vitest';
import { EVENT_BYTES } from '../../src/config/limits.ts';
import type { RecordedEvent } from '../../src/domain/events.ts';
import type { AppendContent, Journal } from '../../src/journal/journal.ts';
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
import type { Start } from './subject.ts';

/** Single appends, appends that come too late, and concurrent appends. */
export function appendContract(start: Start): void {
  describe('append', () => ordered(start));
  describe('rebase', () => rebased(start));
  describe('concurrent writers', () => racing(start));
}

function ordered(start: Start): void {
  test('an event that is too large is refused, and the next append succeeds', async () => {
    const { journal } = await start();
    const runId = newRunId();
    await append(journal, runId, 0, ...opening);
    await expect(append(journal, runId, 2, delta('x'.repeat(EVENT_BYTES)))).rejects.toThrow('longer than');
    expect(await append(journal, runId, 2, delta('short'))).toHaveLength(1);
  });

  test('B23: seq is dense from 1', async () => {
    const { journal } = await start();
    const runId = newRunId();
    const first = await append(journal, runId, 0, ...opening);
    const second = await append(journal, runId, 2, delta('one'), delta('two'));
    const third = await append(journal, runId, 4, delta('three'));
    expect(seqsOf([...first, ...second, ...third])).toEqual([1, 2, 3, 4, 5]);
    expect(await readAll(journal, runId)).toEqual([...first, ...second, ...third]);
  });

  test('a conflict reports the head and writes nothing', async () => {
    const { journal } = await start();
    const runId = newRunId();
    await append(journal, runId, 0, ...opening);
    for (const expectedHead of [0, 1, 3, 100]) {
      expect(await journal.append(request(runId, expectedHead, [delta('late')]))).toEqual({
        kind: 'conflict',
        head: 2,
      });
    }
    expect(await journal.append(request(newRunId(), 1, [delta('early')]))).toEqual({ kind: 'conflict', head: 0 });
    expect(seqsOf(await readAll(journal, runId))).toEqual([1, 2]);
  });

  test('a closed tape refuses every append', async () => {
    const { journal } = await start();
    const runId = newRunId();
    await append(journal, runId, 0, ...opening);
    const outcomes = [
      journal.append(request(runId, 2, [ending])),
      journal.append(request(runId, 3, [delta('in the same commit')])),
    ];
    expect((await Promise.all(outcomes)).map(({ kind }) => kind)).toEqual(['appended', 'closed']);
    const rebase = () => expect.unreachable('a closed tape has no next event');
    for (const expectedHead of [0, 2, 3, 4]) {
      expect(await journal.append(request(runId, expectedHead, [delta('later')], { rebase }))).toEqual({
        kind: 'closed',
      });
    }
    expect(await journal.head(runId)).toMatchObject({ head: 3, closed: true });
  });

  test('idle resolves when every append has its outcome', async () => {
    const { journal } = await start();
    let resolved = 0;
    for (const _ of sequence(40)) {
      void append(journal, newRunId(), 0, ...opening).then(() => {
        resolved += 1;
      });
    }
    await journal.idle();
    expect(resolved).toBe(40);
    await journal.idle();
  });
}

function rebased(start: Start): void {
  /** Appends one delta with the seqs of the missed events. */
  const listing = (missed: RecordedEvent[]): AppendContent => ({ events: [delta(seqsOf(missed).join())], writes: [] });

  test('gets exactly the missed events, in order, and succeeds at the first attempt', async () => {
    const { journal } = await start();
    const runId = newRunId();
    await append(journal, runId, 0, ...opening);
    const others = await append(journal, runId, 2, delta('a'), delta('b'), delta('c'));
    let rebasedOn: RecordedEvent[] = [];
    const rebase = (missed: RecordedEvent[]) => {
      rebasedOn = missed;
      return listing(missed);
    };
    const recorded = appended(await journal.append(request(runId, 3, [delta('replaced')], { rebase })));
    expect(rebasedOn).toEqual(others.slice(1));
    expect(recorded).toMatchObject([{ seq: 6, payload: { text: '4,5' } }]);
    expect(textsOf(await readAll(journal, runId))).toEqual(['a', 'b', 'c', '4,5']);
  });

  test('is called if other appends came first in the same commit', async () => {
    const { journal } = await start();
    const runId = newRunId();
    await append(journal, runId, 0, ...opening, delta('stored'));
    const outcomes = await Promise.all([
      journal.append(request(runId, 3, [delta('first')])),
      journal.append(request(runId, 3, [delta('never')], { rebase: listing })),
      journal.append(request(runId, 2, [delta('never')], { rebase: listing })),
      journal.append(request(runId, 6, [delta('expected')])),
      journal.append(request(runId, 5, [delta('never')], { rebase: listing })),
    ]);
    expect(outcomes.flatMap((outcome) => seqsOf(appended(outcome)))).toEqual([4, 5, 6, 7, 8]);
    expect(textsOf(await readAll(journal, runId))).toEqual(['stored', 'first', '4', '3,4,5', 'expected', '6,7']);
  });

  test('works from the beginning of a tape, whether or not it is stored', async () => {
    const { journal } = await start();
    const runId = newRunId();
    await Promise.all([
      append(journal, runId, 0, ...opening),
      journal.append(request(runId, 0, opening, { rebase: listing })).then(appended),
    ]);
    appended(await journal.append(request(runId, 0, opening, { rebase: listing })));
    expect(textsOf(await readAll(journal, runId))).toEqual(['1,2', '1,2,3']);
  });

  test('is not called if no event was missed', async () => {
    const { journal } = await start();
    const rebase = () => expect.unreachable('no event was missed');
    appended(await journal.append(request(newRunId(), 0, opening, { rebase })));
  });

  test('returns null to report a conflict', async () => {
    const { journal } = await start();
    const runId = newRunId();
    await append(journal, runId, 0, ...opening);
    const outcome = await journal.append(request(runId, 1, [delta('late')], { rebase: () => null }));
    expect(outcome).toEqual({ kind: 'conflict', head: 2 });
    expect(seqsOf(await readAll(journal, runId))).toEqual([1, 2]);
  });
}

/** Appends one text, again after each conflict. Returns its seq. */
async function appendUntilStored(journal: Journal, runId: string, text: string): Promise<number> {
  let expectedHead = 0;
  for (;;) {
    const outcome = await journal.append(request(runId, expectedHead, [delta(text)]));
    if (outcome.kind === 'conflict') expectedHead = outcome.head;
    else return appended(outcome)[0]?.seq ?? 0;
  }
}

function racing(start: Start): void {
  test.each([
    { runs: 1, writers: 20, appends: 15 },
    { runs: 30, writers: 3, appends: 5 },
  ])('$writers writers on each of $runs runs never get the same seq', async ({ runs, writers, appends }) => {
    const { journal } = await start();
    const runIds = sequence(runs).map(newRunId);
    const write = async (runId: string, writer: number) => {
      const seqs: number[] = [];
      for (const index of sequence(appends)) seqs.push(await appendUntilStored(journal, runId, `${writer}/${index}`));
      return seqs;
    };
    for (const { runId, seqs } of await Promise.all(
      runIds.map(async (runId) => {
        const seqsByWriter = await Promise.all(sequence(writers).map((writer) => write(runId, writer)));
        return { runId, seqs: seqsByWriter.flat() };
      }),
    )) {
      const total = writers * appends;
      expect(seqs.sort((left, right) => left - right)).toEqual(sequence(total));
      const events = await readAll(journal, runId);
      expect(seqsOf(events)).toEqual(sequence(total));
      expect(new Set(textsOf(events)).size).toBe(total);
      expect(await journal.verify(runId)).toMatchObject({ kind: 'intact', runId, events: total });
    }
  });

  test('hundreds of appends that rebase at the same time all succeed, each after the one before', async () => {
    const { journal } = await start();
    const runId = newRunId();
    await append(journal, runId, 0, ...opening);
    const missedCounts: number[] = [];
    const rebase = (missed: RecordedEvent[]): AppendContent => {
      missedCounts.push(missed.length);
      return { events: [delta(`after ${missed.at(-1)?.seq}`)], writes: [] };
    };
    const outcomes = await Promise.all(
      sequence(300).map(() => journal.append(request(runId, 2, [delta('after 2')], { rebase }))),
    );
    const events = outcomes.flatMap(appended);
    expect(textsOf(events)).toEqual(events.map(({ seq }) => `after ${seq - 1}`));
    expect(missedCounts).toEqual(sequence(299));
  });
}
