import { describe, expect, test } from 'vitest';
import { emptyRun, evolve } from '../../../client/src/run/run-fold.ts';
import { createTextReader } from '../../../client/src/run/run-text.ts';
import type { TapeEvent } from '../../../client/src/run/tape-event.ts';
import { delta, event } from './fakes.ts';

const usage = { inputTokens: 1, outputTokens: 2, totalTokens: 3, estimated: false, cost: null };
const output = (seq: number, text: string, step = 1) =>
  event(seq, 'OUTPUT', { step, text, finishReason: 'stop', model: 'scripted', usage });
const status = (seq: number, to: 'PENDING' | 'IN_PROGRESS' | 'DONE' | 'CANCELLED' | 'FAILED', more: object = {}) =>
  event(seq, 'STATUS', { from: null, to, statusReason: null, failure: null, ...more });
const input = event(1, 'INPUT', { text: 'Hello', steered: false, attachments: [] });
const resumption = (seq: number, step = 1) =>
  event(seq, 'RESUMPTION', {
    attempt: 1,
    step,
    resumptionReason: 'the executor was lost',
    recorded: { brokeOff: false },
  });
const toolCall = (seq: number, callId: string) =>
  event(seq, 'TOOL_CALL', { step: 1, callId, tool: 'clock', input: { zone: 'UTC' } });
const approval = { id: 'apr_1', summary: 'Call clock', risk: 'HIGH' as const, expiresAt: '2026-01-01T00:00:00.000Z' };

const fold = (...events: TapeEvent[]) => evolve(emptyRun('run_1'), events);

/** What a batch must not change: everything that was shown before it. */
function deepFreeze<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const each of Object.values(Object.freeze(value))) deepFreeze(each);
  return value;
}

/** The pieces of text, whatever the batches in which the events arrive. */
function pieces(...events: TapeEvent[]) {
  const read = createTextReader();
  const one = events.flatMap((each) => read([each]));
  expect(createTextReader()(events)).toEqual(one);
  return one;
}

