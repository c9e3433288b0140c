import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { EventType } from '../../src/domain/events.ts';
import type { FollowBatch } from '../../src/streams/follow-run.ts';
import { readPage } from '../../src/streams/page.ts';
import { call, delta, ending, newRunId, sequence } from '../contract/appends.ts';
import { createLiveTapes, type LiveTapes, type NotificationMode } from '../unit/streams/live-tapes.ts';

/** The model of a tape is the type of the event at each seq. */
type ModelType = Extract<EventType, 'output_delta' | 'tool_call' | 'status'>;

const eventOf = { output_delta: delta('x'), tool_call: call(null), status: ending };
const someEvents = fc.array(fc.constantFrom<ModelType>('output_delta', 'output_delta', 'tool_call'), {
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
/** Batches that were read without waiting. */
let batchesRead = 0;

/** Seqs of the events that a filter includes. */
function seqsIn(tape: readonly ModelType[], types: readonly EventType[] | undefined): number[] {
  return tape.flatMap((type, index) => (types && !types.includes(type) ? [] : [index + 1]));
}

interface ReaderOptions {
  types: EventType[] | undefined;
  maxBatch: number;
  /** Whether it awaits an iterator, or reads without waiting. */
  awaits: boolean;
}

/** A client that reads one batch at a time, and reconnects with its cursor when its connection is cut. */
function createReader(tapes: LiveTapes, runId: string, { types, maxBatch, awaits }: ReaderOptions) {
  const seen: number[] = [];
  let position = 0;
  /** The newest batch: the cursor before it, and its number of events. */
  let newest = { from: 0, events: 0 };
  let connection = connect();
  let hasEnded = false;

  function connect() {
    const stream = tapes.open(runId, { after: position, types, maxBatch });
    return { stream, iterator: awaits ? stream[Symbol.asyncIterator]() : null, isWaiting: false };
  }

  function accept({ events, seq }: FollowBatch): void {
    expect(events.length).toBeLessThanOrEqual(maxBatch);
    newest = { from: position, events: events.length };
    seen.push(...events.map((event) => event.seq));
    position = seq;
  }

  function read(): void {
    const value = connection.stream.read();
    if (value === 'end') hasEnded = true;
    else if (value !== 'pending') {
      batchesRead += 1;
      accept(value);
    }
  }

  function awaitNext(iterator: AsyncIterator<FollowBatch, undefined>): void {
    const current = connection;
    if (current.isWaiting) return;
    current.isWaiting = true;
    void iterator.next().then((result) => {
      current.isWaiting = false;
      if (current !== connection) return;
      if (result.done) hasEnded = true;
      else accept(result.value);
    });
  }

  return {
    seen,
    hasEnded: () => hasEnded,
    read(): void {
      if (hasEnded) return;
      if (connection.iterator) awaitNext(connection.iterator);
      else read();
    },
    /** Cuts the connection, and with it all but `kept` events of the newest batch. */
    cut(kept: number): void {
      cuts += 1;
      connection.stream.close();
      if (kept < newest.events) {
        seen.length -= newest.events - kept;
        position = kept > 0 ? (seen.at(-1) ?? 0) : newest.from;
      }
      newest = { from: position, events: 0 };
      connection = connect();
      hasEnded = false;
    },
  };
}

type Action =
  | { kind: 'write'; events: ModelType[] }
  | { kind: 'mode'; mode: NotificationMode }
  | { kind: 'read'; reader: number }
  | { kind: 'cut'; reader: number; kept: number }
  /** Lets pending work continue. */
  | { kind: 'step'; microtasks: number }
  | { kind: 'turn' }
  | { kind: 'poll' };

const reader = fc.nat({ max: READERS - 1 });
const actions = (weights: { write: number; cut: number }) =>
  fc.array(
    fc.oneof<fc.WeightedArbitrary<Action>[]>(
      { weight: weights.write, arbitrary: fc.record({ kind: fc.constant('write'), events: someEvents }) },
      {
        weight: 1,
        arbitrary: fc.record({
          kind: fc.constant('mode'),
          mode: fc.constantFrom('events', 'events', 'heads', 'lost'),
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

async function play(
  actions: Action[],
  options: ReaderOptions[],
  sizes: { pageEvents: number; bufferEvents: number },
): Promise<void> {
  const tapes = createLiveTapes(sizes);
  const runId = newRunId();
  const tape: ModelType[] = [];
  let writing: Promise<unknown> = Promise.resolve();
  const write = (events: ModelType[]) => {
    tape.push(...events);
    writing = writing.then(() => tapes.write(runId, ...events.map((type) => eventOf[type])));
  };
  write(['output_delta']);
  await writing;
  const readers = options.map((each) => createReader(tapes, runId, each));
  for (const action of actions) {
    if (action.kind === 'write') write(action.events);
    else if (action.kind === 'mode') tapes.setMode(action.mode);
    else if (action.kind === 'read') readers[action.reader]?.read();
    else if (action.kind === 'cut') readers[action.reader]?.cut(action.kept);
    else if (action.kind === 'step') for (const _ of sequence(action.microtasks)) await Promise.resolve();
    else if (action.kind === 'turn') await setImmediate();
    else await tapes.clock.advance(5000);
  }
  write(['status']);
  await writing;
  for (const _ of sequence(tape.length * 4)) {
    for (const each of readers) each.read();
    await tapes.clock.advance(5000);
    if (readers.every(({ hasEnded }) => hasEnded())) break;
  }
  expect(readers.map(({ seen }) => seen)).toEqual(options.map(({ types }) => seqsIn(tape, types)));
  expect(readers.every(({ hasEnded }) => hasEnded())).toBe(true);
  expect([tapes.notifications.listeners(), tapes.clock.pending()]).toEqual([0, 0]);
}

const readerOptions = (awaits: boolean) =>
  fc.array(
    fc.record({
      types: someTypes,
      maxBatch: fc.constantFrom(1, 2, 3, 5, 100),
      awaits: fc.constant(awaits),
    }),
    { minLength: READERS, maxLength: READERS },
  );
const sizes = fc.record({ pageEvents: fc.integer({ min: 1, max: 7 }), bufferEvents: fc.integer({ min: 1, max: 9 }) });

test('B24, B29: a reader that is cut off anywhere and reconnects with its cursor gets exactly the rest', async () => {
  await fc.assert(fc.asyncProperty(actions({ write: 5, cut: 12 }), readerOptions(true), sizes, play), { numRuns: 400 });
  expect(cuts).toBeGreaterThanOrEqual(10_000);
});

test('B24, B29: so does a reader that reads without waiting', async () => {
  await fc.assert(fc.asyncProperty(actions({ write: 2, cut: 1 }), readerOptions(false), sizes, play), { numRuns: 400 });
  expect(batchesRead).toBeGreaterThanOrEqual(300);
});

test('B28: a page between two cursors contains the events between them, from either end', async () => {
  const tapes = createLiveTapes();
  const runId = newRunId();
  const tape = sequence(30).map((n): ModelType => (n % 3 === 0 ? 'tool_call' : 'output_delta'));
  await tapes.write(runId, ...tape.map((type) => eventOf[type]));
  const position = fc.nat({ max: 30 });
  const from = fc.constantFrom<'start' | 'end'>('start', 'end');
  await fc.assert(
    fc.asyncProperty(
      position,
      position,
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

type BrowserAction = { kind: 'write'; events: ModelType[] } | { kind: 'forward' | 'back'; size: number };

/** The seqs that a client shows, which loads further pages at either end. */
function createBrowser(tapes: LiveTapes, runId: string, types: EventType[] | undefined) {
  const shown: number[] = [];
  const all = { runId, after: 0, before: Number.MAX_SAFE_INTEGER, types };
  return {
    shown,
    async forward(size: number): Promise<boolean> {
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

test('B28: paging forward and back over a growing tape returns each event once', async () => {
  const size = fc.integer({ min: 1, max: 5 });
  const action = fc.oneof<fc.WeightedArbitrary<BrowserAction>[]>(
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('write'), events: someEvents }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('forward'), size }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('back'), size }) },
  );
  await fc.assert(
    fc.asyncProperty(
      someEvents,
      fc.array(action, { maxLength: 40, size: 'max' }),
      someTypes,
      async (firstEvents, browserActions, types) => {
        const tapes = createLiveTapes();
        const runId = newRunId();
        const tape = [...firstEvents];
        await tapes.write(runId, ...firstEvents.map((type) => eventOf[type]));
        const browser = createBrowser(tapes, runId, types);
        for (const next of browserActions) {
          if (next.kind === 'write') {
            tape.push(...next.events);
            await tapes.write(runId, ...next.events.map((type) => eventOf[type]));
            continue;
          }
          const isForward = next.kind === 'forward';
          const hasMore = isForward ? await browser.forward(next.size) : await browser.back(next.size);
          const expected = seqsIn(tape, types);
          const [first, last] = [browser.shown[0], browser.shown.at(-1)];
          expect(hasMore).toBe(
            isForward ? expected.some((seq) => seq > (last ?? 0)) : expected.some((seq) => seq < (first ?? 0)),
          );
        }
        while (await browser.back(2));
        while (await browser.forward(2));
        expect(browser.shown).toEqual(seqsIn(tape, types));
      },
    ),
    { numRuns: 300 },
  );
});
