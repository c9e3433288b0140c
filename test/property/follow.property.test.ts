import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { EventType } from '../../src/domain/events.ts';
import type { FollowBatch } from '../../src/streams/follow-run.ts';
import type { Following } from '../../src/streams/following.ts';
import { readPage } from '../../src/streams/page.ts';
import { call, delta, ending, newRunId, sequence } from '../contract/appends.ts';
import { createLiveTapes, type LiveTapes, type Wakes } from '../unit/streams/live-runs.ts';

/** The model of a tape: what stands at each seq. */
type Kind = Extract<EventType, 'output_delta' | 'tool_call' | 'status'>;

const eventOf = { output_delta: delta('x'), tool_call: call(null), status: ending };
const someKinds = fc.array(fc.constantFrom<Kind>('output_delta', 'output_delta', 'tool_call'), {
  minLength: 1,
  maxLength: 6,
});
const someTypes = fc.constantFrom<EventType[] | undefined>(
  undefined,
  undefined,
  ['tool_call'],
  ['output_delta', 'status'],
  ['compaction'],
);
const READERS = 3;

let cuts = 0;
/** Batches that were taken while a `next` waited. */
let taken = 0;

/** Seqs of the model's events that a filter lets through. */
function seqsIn(tape: readonly Kind[], types: readonly EventType[] | undefined): number[] {
  return tape.flatMap((kind, index) => (types && !types.includes(kind) ? [] : [index + 1]));
}

interface Shape {
  types: EventType[] | undefined;
  maxBatch: number;
  /** Takes what is live while a `next` waits. */
  listens: boolean;
}

/** A client: reads when it is told to, and comes back with its cursor when it was cut off. */
function createReader(tapes: LiveTapes, runId: string, { types, maxBatch, listens }: Shape) {
  const seen: number[] = [];
  let position = 0;
  /** The cursor before the newest batch, and how many of its events were seen. */
  let newest = { from: 0, events: 0 };
  let following = open();
  let isReading = false;
  let ended = false;

  function open(): Following<FollowBatch> {
    const opened = tapes.follow(runId, { after: position, types, maxBatch });
    if (listens) opened.onReady(() => undefined);
    return opened;
  }

  function accept({ events, seq }: FollowBatch): void {
    expect(events.length).toBeLessThanOrEqual(maxBatch);
    newest = { from: position, events: events.length };
    seen.push(...events.map((event) => event.seq));
    position = seq;
  }

  return {
    seen,
    hasEnded: () => ended,
    read(): void {
      if (ended) return;
      const live = listens ? following.ready() : undefined;
      if (live) {
        taken += 1;
        accept(live);
      }
      if (isReading) return;
      isReading = true;
      const from = following;
      void from.next().then((result) => {
        if (from !== following) return;
        isReading = false;
        if (result.done) ended = true;
        else accept(result.value);
      });
    },
    /** Cut off after so many events of the newest batch. */
    cut(kept: number): void {
      cuts += 1;
      void following.return?.();
      if (kept < newest.events) {
        seen.length -= newest.events - kept;
        position = kept > 0 ? (seen.at(-1) ?? 0) : newest.from;
      }
      newest = { from: position, events: 0 };
      following = open();
      isReading = false;
      ended = false;
    },
  };
}

type Act =
  | { kind: 'write'; events: Kind[] }
  | { kind: 'wakes'; wakes: Wakes }
  | { kind: 'read'; reader: number }
  | { kind: 'cut'; reader: number; kept: number }
  /** What was begun goes on by so many microtasks. */
  | { kind: 'step'; microtasks: number }
  | { kind: 'turn' }
  | { kind: 'poll' };

const reader = fc.nat({ max: READERS - 1 });
const acts = (weights: { write: number; cut: number }) =>
  fc.array(
    fc.oneof<fc.WeightedArbitrary<Act>[]>(
      { weight: weights.write, arbitrary: fc.record({ kind: fc.constant('write'), events: someKinds }) },
      {
        weight: 1,
        arbitrary: fc.record({
          kind: fc.constant('wakes'),
          wakes: fc.constantFrom('events', 'events', 'heads', 'lost'),
        }),
      },
      { weight: 12, arbitrary: fc.record({ kind: fc.constant('read'), reader }) },
      { weight: weights.cut, arbitrary: fc.record({ kind: fc.constant('cut'), reader, kept: fc.nat({ max: 6 }) }) },
      { weight: 8, arbitrary: fc.record({ kind: fc.constant('step'), microtasks: fc.integer({ min: 1, max: 12 }) }) },
      { weight: 6, arbitrary: fc.record({ kind: fc.constant('turn') }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('poll') }) },
    ),
    { minLength: 90, maxLength: 150, size: 'max' },
  );

