import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Json, RecordedEvent } from '../../src/domain/events.ts';
import { canonicalJson } from '../../src/journal/canonical-json.ts';
import { GENESIS_HASH, hashOf } from '../../src/journal/codec.ts';
import { append, call, delta, ending, newRunId, opening, readAll, seqsOf, sequence, sessionId } from './appends.ts';
import type { Start } from './subject.ts';

/** Readers get what was appended. */
export function readContract(start: Start): void {
  describe('reading', () => ranges(start));
  describe('several tapes and heads', () => ends(start));
  describe('the hash chain', () => chained(start));
  describe('content', () => faithful(start));
}

function ranges(start: Start): void {
  test('an empty tape has no events, no head, and is intact', async () => {
    const { journal } = await start();
    const runId = newRunId();
    expect(await readAll(journal, runId)).toEqual([]);
    expect(await journal.readBack(runId, { before: 10, limit: 10 })).toEqual([]);
    expect(await journal.head(runId)).toBeNull();
    expect(await journal.verify(runId)).toMatchObject({ kind: 'intact', runId, events: 0 });
  });

  test('after is exclusive, upTo inclusive, before exclusive, and the oldest event comes first', async () => {
    const { journal } = await start();
    const runId = newRunId();
    await append(journal, runId, 0, ...sequence(10).map((n) => delta(`${n}`)));
    const read = async (range: { after: number; upTo?: number; limit: number }) =>
      seqsOf(await journal.read(runId, range));
    expect(await read({ after: 0, limit: 3 })).toEqual([1, 2, 3]);
    expect(await read({ after: 4, upTo: 6, limit: 100 })).toEqual([5, 6]);
    expect(await read({ after: 8, limit: 100 })).toEqual([9, 10]);
    expect(await read({ after: 6, upTo: 6, limit: 100 })).toEqual([]);
    expect(await read({ after: 10, limit: 100 })).toEqual([]);
    expect(await read({ after: 2, limit: 0 })).toEqual([]);
    const readBack = async (range: { before: number; limit: number }) => seqsOf(await journal.readBack(runId, range));
    expect(await readBack({ before: Number.MAX_SAFE_INTEGER, limit: 3 })).toEqual([8, 9, 10]);
    expect(await readBack({ before: 4, limit: 2 })).toEqual([2, 3]);
    expect(await readBack({ before: 4, limit: 100 })).toEqual([1, 2, 3]);
    expect(await readBack({ before: 1, limit: 100 })).toEqual([]);
    expect(await readBack({ before: 5, limit: 0 })).toEqual([]);
  });

  test('B29: a filter by types keeps the seqs of the events', async () => {
    const { journal } = await start();
    const runId = newRunId();
    await append(journal, runId, 0, ...opening, delta('3'), call(4), delta('5'), delta('6'), ending);
    const read = async (types: RecordedEvent['type'][], limit = 100) =>
      seqsOf(await journal.read(runId, { after: 0, limit, types }));
    expect(await read(['output_delta'])).toEqual([3, 5, 6]);
    expect(await read(['status', 'tool_call'])).toEqual([2, 4, 7]);
    expect(await read(['output_delta'], 2)).toEqual([3, 5]);
    expect(await read(['compaction'])).toEqual([]);
    expect(await read([])).toEqual([]);
    const back = await journal.readBack(runId, { before: 6, limit: 2, types: ['output_delta', 'input'] });
    expect(seqsOf(back)).toEqual([3, 5]);
  });
}

function ends(start: Start): void {
  test('readEnds returns the last events of each tape, and all of a shorter one', async () => {
    const { journal } = await start();
    const [long, short, none] = [newRunId(), newRunId(), newRunId()];
    const events = await append(journal, long, 0, ...opening, delta('3'), delta('4'), ending);
    const few = await append(journal, short, 0, ...opening);
    const ends = await journal.readEnds([long, none, short, long], 3);
    expect(ends).toEqual(
      new Map([
        [long, events.slice(2)],
        [none, []],
        [short, few],
      ]),
    );
    expect(await journal.readEnds([], 3)).toEqual(new Map());
  });

  test('readMany returns the events of some types of each tape up to its seq', async () => {
    const { journal } = await start();
    const [long, cut, none] = [newRunId(), newRunId(), newRunId()];
    const events = await append(journal, long, 0, ...opening, delta('3'), delta('4'), ending);
    const others = await append(journal, cut, 0, ...opening, delta('3'), delta('4'));
    const requested = [
      { runId: long, upTo: Number.MAX_SAFE_INTEGER },
      { runId: none, upTo: 3 },
      { runId: cut, upTo: 3 },
    ];
    const read = await journal.readMany(requested, ['output_delta']);
    expect(read).toEqual(
      new Map([
        [long, events.filter(({ type }) => type === 'output_delta')],
        [none, []],
        [cut, others.filter(({ type, seq }) => type === 'output_delta' && seq <= 3)],
      ]),
    );
    expect(await journal.readMany([], ['input'])).toEqual(new Map());
    const part = await journal.readMany([{ runId: long, after: 3, upTo: 5 }], ['output_delta', 'status']);
    expect(part.get(long)?.map(({ seq }) => seq)).toEqual([4, 5]);
  });

  test('the head is the newest event of its run', async () => {
    const { journal } = await start();
    const [runId, other] = [newRunId(), newRunId()];
    const events = await append(journal, runId, 0, ...opening, delta('three'));
    await append(journal, other, 0, ...opening);
    expect(await journal.head(runId)).toEqual({ sessionId, head: 3, closed: false, hash: events[2]?.hash });
    const [last] = await append(journal, runId, 3, ending);
    expect(await journal.head(runId)).toEqual({ sessionId, head: 4, closed: true, hash: last?.hash });
    expect(await journal.head(other)).toMatchObject({ head: 2, closed: false });
  });
}

