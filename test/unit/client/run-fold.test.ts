import { describe, expect, test } from 'vitest';
import { emptyRun, evolve } from '../../../client/src/run/run-fold.ts';
import { createTextReader } from '../../../client/src/run/run-text.ts';
import type { TapeEvent } from '../../../client/src/run/tape-event.ts';
import { delta, event, input as inputAt, output, status, usage } from './fakes.ts';

const input = inputAt(1);
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

  test('knows when it was created, started and ended, its model and its first message', () => {
    const time = (seq: number) => new Date(seq).toISOString();
    const run = fold(
      input,
      status(2, 'PENDING'),
      status(3, 'IN_PROGRESS'),
      event(4, 'CONTEXT', { step: 1, model: 'small' } as never),
      event(5, 'CONTEXT', { step: 1, model: 'other' } as never),
      status(6, 'IN_PROGRESS'),
      inputAt(7, 'More', true),
    );
    expect(run).toMatchObject({
      input: 'Hello',
      model: 'small',
      createdAt: time(1),
      startedAt: time(3),
      endedAt: null,
    });
    expect(evolve(run, [status(8, 'DONE')])).toMatchObject({ startedAt: time(3), endedAt: time(8), output: '' });
  });

  test('says why it ended without an answer', () => {
    const failure = { code: 'BUDGET', message: 'Used up.', retryable: false };
    const started = fold(input, status(2, 'IN_PROGRESS'), delta(3, 'So far'));
    const failed = evolve(started, [status(4, 'FAILED', { failure })]);
    expect(failed).toMatchObject({ state: 'FAILED', error: failure, output: null, cancelReason: null });
    expect(failed.messages[1]).toMatchObject({ text: 'So far', complete: true });
    expect(evolve(started, [status(4, 'FAILED', { statusReason: 'It broke.' })]).error).toEqual({
      code: 'INTERNAL',
      message: 'It broke.',
      retryable: false,
    });
    expect(evolve(started, [status(4, 'FAILED')]).error?.message).toBe('The run failed.');
    expect(evolve(started, [status(4, 'CANCELLED', { statusReason: 'enough' })])).toMatchObject({
      state: 'CANCELLED',
      error: null,
      output: null,
      cancelReason: 'enough',
    });
  });

  test('adds up the usage of its model calls', () => {
    const answer = (seq: number, cost: number | null, estimated: boolean) =>
      event(seq, 'OUTPUT', {
        step: seq,
        text: `${seq}`,
        finishReason: 'stop',
        model: 'm',
        usage: { ...usage, cost, estimated },
      });
    const sum = (...answers: TapeEvent[]) => fold(input, ...answers).usage;
    expect(sum(answer(2, null, false))).toEqual(usage);
    expect(sum(answer(2, 0.5, true), answer(3, 0.25, false), answer(4, null, false))).toEqual({
      inputTokens: 3,
      outputTokens: 6,
      totalTokens: 9,
      estimated: true,
      cost: 0.75,
    });
  });

  test('keeps the thoughts of each answer apart from its text', () => {
    const thought = (seq: number, step: number) => event(seq, 'THOUGHT', { step, text: `thought ${seq} ` });
    const run = fold(input, thought(2, 1), thought(3, 1), delta(4, 'one'), thought(5, 2));
    expect(run.messages.map(({ role, step, thought: kept, text }) => [role, step, kept, text])).toEqual([
      ['USER', null, '', 'Hello'],
      ['ASSISTANT', 1, 'thought 2 thought 3 ', 'one'],
      ['ASSISTANT', 2, 'thought 5 ', ''],
    ]);
    expect(run.text).toBe('one');
  });

  test('a message has the files that came with it', () => {
    const attachments = [{ id: 'att_1' }] as never;
    const run = fold(event(1, 'INPUT', { text: 'Look', steered: false, attachments }), delta(2, 'Nice'));
    expect(run.messages.map((message) => message.attachments)).toEqual([[{ id: 'att_1' }], []]);
    expect(run.messages[0]).toMatchObject({ cursor: 'c1', runId: 'run_1', step: null, toolCalls: [] });
  });

  test('a wait that belongs to no call is listed until it is settled, and changes no call', () => {
    const payload = { waitId: 'bud_1', callId: null };
    const before = fold(input, output(2, ''), toolCall(3, 'call_1'));
    const waiting = evolve(before, [event(4, 'WAIT_REQUEST', { payload } as never)]);
    expect(waiting.waits).toEqual(['bud_1']);
    const other = evolve(waiting, [event(5, 'WAIT_REQUEST', { payload: { waitId: 'bud_2', callId: null } } as never)]);
    const settled = evolve(other, [event(6, 'WAIT_SETTLED', { payload } as never)]);
    expect(settled.waits).toEqual(['bud_2']);
    expect(settled.calls).toBe(before.calls);
    expect(evolve(settled, [status(7, 'CANCELLED')]).waits).toEqual([]);
  });

  test('a call that waited for a person or a client goes on, and shows its progress and its end', () => {
    const payload = { waitId: 'que_1', callId: 'call_1' };
    const calls = fold(input, output(2, ''), toolCall(3, 'call_0'), toolCall(4, 'call_1'));
    const waiting = evolve(calls, [event(5, 'WAIT_REQUEST', { payload } as never)]);
    expect(waiting.calls.map(({ state, waitId }) => [state, waitId])).toEqual([
      ['REQUESTED', null],
      ['WAITING', 'que_1'],
    ]);
    const running = evolve(waiting, [event(6, 'WAIT_SETTLED', { payload } as never)]);
    expect(running.calls[1]).toMatchObject({ state: 'RUNNING', waitId: 'que_1', progress: null });
    const progress = { progress: 1, total: 2, message: 'half' };
    const half = evolve(running, [event(7, 'TOOL_PROGRESS', { callId: 'call_1', tool: 'clock', ...progress })]);
    expect(half.calls[1]?.progress).toEqual(progress);
    const result = { callId: 'call_1', tool: 'clock', ok: false, output: null, error: 'No.', durationMs: 1 };
    expect(evolve(half, [event(8, 'TOOL_RESULT', result)]).calls[1]).toMatchObject({ state: 'FAILED', error: 'No.' });
    expect(evolve(half, [status(8, 'FAILED')]).calls.map(({ state }) => state)).toEqual(['CANCELLED', 'CANCELLED']);
  });

  test.each(['DENIED', 'EXPIRED'] as const)(
    'a call whose approval is %s stays denied, whatever its result says',
    (to) => {
      const decision = { id: 'apr_1', decidedBy: null, editedInput: null, decisionReason: null };
      const denied = fold(
        input,
        output(2, ''),
        toolCall(3, 'call_1'),
        event(4, 'APPROVAL_REQUEST', { callId: 'call_1', approval }),
        event(5, 'APPROVAL_DECISION', { callId: 'call_1', status: to, approval: decision }),
      );
      expect(denied.calls[0]).toMatchObject({ state: 'DENIED', input: { zone: 'UTC' } });
      const result = { callId: 'call_1', tool: 'clock', ok: false, output: null, error: 'Denied.', durationMs: 0 };
      const ended = evolve(denied, [event(6, 'TOOL_RESULT', result)]);
      expect(ended.calls[0]).toMatchObject({ state: 'DENIED', error: 'Denied.' });
      expect(evolve(ended, [status(7, 'CANCELLED')]).calls[0]?.state).toBe('DENIED');
    },
  );

  test('a resumption keeps what other steps have said', () => {
    const broken = fold(input, output(2, 'first'), output(3, '', 2), delta(4, 'third', 3));
    const resumed = evolve(broken, [resumption(5, 3)]);
    expect(resumed.messages.map(({ step }) => step)).toEqual([null, 1, 2]);
    // An answer without text says nothing.
    expect(resumed.text).toBe('first');
    expect(evolve(fold(input, delta(2, 'one')), [resumption(3)]).text).toBe('');
    expect(evolve(broken, [resumption(5, 2)]).messages).toBe(broken.messages);
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

  test('of a step is dropped only with that step, and once', () => {
    const found = pieces(delta(1, 'first'), output(2, 'first'), resumption(3), delta(4, 'second', 2), resumption(5, 1));
    expect(found.map(({ text, reset }) => [text, reset])).toEqual([
      ['first', false],
      ['second', false],
    ]);
    const twice = pieces(delta(1, 'lost', 2), resumption(2, 2), resumption(3, 2), delta(4, 'kept', 2));
    expect(twice).toEqual([
      { text: 'lost', reset: false, step: 2 },
      { text: '', reset: true, step: 2 },
      { text: 'kept', reset: false, step: 2 },
    ]);
  });

  test('of the next step does not continue that of the step before', () => {
    expect(pieces(delta(1, 'one', 1), delta(2, 'two', 2), output(3, 'two!', 2))).toEqual([
      { text: 'one', reset: false, step: 1 },
      { text: 'two', reset: false, step: 2 },
      { text: '!', reset: false, step: 2 },
    ]);
    expect(pieces(delta(1, 'one', 1), output(2, 'other', 2))).toEqual([
      { text: 'one', reset: false, step: 1 },
      { text: 'other', reset: false, step: 2 },
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
