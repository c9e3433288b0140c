import { describe, expect, test } from 'vitest';
import type { NewEvent } from '../../../src/domain/events.ts';
import type { StepOutcome } from '../../../src/orchestrator/run-execution.ts';
import { createDeltaRecorder } from '../../../src/orchestrator/step/delta-recorder.ts';

function createRecorder(options: { answerBytes?: number; failure?: Error } = {}) {
  const tried: NewEvent[][] = [];
  const stops: unknown[] = [];
  const cuts: number[] = [];
  const deltas = createDeltaRecorder({
    step: 1,
    answerBytes: options.answerBytes ?? 1000,
    ready: Promise.resolve(true),
    async record(events): Promise<StepOutcome> {
      tried.push(events);
      if (options.failure) throw options.failure;
      return { kind: 'stop', leaseReleased: false };
    },
    onStop: (error) => stops.push(error),
    onCut: () => cuts.push(1),
  });
  return { deltas, tried, stops, cuts };
}

test('B20: after a piece that could not be recorded no other piece is recorded', async () => {
  const failure = new Error('full');
  const { deltas, tried, stops } = createRecorder({ failure });
  deltas.sink.text('lost');
  await deltas.finish();
  deltas.sink.text('late');
  await deltas.finish();
  expect(tried).toHaveLength(1);
  expect(stops).toEqual([failure]);
});

describe('the limit of an answer', () => {
  const delta = (type: 'thought' | 'output_delta', text: string) => ({
    type,
    actor: 'MODEL',
    payload: { step: 1, text },
  });

  test('lets an answer of exactly its size pass', () => {
    const { deltas, cuts } = createRecorder({ answerBytes: 10 });
    deltas.sink.text('hällo');
    deltas.sink.text('four');
    expect([deltas.text(), deltas.isCut(), cuts.length]).toEqual(['hällofour', false, 0]);
  });

  test('counts thoughts and text in UTF-8 bytes, cuts between characters, and stops the call once', async () => {
    const { deltas, cuts, tried } = createRecorder({ answerBytes: 9 });
    deltas.sink.thought('hmm');
    deltas.sink.text('abc€€');
    deltas.sink.text('more');
    deltas.sink.thought('more');
    expect([deltas.text(), deltas.bytes(), deltas.isCut(), cuts.length]).toEqual(['abc€', 9, true, 1]);
    await deltas.finish();
    expect(tried).toEqual([[delta('thought', 'hmm'), delta('output_delta', 'abc€')]]);
  });

  test('ends thoughts without any text', async () => {
    const { deltas, cuts, tried } = createRecorder({ answerBytes: 4 });
    for (let count = 0; count < 100; count += 1) deltas.sink.thought('xx');
    expect([deltas.text(), deltas.isCut(), cuts.length]).toEqual(['', true, 1]);
    await deltas.finish();
    expect(tried).toEqual([[delta('thought', 'xxxx')]]);
  });
});

describe('the pieces of an answer', () => {
  const PIECE = 16 * 1024;

  /** A recorder whose commits succeed. */
  const committing = (commit: (events: NewEvent[]) => void | Promise<void>, answerBytes = 1_000_000) =>
    createDeltaRecorder({
      step: 1,
      answerBytes,
      ready: Promise.resolve(true),
      async record(events) {
        await commit(events);
        return { kind: 'continue', run: {} as never };
      },
      onStop: () => undefined,
      onCut: () => undefined,
    });

  /** The texts of the events of these pieces, which nothing interrupts. */
  async function recordedTexts(pieces: readonly string[], answerBytes?: number) {
    const events: NewEvent[] = [];
    const deltas = committing((more) => void events.push(...more), answerBytes);
    for (const piece of pieces) deltas.sink.text(piece);
    await deltas.finish();
    return { texts: events.map(({ payload }) => ('text' in payload ? payload.text : '')), deltas };
  }

  test('of one turn of the event loop share an event', async () => {
    const { texts, deltas } = await recordedTexts(['a', '', 'é']);
    expect(texts).toEqual(['aé']);
    expect([deltas.text(), deltas.bytes(), deltas.hasOutput(), deltas.isCut()]).toEqual(['aé', 3, true, false]);
  });

  test('that are empty are no output', async () => {
    const { texts, deltas } = await recordedTexts(['', '']);
    expect([texts, deltas.hasOutput(), deltas.bytes()]).toEqual([[], false, 0]);
  });

  test.each([
    [PIECE, [PIECE]],
    [PIECE + 1, [PIECE, 1]],
    [2 * PIECE, [PIECE, PIECE]],
    [2 * PIECE + 5, [PIECE, PIECE, 5]],
  ])('with %i characters become events of %j', async (length, lengths) => {
    const text = Array.from({ length }, (_, index) => String.fromCharCode(97 + (index % 26))).join('');
    const { texts } = await recordedTexts([text]);
    expect(texts.map((each) => each.length)).toEqual(lengths);
    expect(texts.join('')).toBe(text);
  });

  test('are never divided between the halves of a character', async () => {
    const text = `${'x'.repeat(PIECE - 1)}😀y`;
    expect((await recordedTexts([text])).texts).toEqual(['x'.repeat(PIECE - 1), '😀y']);
    const fitting = `${'x'.repeat(PIECE - 2)}😀y`;
    expect((await recordedTexts([fitting])).texts).toEqual([`${'x'.repeat(PIECE - 2)}😀`, 'y']);
  });

  test('that arrive while the last commit is in flight are left for the commit that ends the answer', async () => {
    const recorded: NewEvent[][] = [];
    let commit = () => {};
    const deltas = committing((events) => {
      recorded.push(events);
      return new Promise((resolve) => {
        commit = resolve;
      });
    });
    const textOf = (events: readonly NewEvent[]) =>
      events.map(({ payload }) => ('text' in payload ? payload.text : '')).join();
    deltas.sink.text('a');
    await Promise.resolve();
    deltas.sink.text('b');
    deltas.sink.thought('c');
    const rest = deltas.takeRest();
    commit();
    expect(textOf(await rest)).toBe('b,c');
    expect(recorded.map(textOf)).toEqual(['a']);
    expect(await deltas.takeRest()).toEqual([]);
  });

  test('are recorded before the end of the answer if they are many', async () => {
    const events: NewEvent[] = [];
    const deltas = committing((more) => void events.push(...more));
    deltas.sink.text('x'.repeat(PIECE));
    expect(await deltas.takeRest()).toHaveLength(1);
    deltas.sink.text('x'.repeat(PIECE));
    deltas.sink.text('y');
    expect(await deltas.takeRest()).toEqual([]);
    expect(events).toHaveLength(2);
  });

  test('end with the part that fits the limit, if a part does', async () => {
    expect((await recordedTexts(['ab', 'cd'], 3)).texts.join('')).toBe('abc');
    const { texts, deltas } = await recordedTexts(['ab', 'é', 'c'], 3);
    expect([texts.join(''), deltas.isCut(), deltas.bytes()]).toEqual(['ab', true, 2]);
    const nothing = await recordedTexts(['é'], 1);
    expect([nothing.texts, nothing.deltas.isCut(), nothing.deltas.hasOutput()]).toEqual([[], true, false]);
  });
});