describe('the fold of a run', () => {
  test('streams the answer, and keeps it as the output', () => {
    const streaming = fold(input, status(2, 'PENDING'), status(3, 'IN_PROGRESS'), delta(4, 'one '), delta(5, 'two'));
    expect(streaming).toMatchObject({ state: 'IN_PROGRESS', text: 'one two', head: 5, cursor: 'c5', output: null });
    expect(streaming.messages.map(({ role, text, complete }) => [role, text, complete])).toEqual([
      ['USER', 'Hello', true],
      ['ASSISTANT', 'one two', false],
    ]);
    const done = evolve(streaming, [output(6, 'one two'), status(7, 'DONE')]);
    expect(done).toMatchObject({ state: 'DONE', output: 'one two', steps: 1, usage, finishReason: 'stop' });
    expect(done.messages[1]).toMatchObject({ complete: true, cursor: 'c6' });
  });

  test('B82: a resumption removes the deltas of its step from text and messages, and no answer', () => {
    const second = [delta(3, 'second ', 2), delta(4, 'step', 2)];
    const broken = fold(input, output(2, 'first'), ...second);
    expect(broken.text).toBe('second step');
    const resumed = evolve(broken, [resumption(5, 2)]);
    expect(resumed.text).toBe('first');
    expect(resumed.messages.map(({ text }) => text)).toEqual(['Hello', 'first']);
    expect(resumed.resumptions).toBe(1);
    expect(evolve(resumed, [resumption(6, 1)]).messages).toBe(resumed.messages);
    const brokenOff = { attempt: 1, step: 2, resumptionReason: 'the answer broke off', recorded: { brokeOff: true } };
    expect(evolve(broken, [event(5, 'RESUMPTION', brokenOff)])).toMatchObject({ resumptions: 0, text: 'first' });
  });

  test('B85: settled messages keep their identity', () => {
    const before = fold(input, output(2, 'first'), toolCall(3, 'call_1'), delta(4, 'second', 2));
    const after = evolve(before, [delta(5, ' more', 2)]);
    expect(after.messages.slice(0, 2)).toEqual(before.messages.slice(0, 2));
    expect(after.messages[0]).toBe(before.messages[0]);
    expect(after.messages[1]).toBe(before.messages[1]);
    expect(after.messages[2]).not.toBe(before.messages[2]);
  });

  test('a call goes through its states', () => {
    const asked = fold(
      input,
      output(2, ''),
      toolCall(3, 'call_1'),
      event(4, 'APPROVAL_REQUEST', { callId: 'call_1', approval }),
    );
    expect(asked.calls[0]).toMatchObject({ state: 'WAITING', waitId: 'apr_1' });
    expect(asked.waits).toEqual(['apr_1']);
    const decision = { id: 'apr_1', decidedBy: 'ada', editedInput: { zone: 'CET' }, decisionReason: null };
    const allowed = evolve(asked, [
      event(5, 'APPROVAL_DECISION', { callId: 'call_1', status: 'ALLOWED', approval: decision }),
    ]);
    expect(allowed).toMatchObject({ waits: [], calls: [{ state: 'REQUESTED', input: { zone: 'CET' } }] });
    const started = evolve(allowed, [event(6, 'TOOL_START', { callId: 'call_1', tool: 'clock', attempt: 1 })]);
    expect(started.calls[0]?.state).toBe('RUNNING');
    const result = { callId: 'call_1', tool: 'clock', ok: true, output: 12, error: null, durationMs: 1 };
    const finished = evolve(started, [event(7, 'TOOL_RESULT', result)]);
    expect(finished.messages[1]?.toolCalls[0]).toBe(finished.calls[0]);
    expect(finished.calls[0]).toMatchObject({ state: 'SUCCEEDED', output: 12 });
    expect(evolve(started, [status(7, 'CANCELLED')]).calls[0]?.state).toBe('CANCELLED');
  });

  test('does not depend on the batches in which events arrive, and changes no earlier snapshot', () => {
    const decision = { id: 'apr_1', decidedBy: 'ada', editedInput: null, decisionReason: null };
    const events = [
      input,
      status(2, 'PENDING'),
      status(3, 'IN_PROGRESS'),
      delta(4, 'one '),
      delta(5, 'two'),
      output(6, 'one two'),
      toolCall(7, 'call_1'),
      toolCall(8, 'call_2'),
      event(9, 'APPROVAL_REQUEST', { callId: 'call_1', approval }),
      event(10, 'APPROVAL_DECISION', { callId: 'call_1', status: 'DENIED', approval: decision }),
      event(11, 'TOOL_START', { callId: 'call_2', tool: 'clock', attempt: 1 }),
      event(12, 'TOOL_PROGRESS', { callId: 'call_2', tool: 'clock', progress: 1, total: 2, message: null }),
      event(13, 'INPUT', { text: 'Wait', steered: true, attachments: [] }),
      delta(14, 'lost', 2),
      resumption(15, 2),
      delta(16, 'kept', 2),
      status(17, 'CANCELLED', { statusReason: 'enough' }),
    ];
    const whole = fold(...events);
    expect(whole.calls.map(({ state }) => state)).toEqual(['DENIED', 'CANCELLED']);
    for (const size of [1, 2, 3, 5, 7, 11]) {
      let run = deepFreeze(emptyRun('run_1'));
      for (let first = 0; first < events.length; first += size) {
        run = deepFreeze(evolve(run, events.slice(first, first + size)));
        for (const message of run.messages) {
          for (const call of message.toolCalls) expect(run.calls).toContain(call);
        }
      }
      expect(run).toEqual(whole);
    }
  });

  test('copies the lists of a run with thousands of calls for each batch, not for each event', () => {
    const events: TapeEvent[] = [input];
    const push = (type: 'TOOL_CALL' | 'TOOL_START' | 'TOOL_RESULT' | 'OUTPUT', more: object) =>
      events.push(event(events.length + 1, type, { tool: 'clock', ...more } as never));
    for (let step = 1; step <= 100; step += 1) {
      push('OUTPUT', { step, text: '', finishReason: 'tool-calls', model: 'scripted', usage });
      const callIds = Array.from({ length: 50 }, (_, index) => `call_${step}_${index}`);
      for (const callId of callIds) push('TOOL_CALL', { step, callId, input: {} });
      for (const callId of callIds) push('TOOL_START', { callId, attempt: 1 });
      for (const callId of callIds) push('TOOL_RESULT', { callId, ok: true, output: 1, error: null });
    }
    const inBatches = (size: number) => {
      const before = process.cpuUsage();
      let run = emptyRun('run_1');
      for (let first = 0; first < events.length; first += size) run = evolve(run, events.slice(first, first + size));
      return { run, microseconds: process.cpuUsage(before).user };
    };
    const [single, batched] = [inBatches(1), inBatches(200)];
    expect(batched.run).toEqual(single.run);
    expect(batched.run.calls.filter(({ state }) => state === 'SUCCEEDED')).toHaveLength(5000);
    expect(batched.microseconds).toBeLessThan(single.microseconds / 3);
  });

  test('an unknown kind of event only moves the head', () => {
    const run = fold(input);
    expect(evolve(run, [{ ...delta(2), type: 'NEWER' } as never])).toEqual({ ...run, head: 2, cursor: 'c2' });
  });
});

describe('the text of a run', () => {
  test('is its deltas', () => {
    expect(pieces(input, delta(2, 'one '), delta(3, 'two'), output(4, 'one two'))).toEqual([
      { text: 'one ', reset: false, step: 1 },
      { text: 'two', reset: false, step: 1 },
    ]);
  });

  test('B82: starts over after a resumption', () => {
    const found = pieces(delta(1, 'lost'), resumption(2), delta(3, 'kept'), output(4, 'kept'));
    expect(found.map(({ text, reset }) => [text, reset])).toEqual([
      ['lost', false],
      ['', true],
      ['kept', false],
    ]);
  });

  test('comes from the output where there were no deltas, or others', () => {
    expect(pieces(output(1, 'whole'))).toEqual([{ text: 'whole', reset: false, step: 1 }]);
    expect(pieces(delta(1, 'wh'), output(2, 'whole'))).toMatchObject([{ text: 'wh' }, { text: 'ole' }]);
    expect(pieces(delta(1, 'other'), output(2, 'whole'))).toMatchObject([
      { text: 'other', reset: false },
      { text: 'whole', reset: true },
    ]);
  });
});
