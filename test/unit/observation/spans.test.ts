import { describe, expect, test } from 'vitest';
import { spanIdOf, traceIdOf } from '../../../src/domain/trace-context.ts';
import { type Span, spansOfTape, type TraceOptions } from '../../../src/observation/spans.ts';
import {
  approvalDecision,
  approvalRequest,
  context,
  type Given,
  input,
  interruptedAnswer,
  origin,
  output,
  resumption,
  runId,
  status,
  tape,
  toolCall,
  toolDecision,
  toolResult,
  toolStart,
  waitRequest,
} from '../domain/given.ts';

const options: TraceOptions = { content: false, providerOf: (model) => (model === 'scripted' ? 'scripted' : null) };
const spansOf = (...given: Given[]) => spansOfTape(tape(...given), options);
const run = { runId };
const rootId = spanIdOf(run, { kind: 'run' });
const stepId = (step: number) => spanIdOf(run, { kind: 'step', step });

const opening: Given[] = [1000, input('hello'), status(null, 'PENDING'), 1500, status('PENDING', 'IN_PROGRESS')];
const done: Given[] = [9000, status('IN_PROGRESS', 'DONE')];
const approved: Given[] = [
  ...opening,
  2000,
  context(1),
  3000,
  output(1, { calls: ['a'], finishReason: 'tool-calls', usage: { input: 10, output: 5, cost: 0.5 } }),
  toolCall('a'),
  toolDecision('a', 'ASK'),
  approvalRequest('a'),
  status('IN_PROGRESS', 'AWAITING_APPROVAL'),
  5000,
  approvalDecision('a', 'ALLOWED'),
  status('AWAITING_APPROVAL', 'IN_PROGRESS'),
  toolStart('a'),
  6000,
  toolResult('a'),
  7000,
  context(2),
  8000,
  output(2, { text: 'secret answer', usage: { input: 20, output: 7, cachedInput: 4 } }),
  ...done,
];

/** Name, parent and times of each span, in the order of their starts. */
const outline = (spans: readonly Span[]) => {
  const names = new Map(spans.map(({ spanId, name }) => [spanId, name]));
  return spans
    .toSorted((left, right) => left.startedAt - right.startedAt || right.endedAt - left.endedAt)
    .map(({ name, parentSpanId, startedAt, endedAt, isError }) => [
      name,
      parentSpanId === null ? null : (names.get(parentSpanId) ?? parentSpanId),
      startedAt,
      endedAt,
      ...(isError ? ['error'] : []),
    ]);
};
const named = (spans: readonly Span[], name: string) => spans.filter((span) => span.name === name);

