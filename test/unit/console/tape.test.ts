import { describe, expect, test } from 'vitest';
import { align, itemsOf } from '../../../console/src/compare/align.ts';
import { describe as describeEvent } from '../../../console/src/run/describe.ts';
import { createFold } from '../../../console/src/run/fold.ts';
import { grow } from '../../../console/src/run/growing.ts';
import { indexAt, mergeOutline } from '../../../console/src/run/sparse-tape.ts';
import { createRows, rowIndexOf } from '../../../console/src/run/tape-rows.ts';
import { createTimeline } from '../../../console/src/run/timeline.ts';

type Events = Parameters<ReturnType<typeof createFold>>[0];

const rowsOf = (events: Events, types: ReadonlySet<string> | null) => grow(() => createRows(types))(events);
const timelineOf = (events: Events) => grow(createTimeline)(events);
const foldAt = (events: Events, seq: number) => createFold()(events, seq);

const START = Date.parse('2026-11-26T12:00:00Z');

/** Events at times in milliseconds; seq follows from the order. */
function tape(...events: ({ type: string; at: number } & Record<string, unknown>)[]): Events {
  return events.map(({ at, ...event }, index) => ({
    seq: index + 1,
    recordedAt: new Date(START + at).toISOString(),
    ...event,
  })) as never;
}

const usage = { totalTokens: 10, estimated: false, cost: 0.5 };
const fetchRun = tape(
  { type: 'INPUT', at: 0, text: 'fetch it', steered: false },
  { type: 'STATUS', at: 0, from: null, to: 'PENDING' },
  { type: 'STATUS', at: 1, from: 'PENDING', to: 'IN_PROGRESS' },
  { type: 'CONTEXT', at: 2, step: 1, model: 'm' },
  { type: 'OUTPUT_DELTA', at: 3, step: 1, text: 'I ' },
  { type: 'OUTPUT_DELTA', at: 4, step: 1, text: 'will' },
  { type: 'OUTPUT', at: 5, step: 1, text: 'I will', model: 'm', finishReason: 'tool-calls', usage },
  { type: 'TOOL_CALL', at: 5, step: 1, callId: 'c1', tool: 'http_fetch', input: { url: 'a' } },
  { type: 'APPROVAL_REQUEST', at: 6, callId: 'c1', approval: { id: 'apr_1', summary: 'GET a' } },
  { type: 'STATUS', at: 7, from: 'IN_PROGRESS', to: 'AWAITING_APPROVAL' },
  { type: 'APPROVAL_DECISION', at: 7_200_007, callId: 'c1', status: 'ALLOWED', approval: { decidedBy: 'ada' } },
  { type: 'TOOL_START', at: 7_200_008, callId: 'c1', tool: 'http_fetch', attempt: 1 },
  { type: 'TOOL_RESULT', at: 7_200_010, callId: 'c1', tool: 'http_fetch', ok: true, output: 'text', durationMs: 2 },
  { type: 'STATUS', at: 7_200_012, from: 'IN_PROGRESS', to: 'DONE' },
);

