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

/** Appends one at a time, appends that come too late, and appends that race. */
export function appendContract(start: Start): void {
  describe('append', () => ordered(start));
  describe('rebase', () => rebased(start));
  describe('two writers', () => racing(start));
}

function ordered(start: Start): void {
  test('an event beyond its bound is refused, and the next append goes on', async () => {
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

  test('a conflict tells the head and writes nothing', async () => {
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

  test('a tape that has ended takes nothing any more', async () => {
    const { journal } = await start();
    const runId = newRunId();
    await append(journal, runId, 0, ...opening);
    const together = [
      journal.append(request(runId, 2, [ending])),
      journal.append(request(runId, 3, [delta('in the same commit')])),
    ];
    expect((await Promise.all(together)).map(({ kind }) => kind)).toEqual(['appended', 'closed']);
    const rebase = () => expect.unreachable('nothing can follow');
    for (const expectedHead of [0, 2, 3, 4]) {
      expect(await journal.append(request(runId, expectedHead, [delta('later')], { rebase }))).toEqual({
        kind: 'closed',
      });
    }
    expect(await journal.head(runId)).toMatchObject({ head: 3, closed: true });
  });

  test('idle resolves when every append that was begun has its outcome', async () => {
    const { journal } = await start();
    let settled = 0;
    for (const _ of sequence(40)) {
      void append(journal, newRunId(), 0, ...opening).then(() => {
        settled += 1;
      });
    }
    await journal.idle();
    expect(settled).toBe(40);
    await journal.idle();
  });
}

function rebased(start: Start): void {
  /** Answers with one delta that lists the seqs that were missed. */
  const listing = (missed: RecordedEvent[]): AppendContent => ({ events: [delta(seqsOf(missed).join())], writes: [] });

  test('gets exactly the events that were missed, in order, and wins in one go', async () => {
    const { journal } = await start();
    const runId = newRunId();
    await append(journal, runId, 0, ...opening);
    const others = await append(journal, runId, 2, delta('a'), delta('b'), delta('c'));
    let seen: RecordedEvent[] = [];
    const rebase = (missed: RecordedEvent[]) => {
      seen = missed;
      return listing(missed);
    };
    const recorded = appended(await journal.append(request(runId, 3, [delta('not this')], { rebase })));
    expect(seen).toEqual(others.slice(1));
    expect(recorded).toMatchObject([{ seq: 6, payload: { text: '4,5' } }]);
    expect(textsOf(await readAll(journal, runId))).toEqual(['a', 'b', 'c', '4,5']);
  });

  test('is asked also where others came first in the same commit', async () => {
    const { journal } = await start();
    const runId = newRunId();
    await append(journal, runId, 0, ...opening, delta('stored'));
    const outcomes = await Promise.all([
      journal.append(request(runId, 3, [delta('first')])),
      journal.append(request(runId, 3, [delta('never')], { rebase: listing })),
      journal.append(request(runId, 2, [delta('never')], { rebase: listing })),
      journal.append(request(runId, 6, [delta('as asked')])),
      journal.append(request(runId, 5, [delta('never')], { rebase: listing })),
    ]);
    expect(outcomes.flatMap((outcome) => seqsOf(appended(outcome)))).toEqual([4, 5, 6, 7, 8]);
    expect(textsOf(await readAll(journal, runId))).toEqual(['stored', 'first', '4', '3,4,5', 'as asked', '6,7']);
  });

  test('works from the beginning of a tape, stored or not', async () => {
    const { journal } = await start();
    const runId = newRunId();
    await Promise.all([
      append(journal, runId, 0, ...opening),
      journal.append(request(runId, 0, opening, { rebase: listing })).then(appended),
    ]);
    appended(await journal.append(request(runId, 0, opening, { rebase: listing })));
    expect(textsOf(await readAll(journal, runId))).toEqual(['1,2', '1,2,3']);
  });

  test('is not asked where nothing was missed', async () => {
    const { journal } = await start();
    const rebase = () => expect.unreachable('nothing was missed');
    appended(await journal.append(request(newRunId(), 0, opening, { rebase })));
  });

  test('null means a conflict', async () => {
    const { journal } = await start();
    const runId = newRunId();
    await append(journal, runId, 0, ...opening);
    const outcome = await journal.append(request(runId, 1, [delta('late')], { rebase: () => null }));
    expect(outcome).toEqual({ kind: 'conflict', head: 2 });
    expect(seqsOf(await readAll(journal, runId))).toEqual([1, 2]);
  });
}

/** Appends one text, again where another writer was faster. Returns the seq that it won. */
async function insist(journal: Journal, runId: string, text: string): Promise<number> {
  let expectedHead = 0;
  for (;;) {
    const outcome = await journal.append(request(runId, expectedHead, [delta(text)]));
    if (outcome.kind === 'conflict') expectedHead = outcome.head;
    else return appended(outcome)[0]?.seq ?? 0;
  }
}

function racing(start: Start): void {
  test.each([
    { runs: 1, writers: 20, each: 15 },
    { runs: 30, writers: 3, each: 5 },
  ])('$writers of them on each of $runs runs never both win a seq', async ({ runs, writers, each }) => {
    const { journal } = await start();
    const runIds = sequence(runs).map(newRunId);
    const write = async (runId: string, writer: number) => {
      const won: number[] = [];
      for (const turn of sequence(each)) won.push(await insist(journal, runId, `${writer}/${turn}`));
      return won;
    };
    for (const { runId, won } of await Promise.all(
      runIds.map(async (runId) => {
        const of = await Promise.all(sequence(writers).map((writer) => write(runId, writer)));
        return { runId, won: of.flat() };
      }),
    )) {
      const total = writers * each;
      expect(won.sort((one, other) => one - other)).toEqual(sequence(total));
      const events = await readAll(journal, runId);
      expect(seqsOf(events)).toEqual(sequence(total));
      expect(new Set(textsOf(events)).size).toBe(total);
      expect(await journal.verify(runId)).toEqual({ kind: 'intact', runId, events: total });
    }
  });

  test('hundreds that rebase at once all get in, each behind the one before', async () => {
    const { journal } = await start();
    const runId = newRunId();
    await append(journal, runId, 0, ...opening);
    const told: number[] = [];
    const rebase = (missed: RecordedEvent[]): AppendContent => {
      told.push(missed.length);
      return { events: [delta(`after ${missed.at(-1)?.seq}`)], writes: [] };
    };
    const outcomes = await Promise.all(
      sequence(300).map(() => journal.append(request(runId, 2, [delta('after 2')], { rebase }))),
    );
    const events = outcomes.flatMap(appended);
    expect(textsOf(events)).toEqual(events.map(({ seq }) => `after ${seq - 1}`));
    expect(told).toEqual(sequence(299));
  });
}