describe('B104: the trace of a run', () => {
  test('has a span for the queue, each step, model call, wait and tool call', () => {
    expect(outline(spansOf(...approved))).toEqual([
      ['invoke_agent', null, 1000, 9000],
      ['queue', 'invoke_agent', 1000, 1500],
      ['step 1', 'invoke_agent', 2000, 7000],
      ['chat scripted', 'step 1', 2000, 3000],
      ['wait APPROVAL', 'step 1', 3000, 5000],
      ['execute_tool tool_a', 'step 1', 5000, 6000],
      ['step 2', 'invoke_agent', 7000, 9000],
      ['chat scripted', 'step 2', 7000, 8000],
    ]);
  });

  test('has the attributes of the semantic conventions, and the numbers of the tape', () => {
    const spans = spansOf(...approved);
    expect(named(spans, 'invoke_agent')[0]?.attributes).toEqual({
      'gen_ai.operation.name': 'invoke_agent',
      'gen_ai.conversation.id': origin.sessionId,
      'gen_ai.usage.input_tokens': 30,
      'gen_ai.usage.output_tokens': 12,
      'runtape.run.id': runId,
      'runtape.run.state': 'DONE',
    });
    expect(named(spans, 'chat scripted').map(({ kind, attributes }) => ({ kind, ...attributes }))).toEqual([
      expect.objectContaining({
        kind: 'client',
        'gen_ai.operation.name': 'chat',
        'gen_ai.provider.name': 'scripted',
        'gen_ai.request.model': 'scripted',
        'gen_ai.response.finish_reasons': ['tool-calls'],
        'gen_ai.usage.input_tokens': 10,
        'gen_ai.usage.output_tokens': 5,
        'runtape.usage.cost': 0.5,
      }),
      expect.objectContaining({ 'gen_ai.usage.cache_read.input_tokens': 4 }),
    ]);
    expect(named(spans, 'execute_tool tool_a')[0]?.attributes).toMatchObject({
      'gen_ai.operation.name': 'execute_tool',
      'gen_ai.tool.name': 'tool_a',
      'gen_ai.tool.call.id': 'a',
    });
    expect(named(spans, 'wait APPROVAL')[0]?.attributes).toMatchObject({ 'runtape.wait.outcome': 'ALLOWED' });
    expect(named(spans, 'step 1')[0]?.events).toEqual([
      { name: 'runtape.tool_decision', at: 3000, attributes: expect.objectContaining({ effect: 'ASK' }) },
    ]);
  });

  test('is the same each time, with ids of the run, and all ids differ', () => {
    const spans = spansOf(...approved);
    expect(spansOf(...approved)).toEqual(spans);
    expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([traceIdOf(run)]));
    expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(spans.length);
    expect(named(spans, 'invoke_agent')[0]?.spanId).toBe(rootId);
    expect(named(spans, 'step 2')[0]?.spanId).toBe(stepId(2));
  });

  test('continues the trace of the request that sent the message', () => {
    const [traceId, spanId] = ['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331'];
    const [first, ...rest] = tape(...approved);
    if (first?.type !== 'input') throw new Error('The tape has no input.');
    const traced = { ...origin, traceParent: `00-${traceId}-${spanId}-01` };
    const spans = spansOfTape([{ ...first, payload: { ...first.payload, origin: traced } }, ...rest], options);
    expect(new Set(spans.map((span) => span.traceId))).toEqual(new Set([traceId]));
    expect(named(spans, 'invoke_agent')[0]).toMatchObject({ spanId: rootId, parentSpanId: spanId });
  });

  test('shows repeated model calls and tool calls, and what a lost executor interrupted', () => {
    const spans = spansOf(
      ...opening,
      2000,
      context(1),
      2500,
      interruptedAnswer(1),
      2600,
      context(1, 'other'),
      2700,
      context(1),
      3000,
      output(1, { calls: ['a'] }),
      toolCall('a'),
      toolStart('a'),
      4000,
      resumption(1),
      toolStart('a', 2),
      5000,
      toolResult('a', { ok: false, output: null, error: 'It failed.' }),
      ...done,
    );
    expect(outline(spans).slice(2)).toEqual([
      ['step 1', 'invoke_agent', 2000, 9000],
      ['chat scripted', 'step 1', 2000, 2500, 'error'],
      ['chat other', 'step 1', 2600, 2700, 'error'],
      ['chat scripted', 'step 1', 2700, 3000],
      ['execute_tool tool_a', 'step 1', 3000, 4000, 'error'],
      ['execute_tool tool_a', 'step 1', 4000, 5000, 'error'],
    ]);
    expect(spans.flatMap(({ attributes }) => attributes['error.type'] ?? [])).toEqual([
      'broke_off',
      'repeated',
      'executor_lost',
      'tool_error',
    ]);
    expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(spans.length);
  });

  test('ends everything that is open when the run is cancelled or fails', () => {
    const error = { code: 'MODEL_UNAVAILABLE', message: 'away', retryable: true } as const;
    const failed = spansOf(...opening, 2000, context(1), 4000, status('IN_PROGRESS', 'FAILED', { error }));
    expect(new Set(outline(failed))).toEqual(
      new Set([
        ['invoke_agent', null, 1000, 4000, 'error'],
        ['queue', 'invoke_agent', 1000, 1500],
        ['step 1', 'invoke_agent', 2000, 4000, 'error'],
        ['chat scripted', 'step 1', 2000, 4000, 'error'],
      ]),
    );
    expect(named(failed, 'invoke_agent')[0]?.attributes).toMatchObject({ 'error.type': 'MODEL_UNAVAILABLE' });
    const waiting = [output(1, { calls: ['a'] }), toolCall('a'), toolDecision('a', 'ALLOW'), waitRequest('a')];
    const cancelled = spansOf(...opening, 2000, context(1), waiting, 3000, status('IN_PROGRESS', 'CANCELLED'));
    expect(outline(cancelled)).toContainEqual(['wait CLIENT_TOOL', 'step 1', 2000, 3000]);
    expect(outline(cancelled)[0]).toEqual(['invoke_agent', null, 1000, 3000]);
    const queued = spansOf(1000, input('hello'), status(null, 'PENDING'), 2000, status('PENDING', 'CANCELLED'));
    expect(new Set(outline(queued))).toEqual(
      new Set([
        ['invoke_agent', null, 1000, 2000],
        ['queue', 'invoke_agent', 1000, 2000],
      ]),
    );
  });

  test('is empty for a run that has not ended, and for no tape', () => {
    expect(spansOf(...opening, context(1))).toEqual([]);
    expect(spansOf()).toEqual([]);
  });

  test('has texts only with content, and cuts long ones', () => {
    expect(JSON.stringify(spansOf(...approved))).not.toMatch(/hello|secret answer|result of a/);
    const long = [input(`hello ${'x'.repeat(100_000)}`), status(null, 'PENDING'), approved.slice(3)];
    const text = JSON.stringify(spansOfTape(tape(...long), { ...options, content: true }));
    expect(text).toMatch(/hello x.*/);
    expect(text).toContain('secret answer');
    expect(text).toContain('result of a');
    expect(text.length).toBeLessThan(40_000);
  });
});
