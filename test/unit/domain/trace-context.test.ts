import { expect, test } from 'vitest';
import {
  formatTraceParent,
  parseTraceParent,
  spanIdOf,
  traceIdOf,
  traceParentFor,
} from '../../../src/domain/trace-context.ts';

const traceId = '0af7651916cd43dd8448eb211c80319c';
const spanId = 'b7ad6b7169203331';
const header = `00-${traceId}-${spanId}-01`;

test('a header traceparent is read as the W3C defines it', () => {
  expect(parseTraceParent(header)).toEqual({ traceId, spanId });
  expect(parseTraceParent(`00-${traceId}-${spanId}-00`)).toEqual({ traceId, spanId });
  const early = { traceId: `0${traceId.slice(1)}`, spanId: `0${spanId.slice(1)}` };
  expect(parseTraceParent(`00-${early.traceId}-${early.spanId}-01`)).toEqual(early);
  expect(formatTraceParent({ traceId, spanId })).toBe(header);
});

test.each([
  undefined,
  null,
  '',
  42,
  ['x'],
  [[header]],
  header.toUpperCase(),
  `01-${traceId}-${spanId}-01`,
  `ff-${traceId}-${spanId}-01`,
  `00-${'0'.repeat(32)}-${spanId}-01`,
  `00-${traceId}-${'0'.repeat(16)}-01`,
  `${header}-extra`,
  `${header}\n`,
  ` ${header}`,
  `00-${traceId}-${spanId}-1`,
])('%j is no traceparent', (value) => {
  expect(parseTraceParent(value)).toBeNull();
});

test('a long text is no traceparent', () => {
  expect(parseTraceParent('x'.repeat(100_000))).toBeNull();
});

test('ids depend on the run and the part alone', () => {
  const run = { runId: 'run_1' };
  expect(traceIdOf(run)).toMatch(/^[0-9a-f]{32}$/);
  expect(traceIdOf(run)).toBe(traceIdOf({ runId: 'run_1' }));
  expect(traceIdOf(run)).not.toBe(traceIdOf({ runId: 'run_2' }));
  expect(traceIdOf({ ...run, traceParent: header })).toBe(traceId);
  expect(traceIdOf({ ...run, traceParent: 'malformed' })).toBe(traceIdOf(run));
  const parts = [
    { kind: 'run' },
    { kind: 'queue' },
    { kind: 'step', step: 1 },
    { kind: 'step', step: 2 },
    { kind: 'model-call', ordinal: 1 },
    { kind: 'tool-call', callId: 'call_1', attempt: 1 },
    { kind: 'tool-call', callId: 'call_1', attempt: 2 },
    { kind: 'wait', waitId: 'apr_1' },
    { kind: 'wait', waitId: 'apr_2' },
  ] as const;
  const ids = parts.map((part) => spanIdOf(run, part));
  expect(new Set([...ids, spanIdOf({ runId: 'run_2' }, { kind: 'run' })]).size).toBe(parts.length + 1);
  // Servers of other versions compute the same ids.
  expect(ids).toEqual([
    '446d461376a4e483',
    'b4342fef420d58e9',
    '948abb87dd0c69d5',
    '4d4dac1e28e6c874',
    'c07a090cab5d5299',
    '75b1663b97221cad',
    'ad2b902725b88c78',
    '14f47278709aceef',
    '6e465fff674a6490',
  ]);
  expect(traceParentFor({ ...run, traceParent: header }, { kind: 'run' })).toBe(`00-${traceId}-${ids[0]}-01`);
});