async function play(acts: Act[], shapes: Shape[], sizes: { pageEvents: number; bufferEvents: number }): Promise<void> {
  const tapes = createLiveTapes(sizes);
  const runId = newRunId();
  const tape: Kind[] = [];
  let writing: Promise<unknown> = Promise.resolve();
  const write = (events: Kind[]) => {
    tape.push(...events);
    writing = writing.then(() => tapes.write(runId, ...events.map((kind) => eventOf[kind])));
  };
  write(['output_delta']);
  await writing;
  const readers = shapes.map((shape) => createReader(tapes, runId, shape));
  for (const each of acts) {
    if (each.kind === 'write') write(each.events);
    else if (each.kind === 'wakes') tapes.tellBy(each.wakes);
    else if (each.kind === 'read') readers[each.reader]?.read();
    else if (each.kind === 'cut') readers[each.reader]?.cut(each.kept);
    else if (each.kind === 'step') for (const _ of sequence(each.microtasks)) await Promise.resolve();
    else if (each.kind === 'turn') await setImmediate();
    else await tapes.clock.advance(5000);
  }
  write(['status']);
  await writing;
  for (const _ of sequence(tape.length * 4)) {
    for (const each of readers) each.read();
    await tapes.clock.advance(5000);
    if (readers.every(({ hasEnded }) => hasEnded())) break;
  }
  expect(readers.map(({ seen }) => seen)).toEqual(shapes.map(({ types }) => seqsIn(tape, types)));
  expect(readers.every(({ hasEnded }) => hasEnded())).toBe(true);
  expect([tapes.bus.listeners(), tapes.clock.pending()]).toEqual([0, 0]);
}

const shapes = (listens: boolean) =>
  fc.array(
    fc.record({
      types: someTypes,
      maxBatch: fc.constantFrom(1, 2, 3, 5, 100),
      listens: fc.constant(listens),
    }),
    { minLength: READERS, maxLength: READERS },
  );
const sizes = fc.record({ pageEvents: fc.integer({ min: 1, max: 7 }), bufferEvents: fc.integer({ min: 1, max: 9 }) });

test('B24, B29: a reader who is cut off anywhere and comes back with its cursor gets exactly the rest', async () => {
  await fc.assert(fc.asyncProperty(acts({ write: 5, cut: 12 }), shapes(false), sizes, play), { numRuns: 400 });
  expect(cuts).toBeGreaterThanOrEqual(10_000);
});

test('B24, B29: so does one who takes what is live while it waits', async () => {
  await fc.assert(fc.asyncProperty(acts({ write: 2, cut: 1 }), shapes(true), sizes, play), { numRuns: 400 });
  expect(taken).toBeGreaterThanOrEqual(300);
});

test('B28: a page between two cursors holds what stands between them, from either end', async () => {
  const tapes = createLiveTapes();
  const runId = newRunId();
  const tape = sequence(30).map((n): Kind => (n % 3 === 0 ? 'tool_call' : 'output_delta'));
  await tapes.write(runId, ...tape.map((kind) => eventOf[kind]));
  const place = fc.nat({ max: 30 });
  const from = fc.constantFrom<'start' | 'end'>('start', 'end');
  await fc.assert(
    fc.asyncProperty(
      place,
      place,
      fc.integer({ min: 1, max: 12 }),
      from,
      someTypes,
      async (after, before, size, end, types) => {
        const page = await readPage(tapes.journal, { runId, after, before, size, from: end, types });
        const between = seqsIn(tape, types).filter((seq) => seq > after && seq < before);
        expect(page.events.map(({ seq }) => seq)).toEqual(
          end === 'start' ? between.slice(0, size) : between.slice(-size),
        );
        const hasMore = end === 'start' ? page.hasNextPage : page.hasPreviousPage;
        expect(hasMore).toBe(between.length > size);
      },
    ),
    { numRuns: 300 },
  );
});

type Turn = { kind: 'grow'; events: Kind[] } | { kind: 'forth' | 'back'; size: number };

/** What a person has on the screen, from whom a page more is asked at either end. */
function createBrowser(tapes: LiveTapes, runId: string, types: EventType[] | undefined) {
  const shown: number[] = [];
  const all = { runId, after: 0, before: Number.MAX_SAFE_INTEGER, types };
  return {
    shown,
    async forth(size: number): Promise<boolean> {
      const page = await readPage(tapes.journal, { ...all, after: shown.at(-1) ?? 0, size, from: 'start' });
      shown.push(...page.events.map(({ seq }) => seq));
      return page.hasNextPage;
    },
    async back(size: number): Promise<boolean> {
      const page = await readPage(tapes.journal, { ...all, before: shown[0] ?? all.before, size, from: 'end' });
      shown.unshift(...page.events.map(({ seq }) => seq));
      return page.hasPreviousPage;
    },
  };
}

test('B28: paging back and forth over a tape that grows gives each event once', async () => {
  const size = fc.integer({ min: 1, max: 5 });
  const turn = fc.oneof<fc.WeightedArbitrary<Turn>[]>(
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('grow'), events: someKinds }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('forth'), size }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('back'), size }) },
  );
  await fc.assert(
    fc.asyncProperty(
      someKinds,
      fc.array(turn, { maxLength: 40, size: 'max' }),
      someTypes,
      async (begun, turns, types) => {
        const tapes = createLiveTapes();
        const runId = newRunId();
        const tape = [...begun];
        await tapes.write(runId, ...begun.map((kind) => eventOf[kind]));
        const browser = createBrowser(tapes, runId, types);
        for (const each of turns) {
          if (each.kind === 'grow') {
            tape.push(...each.events);
            await tapes.write(runId, ...each.events.map((kind) => eventOf[kind]));
            continue;
          }
          const isForth = each.kind === 'forth';
          const isMore = isForth ? await browser.forth(each.size) : await browser.back(each.size);
          const wanted = seqsIn(tape, types);
          const [low, high] = [browser.shown[0], browser.shown.at(-1)];
          expect(isMore).toBe(
            isForth ? wanted.some((seq) => seq > (high ?? 0)) : wanted.some((seq) => seq < (low ?? 0)),
          );
        }
        while (await browser.back(2));
        while (await browser.forth(2));
        expect(browser.shown).toEqual(seqsIn(tape, types));
      },
    ),
    { numRuns: 300 },
  );
});