describe('the fold at an event', () => {
  test('has the text so far, and then the whole answer', () => {
    expect(foldAt(fetchRun, 5)).toMatchObject({ state: 'IN_PROGRESS', text: 'I ', step: 1 });
    expect(foldAt(fetchRun, 6).text).toBe('I will');
    expect(foldAt(fetchRun, 7)).toMatchObject({ text: 'I will', totalTokens: 10, cost: 0.5 });
  });

  test('has the calls and waits as they were', () => {
    expect(foldAt(fetchRun, 9)).toMatchObject({ openWaits: 1, calls: [{ tool: 'http_fetch', state: 'WAITING' }] });
    expect(foldAt(fetchRun, 12)).toMatchObject({ openWaits: 0, calls: [{ state: 'RUNNING' }] });
    expect(foldAt(fetchRun, 14)).toMatchObject({ state: 'DONE', calls: [{ state: 'SUCCEEDED' }] });
  });

  test('has questions and client tool calls as waits', () => {
    const payload = { callId: 'c1', waitId: 'que_1' };
    const events = tape(
      { type: 'TOOL_CALL', at: 0, step: 1, callId: 'c1', tool: 'ask_person', input: {} },
      { type: 'WAIT_REQUEST', at: 1, payload: { ...payload, summary: 'Which colour?' } },
      { type: 'STATUS', at: 2, from: 'IN_PROGRESS', to: 'AWAITING_APPROVAL' },
      { type: 'WAIT_SETTLED', at: 7_200_002, payload: { ...payload, outcome: 'ANSWERED', decidedBy: 'ada' } },
    );
    expect(foldAt(events, 3)).toMatchObject({ openWaits: 1, calls: [{ state: 'WAITING' }] });
    expect(foldAt(events, 4)).toMatchObject({ openWaits: 0, calls: [{ state: 'REQUESTED' }] });
    expect(events.map(describeEvent).slice(1)).toEqual([
      '“Which colour?”',
      'IN_PROGRESS → AWAITING_APPROVAL',
      'answered by ada',
    ]);
    expect(timelineOf(events).idle).toMatchObject([{ label: '2 h, waiting for ada' }]);
  });

  test('drops what an interrupted step had said', () => {
    const events = tape(
      { type: 'CONTEXT', at: 0, step: 1, model: 'm' },
      { type: 'OUTPUT_DELTA', at: 1, step: 1, text: 'lost' },
      { type: 'RESUMPTION', at: 2, step: 1, attempt: 1 },
      { type: 'OUTPUT_DELTA', at: 3, step: 1, text: 'kept' },
    );
    expect(foldAt(events, 2).text).toBe('lost');
    expect(foldAt(events, 4).text).toBe('kept');
  });
});

describe('rows', () => {
  test('deltas that follow one another are one row, with their text', () => {
    const rows = rowsOf(fetchRun, null);
    expect(rows.map(({ from, to }) => [from, to])).toContainEqual([5, 6]);
    expect(rows.find(({ from }) => from === 5)?.text).toBe('I will');
    expect(rows).toHaveLength(fetchRun.length - 1);
  });

  test('a filter keeps the types that it names, and the row of any event is found', () => {
    const rows = rowsOf(fetchRun, new Set(['STATUS']));
    expect(rows.map(({ from }) => from)).toEqual([2, 3, 10, 14]);
    expect(rowIndexOf(rows, 3)).toBe(1);
    expect(rowIndexOf(rows, 9)).toBe(1);
    expect(rowIndexOf(rows, 14)).toBe(3);
  });
});

describe('the timeline', () => {
  test('collapses idle time and says who was waited for', () => {
    const { idle, positionOf } = timelineOf(fetchRun);
    expect(idle.map(({ label }) => label)).toEqual(['2 h, waiting for ada']);
    expect(positionOf(10)).toBeGreaterThan(0.4);
    expect(positionOf(14)).toBeCloseTo(1);
  });

  test('finds the event of every position', () => {
    const { positionOf, seqAt } = timelineOf(fetchRun);
    for (const { seq } of fetchRun) expect(positionOf(seqAt(positionOf(seq)))).toBeCloseTo(positionOf(seq));
    expect(seqAt(0)).toBeGreaterThanOrEqual(1);
    expect(seqAt(1)).toBe(14);
  });

  test('spreads events of the same instant', () => {
    const { positionOf } = timelineOf(
      tape({ type: 'INPUT', at: 0 }, { type: 'STATUS', at: 0 }, { type: 'STATUS', at: 0 }),
    );
    expect([1, 2, 3].map(positionOf)).toEqual([0, 0.5, 1]);
  });
});

