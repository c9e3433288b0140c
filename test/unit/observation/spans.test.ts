import { describe, expect, test } from 'vitest';
import { spanIdOf, traceIdOf } from '../../../src/domain/trace-context.ts';
import { type Span, spansOfTape, type TraceOptions } from '../../../src/observation/spans.ts';
import {
  approvalDecision,
  approvalRequest,
  budgetRequest,
  budgetSettled,
  context,
  type Given,
  input,
  interruptedAnswer,
  origin,
  output,
  resumption,
  runId,
  status,
  steered,
  tape,
  toolCall,
  toolDecision,
  toolResult,
  toolStart,
  waitRequest,
  waitSettled,
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

  test('tells why an executor stopped in the middle of a call', () => {
    const handedOver: Given = {
      type: 'resumption',
      actor: 'SYSTEM',
      payload: { attempt: 2, step: 1, epoch: 3, lost: false, alone: false, brokeOff: false, reason: 'Stopped.' },
    };
    const spans = spansOf(...opening, context(1), resumption(1), context(1), handedOver, context(1), output(1), done);
    expect(named(spans, 'chat scripted').map(({ attributes }) => attributes['error.type'])).toEqual([
      'executor_lost',
      'handed_over',
      undefined,
    ]);
    expect(named(spans, 'invoke_agent')[0]?.events).toEqual([
      { name: 'runtape.resumption', at: 1500, attributes: { attempt: 1, lost: true, brokeOff: false } },
      { name: 'runtape.resumption', at: 1500, attributes: { attempt: 2, lost: false, brokeOff: false } },
    ]);
  });

  test('lets a tool go on when the answer of a model breaks off', () => {
    const spans = spansOf(...opening, context(1), output(1, { calls: ['a'] }), toolStart('a'), [
      interruptedAnswer(1),
      2000,
      toolResult('a'),
      done,
    ]);
    expect(named(spans, 'execute_tool tool_a')[0]).toMatchObject({ endedAt: 2000, isError: false });
  });

  test('ends the call that has a result, and no other', () => {
    const calls: Given = [context(1), output(1, { calls: ['a', 'b'] }), toolStart('a'), toolStart('b')];
    const spans = spansOf(...opening, calls, 2000, toolResult('a'), 3000, toolResult('b'), done);
    expect(named(spans, 'execute_tool tool_a')[0]?.endedAt).toBe(2000);
    expect(named(spans, 'execute_tool tool_b')[0]?.endedAt).toBe(3000);
  });

  test('has what waits before the first step directly below the run', () => {
    const waits: Given = [budgetRequest(), 2000, budgetSettled('ALLOWED')];
    const spans = spansOf(...opening, waits, context(1), output(1), done);
    expect(named(spans, 'wait BUDGET')).toMatchObject([
      {
        parentSpanId: rootId,
        kind: 'internal',
        startedAt: 1500,
        endedAt: 2000,
        attributes: { 'runtape.wait.id': 'bud_1', 'runtape.wait.kind': 'BUDGET', 'runtape.wait.outcome': 'ALLOWED' },
      },
    ]);
    expect(named(spans, 'wait BUDGET')[0]?.attributes).not.toHaveProperty('gen_ai.tool.call.id');
    expect(named(spans, 'wait BUDGET')[0]?.attributes).not.toHaveProperty('gen_ai.tool.name');
  });

  test('says which call a wait is for', () => {
    const calls: Given = [context(1), output(1, { calls: ['a'] }), waitRequest('a'), waitSettled('a', 'ANSWERED')];
    expect(named(spansOf(...opening, calls, done), 'wait CLIENT_TOOL')[0]?.attributes).toEqual({
      'runtape.wait.id': 'wait_a',
      'runtape.wait.kind': 'CLIENT_TOOL',
      'runtape.wait.outcome': 'ANSWERED',
      'gen_ai.tool.call.id': 'a',
      'gen_ai.tool.name': 'tool_a',
    });
  });

  test('has the id that the provider was told for each model call, and is internal but for those', () => {
    const spans = spansOf(...approved);
    expect(named(spans, 'chat scripted').map(({ spanId }) => spanId)).toEqual(
      [1, 2].map((ordinal) => spanIdOf(run, { kind: 'model-call', ordinal })),
    );
    expect(new Set(spans.filter(({ name }) => !name.startsWith('chat ')).map(({ kind }) => kind))).toEqual(
      new Set(['internal']),
    );
    expect(named(spans, 'step 1')[0]?.attributes).toEqual({ 'runtape.step': 1 });
    expect(named(spans, 'execute_tool tool_a')[0]?.attributes).toMatchObject({ 'gen_ai.tool.type': 'function' });
  });

  test('leaves out what is not known', () => {
    const spans = spansOf(...opening, context(1, 'other'), output(1), done);
    expect(named(spans, 'chat other')[0]?.attributes).toEqual({
      'gen_ai.operation.name': 'chat',
      'gen_ai.request.model': 'other',
      'runtape.context.estimated_tokens': 0,
      'gen_ai.response.finish_reasons': ['stop'],
      'gen_ai.usage.input_tokens': 0,
      'gen_ai.usage.output_tokens': 0,
    });
    const [answer] = output(1);
    if (answer?.type !== 'output') throw new Error('It is no output.');
    const answered = spansOf(
      ...opening,
      context(1),
      { ...answer, payload: { ...answer.payload, responseId: 'r' } },
      done,
    );
    expect(named(answered, 'chat scripted')[0]?.attributes).toMatchObject({ 'gen_ai.response.id': 'r' });
  });

  test('names the agent, and the run that it repeats', () => {
    const [first, ...rest] = tape(...opening, ...done);
    if (first?.type !== 'input') throw new Error('The tape has no input.');
    const known = { ...origin, agentId: 'agt_1', retryOf: 'run_0' };
    const spans = spansOfTape([{ ...first, payload: { ...first.payload, origin: known } }, ...rest], options);
    expect(named(spans, 'invoke_agent')[0]?.attributes).toMatchObject({
      'gen_ai.agent.id': 'agt_1',
      'runtape.run.retry_of': 'run_0',
    });
    expect(spansOfTape(rest, options)).toEqual([]);
  });

  test('has the rules of decisions, compactions, and messages that joined the run', () => {
    const decision = toolDecision('a', 'DENY');
    if (decision.type !== 'tool_decision') throw new Error('It is no decision.');
    const decisions: Given = [decision, { ...decision, payload: { ...decision.payload, rule: 'no_tools' } }];
    const usage = { input: 1, output: 1, estimated: false, cost: null, cachedInput: null, reasoning: null };
    const summary = { tokensBefore: 9, tokensAfter: 3, model: 'small' };
    const compaction: Given = {
      type: 'compaction',
      actor: 'SYSTEM',
      payload: { artifactId: 'sum_1', usage, ...summary },
    };
    const spans = spansOf(...opening, context(1), decisions, compaction, steered('more'), done);
    expect(named(spans, 'step 1')[0]?.events.map(({ attributes }) => attributes)).toEqual([
      { 'gen_ai.tool.call.id': 'a', effect: 'DENY' },
      { 'gen_ai.tool.call.id': 'a', effect: 'DENY', rule: 'no_tools' },
    ]);
    expect(named(spans, 'invoke_agent')[0]?.events).toEqual([
      { name: 'runtape.compaction', at: 1500, attributes: summary },
      { name: 'runtape.steered', at: 1500, attributes: {} },
    ]);
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
    expect(named(failed, 'chat scripted')[0]?.attributes).toMatchObject({ 'error.type': 'MODEL_UNAVAILABLE' });
    const calling: Given = [context(1), output(1, { calls: ['a'] }), toolStart('a')];
    const stopped = spansOf(...opening, calling, 3000, status('IN_PROGRESS', 'CANCELLED'));
    expect(named(stopped, 'execute_tool tool_a')[0]).toMatchObject({
      endedAt: 3000,
      isError: true,
      attributes: { 'error.type': 'CANCELLED' },
    });
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

  test('has texts only with content, in the form of the semantic conventions', () => {
    const calls: Given = [context(1), output(1, { text: 'Hm.', calls: ['a'] }), steered('more'), toolStart('a')];
    const given = [...opening, calls, toolResult('a'), toolStart('b'), toolResult('b', { error: 'No.' }), ...done];
    const spans = spansOfTape(tape(...given), { ...options, content: true });
    const attributesOf = (name: string) => named(spans, name)[0]?.attributes;
    const message = (content: string) => JSON.stringify([{ role: 'user', parts: [{ type: 'text', content }] }]);
    expect(attributesOf('invoke_agent')).toMatchObject({ 'gen_ai.input.messages': message('hello') });
    expect(named(spans, 'invoke_agent')[0]?.events).toMatchObject([
      { attributes: { 'gen_ai.input.messages': message('more') } },
    ]);
    expect(attributesOf('chat scripted')).toMatchObject({
      'gen_ai.output.messages':
        '[{"role":"assistant","parts":[{"type":"text","content":"Hm."}],"finish_reason":"stop"}]',
    });
    expect(attributesOf('execute_tool tool_a')).toMatchObject({
      'gen_ai.tool.call.arguments': '{"of":"a"}',
      'gen_ai.tool.call.result': 'result of a',
    });
    expect(attributesOf('execute_tool tool_b')).toMatchObject({ 'gen_ai.tool.call.result': 'No.' });
    expect(attributesOf('execute_tool tool_b')).not.toHaveProperty('gen_ai.tool.call.arguments');
    const [call] = named(spansOf(...given), 'execute_tool tool_a');
    expect(Object.keys(call?.attributes ?? {}).join()).not.toMatch(/arguments|result/);
  });

  test('has no texts without content, and cuts long ones', () => {
    expect(JSON.stringify(spansOf(...approved))).not.toMatch(/hello|secret answer|result of a/);
    const long = [input(`hello ${'x'.repeat(100_000)}`), status(null, 'PENDING'), approved.slice(3)];
    const text = JSON.stringify(spansOfTape(tape(...long), { ...options, content: true }));
    expect(text).toMatch(/hello x.*/);
    expect(text).toContain('secret answer');
    expect(text).toContain('result of a');
    expect(text.length).toBeLessThan(40_000);
  });
});
