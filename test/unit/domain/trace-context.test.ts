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
  expect(formatTraceParent({ traceId, spanId })).toBe(header);
});

test.each([
  undefined,
  null,
  '',
  42,
  ['x'],
  header.toUpperCase(),
  `01-${traceId}-${spanId}-01`,
  `ff-${traceId}-${spanId}-01`,
  `00-${'0'.repeat(32)}-${spanId}-01`,
  `00-${traceId}-${'0'.repeat(16)}-01`,
  `${header}-extra`,
  `${header}\n`,
  ` ${header}`,
  `00-${traceId}-${spanId}-1`,
  'x'.repeat(100_000),
])('%j is no traceparent', (value) => {
  expect(parseTraceParent(value)).toBeNull();
});

test('ids depend on the run and the part alone', () => {
  const run = { runId: 'run_1' };
  expect(traceIdOf(run)).toMatch(/^[0-9a-f]{32}$/);
  expect(traceIdOf(run)).toBe(traceIdOf({ runId: 'run_1' }));
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
  ] as const;
  const ids = parts.map((part) => spanIdOf(run, part));
  expect(new Set([...ids, spanIdOf({ runId: 'run_2' }, { kind: 'run' })]).size).toBe(parts.length + 1);
  expect(traceParentFor({ ...run, traceParent: header }, { kind: 'run' })).toBe(`00-${traceId}-${ids[0]}-01`);
});