describe('two runs', () => {
  test('the first difference is where a step, call, result or decision differs', () => {
    const other = fetchRun.map((event) => (event.type === 'TOOL_RESULT' ? { ...event, output: 'other' } : event));
    const pairs = align(itemsOf(fetchRun), itemsOf(other as Events));
    expect(pairs.find(({ isSame }) => !isSame)?.label).toBe('result of http_fetch');
    expect(align(itemsOf(fetchRun), itemsOf(fetchRun)).every(({ isSame }) => isSame)).toBe(true);
  });

  test('what only one of them did stands where it happened', () => {
    const pairs = align(itemsOf(fetchRun.slice(0, 7)), itemsOf(fetchRun));
    expect(pairs.slice(-4).map(({ label, a }) => [label, a])).toEqual([
      ['step 1: call', null],
      ['decision', null],
      ['result of http_fetch', null],
      ['end', null],
    ]);
  });
});

describe('a tape of which deltas have not arrived yet', () => {
  const outline = fetchRun.filter(({ type }) => type !== 'OUTPUT_DELTA');
  const sparse = mergeOutline(fetchRun.slice(0, 2), outline);

  test('has the events of the outline after those that have arrived', () => {
    expect(sparse.map(({ seq }) => seq)).toEqual(outline.map(({ seq }) => seq));
    expect(mergeOutline(fetchRun, outline)).toBe(fetchRun);
    expect([4, 5, 6, 7].map((seq) => sparse[indexAt(sparse, seq)]?.seq)).toEqual([4, 4, 4, 7]);
  });

  test('shows the missing ones as one row', () => {
    expect(rowsOf(sparse, null).filter(({ isMissing }) => isMissing)).toMatchObject([{ from: 5, to: 6 }]);
    expect(rowsOf(sparse, new Set(['STATUS'])).some(({ isMissing }) => isMissing)).toBe(false);
  });

  test('says that the text is not complete, and folds the rest', () => {
    expect(foldAt(sparse, 6)).toMatchObject({ isPartial: true, state: 'IN_PROGRESS' });
    expect(foldAt(sparse, 14)).toMatchObject({ isPartial: false, state: 'DONE', text: 'I will' });
    expect(foldAt(fetchRun, 6).isPartial).toBe(false);
  });

  test('has a position for every event', () => {
    const { positionOf, seqAt } = timelineOf(sparse);
    expect(positionOf(5)).toBeGreaterThan(positionOf(4));
    expect(positionOf(6)).toBeLessThan(positionOf(7));
    expect(seqAt(positionOf(6) + 1e-6)).toBe(6);
  });
});

test('a tape that grows gives the same rows, timeline and fold as the whole one', () => {
  const growingRows = grow(() => createRows(null));
  const growingTimeline = grow(createTimeline);
  const growingFold = createFold();
  const other = tape({ type: 'INPUT', at: 0, text: 'another run', steered: false });
  for (const events of [fetchRun.slice(0, 3), fetchRun.slice(0, 6), fetchRun, other, fetchRun]) {
    expect(growingRows(events)).toEqual(rowsOf(events, null));
    const { marks, idle, positionOf } = growingTimeline(events);
    const whole = timelineOf(events);
    expect([marks, idle, positionOf(4)]).toEqual([whole.marks, whole.idle, whole.positionOf(4)]);
    for (const seq of [1, events.length, 3]) expect(growingFold(events, seq)).toEqual(foldAt(events, seq));
  }
});

test('B90: rows, timeline and fold of 100,000 events take one pass each', () => {
  const deltas = Array.from({ length: 100_000 }, (_, index) => ({
    type: index === 0 ? 'CONTEXT' : 'OUTPUT_DELTA',
    at: index,
    step: 1,
    text: 'word ',
  }));
  const events = tape(...deltas);
  const started = performance.now();
  expect(rowsOf(events, null)).toHaveLength(2);
  expect(timelineOf(events).positionOf(100_000)).toBeCloseTo(1);
  expect(foldAt(events, 50_000).text).toHaveLength(49_999 * 5);
  // A generous bound: a quadratic pass would take minutes.
  expect(performance.now() - started).toBeLessThan(5_000);
});