function chained(start: Start): void {
  test('is SHA-256 over the previous hash and the event', async () => {
    const { journal } = await start();
    const runId = newRunId();
    await append(journal, runId, 0, ...opening);
    await append(journal, runId, 2, delta('three'), call({ b: 1, a: [null, 'x'] }), ending);
    let previous = GENESIS_HASH;
    for (const event of await readAll(journal, runId)) {
      const hash = hashOf(previous, { ...event, payload: canonicalJson(event.payload as Json).text });
      expect(event.hash).toBe(hash);
      previous = hash;
    }
    expect(await journal.verify(runId)).toMatchObject({ kind: 'intact', runId, events: 5 });
  });

  test('does not depend on the order of keys', async () => {
    const [first, second] = [await start(), await start()];
    const runId = newRunId();
    const [left] = await append(first.journal, runId, 0, call({ a: 1, b: { c: 2, d: 3 } }));
    const [right] = await append(second.journal, runId, 0, call({ b: { d: 3, c: 2 }, a: 1 }));
    expect(left?.hash).toBe(right?.hash);
    const [different] = await append(second.journal, newRunId(), 0, call({ a: 1, b: { c: 2, d: 3 } }));
    expect(different?.hash).not.toBe(left?.hash);
  });

  test('is intact at every moment while the tape grows', async () => {
    const { journal } = await start();
    const runId = newRunId();
    const write = async () => {
      await append(journal, runId, 0, ...opening);
      for (const head of sequence(60, 2)) await append(journal, runId, head, head === 60 ? ending : delta(`${head}`));
    };
    let writing = true;
    const written = write().finally(() => {
      writing = false;
    });
    while (writing) {
      expect(await journal.verify(runId)).toMatchObject({ kind: 'intact' });
      await setImmediate();
    }
    await written;
    expect(await journal.verify(runId)).toMatchObject({ kind: 'intact', runId, events: 61 });
  });
}

function faithful(start: Start): void {
  test('NUL and lone surrogates are replaced equally for listeners and readers', async () => {
    const committed: RecordedEvent[] = [];
    const { journal } = await start(({ events }) => committed.push(...events));
    const runId = newRunId();
    const callInput = { 'a\0b': 'x\0y', list: ['\ud800', '\udc00z', 'ok'], '\ud83d': 1 };
    const recorded = await append(journal, runId, 0, delta('\0 and \ud800!'), call(callInput));
    const clean = { 'a\ufffdb': 'x\ufffdy', list: ['\ufffd', '\ufffdz', 'ok'], '\ufffd': 1 };
    expect(recorded).toMatchObject([{ payload: { text: '\ufffd and \ufffd!' } }, { payload: { input: clean } }]);
    expect(committed).toEqual(recorded);
    expect(await readAll(journal, runId)).toEqual(recorded);
    expect(await journal.verify(runId)).toMatchObject({ kind: 'intact' });
  });

  test('text of every script is read unchanged', async () => {
    const { journal } = await start();
    const runId = newRunId();
    const text = 'héllo — 你好 שלום 👩‍👩‍👧‍👦 e\u0301 \u2028\u2029 \ufeff \u0001 \x7f \\u0000 \\ " \' ` %s \r\n\t 𝒳';
    await append(journal, runId, 0, delta(text), call({ [text]: text }));
    const events = await readAll(journal, runId);
    expect(events).toMatchObject([{ payload: { text } }, { payload: { input: { [text]: text } } }]);
  });

  test('an event of the largest size is read unchanged', async () => {
    const { journal } = await start();
    const runId = newRunId();
    const text = '0123456789ñ"\\\n'.repeat(14_000);
    const recorded = await append(journal, runId, 0, ...sequence(8).map((n) => delta(`${n}${text}`)));
    expect(await readAll(journal, runId)).toEqual(recorded);
    expect(recorded[7]).toMatchObject({ payload: { text: `8${text}` } });
    expect(await journal.verify(runId)).toMatchObject({ kind: 'intact' });
  });

  test('any JSON is read as it was committed', async () => {
    const { journal } = await start();
    const units = fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 20 });
    const text = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      units.map((codes) => String.fromCharCode(...codes)),
      fc.constant('__proto__'),
    );
    const { tree } = fc.letrec<{ tree: Json }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        text,
        fc.constantFrom(null, true, false, 0, 1e21, 1e-7, 0.1, -5, Number.MAX_SAFE_INTEGER),
        fc.array(tie('tree'), { maxLength: 4 }),
        fc
          .array(fc.tuple(text, tie('tree')), { maxLength: 4 })
          .map((members) =>
            JSON.parse(`{${members.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join()}}`),
          ),
      ),
    }));
    await fc.assert(
      fc.asyncProperty(tree, async (value) => {
        const runId = newRunId();
        const recorded = await append(journal, runId, 0, call(value));
        expect(await readAll(journal, runId)).toStrictEqual(recorded);
        expect(await journal.verify(runId)).toMatchObject({ kind: 'intact' });
      }),
      { numRuns: 150 },
    );
  });
}
