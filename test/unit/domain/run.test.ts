import { describe, expect, test } from 'vitest';
import type { Json, NewEvent } from '../../../src/domain/events.ts';
import {
  activeMilliseconds,
  evolve,
  foldOn,
  foldRun,
  hasOpenWork,
  type Run,
  sequenceEvents,
} from '../../../src/domain/run.ts';
import { callsOf, waitingCalls } from '../../../src/domain/step.ts';
import {
  answer,
  asking,
  awaiting,
  brokenOff,
  called,
  context,
  expiry,
  failure,
  type Given,
  inProgress,
  input,
  origin,
  output,
  pending,
  question,
  resumption,
  runId,
  runOf,
  status,
  steered,
  tape,
  tapeTo,
  toolCall,
  toolProgress,
  toolResult,
  toolStart,
  verdict,
} from './given.ts';

const thought: NewEvent = { type: 'thought', actor: 'MODEL', payload: { step: 1, text: 'Hm.' } };
const delta: NewEvent = { type: 'output_delta', actor: 'MODEL', payload: { step: 1, text: 'He' } };
const compaction: NewEvent = {
  type: 'compaction',
  actor: 'SYSTEM',
  payload: { artifactId: 'cmp_1', tokensBefore: 10, tokensAfter: 2, model: 'scripted', usage: null },
};
const phases = (run: Run) => callsOf(run.step).map(({ callId, phase }) => `${callId} ${phase.at}`);

describe('the beginning', () => {
  test('a run begins with an input that says what it is', () => {
    const run = runOf(7, pending);
    expect(run).toMatchObject({ runId, input: 'hello', origin, state: { status: 'PENDING' }, createdAt: 7, head: 2 });
    expect(run).toMatchObject({ turn: null, startedAt: null, steps: 0, toolCalls: 0, unseenInputs: [] });
  });

  test('nothing else begins one', () => {
    expect(foldRun([])).toBeNull();
    expect(foldRun(tape(status(null, 'PENDING'), context(1), output(1)))).toBeNull();
    expect(foldRun(tape(steered('more')))).toBeNull();
  });

  test('the start gives it its turn and its time', () => {
    expect(runOf(7, pending, 9, status('PENDING', 'IN_PROGRESS', { turn: 3 }))).toMatchObject({
      turn: 3,
      startedAt: 9,
      createdAt: 7,
      lastEventAt: 9,
      state: { status: 'IN_PROGRESS', activeSince: 9 },
    });
    const resumed = runOf(7, awaiting('a'), 20, answer('a', 'ALLOWED'), status('AWAITING_APPROVAL', 'IN_PROGRESS'));
    expect(resumed).toMatchObject({ turn: 1, startedAt: 7 });
  });

  test('the model is the one asked for, or else the one that the first step used', () => {
    expect(runOf(inProgress, context(1, 'small'), output(1), context(2, 'large')).model).toBe('small');
    const named: NewEvent = {
      type: 'input',
      actor: 'USER',
      payload: { text: 'hello', steered: false, idempotencyKey: null, origin: { ...origin, model: 'asked' } },
    };
    expect(runOf(named, context(1, 'fallback')).model).toBe('asked');
  });
});

describe('the end', () => {
  test('DONE carries the text of the last answer', () => {
    const run = runOf(
      called('a'),
      toolResult('a'),
      context(2),
      output(2, { text: 'Yes.' }),
      9,
      status('IN_PROGRESS', 'DONE'),
    );
    expect(run.state).toEqual({ status: 'DONE', output: 'Yes.', endedAt: 9 });
    expect(runOf(inProgress, status('IN_PROGRESS', 'DONE')).state).toMatchObject({ output: '' });
  });

  test('FAILED carries its error, CANCELLED its reason', () => {
    expect(runOf(tapeTo.FAILED).state).toEqual({ status: 'FAILED', error: failure, endedAt: 0 });
    expect(runOf(tapeTo.CANCELLED).state).toEqual({ status: 'CANCELLED', reason: 'Enough.', endedAt: 0 });
    expect(runOf(inProgress, status('IN_PROGRESS', 'FAILED', { reason: 'So it is.' })).state).toMatchObject({
      error: { code: 'INTERNAL', message: 'So it is.', retryable: false },
    });
  });
});

describe('usage', () => {
  test('B57: is the sum of the outputs', () => {
    const run = runOf(
      ...[inProgress, context(1), output(1, { calls: ['a'], usage: { input: 10, output: 2, cost: 0.5 } })],
      ...[toolResult('a'), context(2), output(2, { usage: { input: 30, output: 4, cost: 0.25 } })],
    );
    expect(run.usage).toEqual({ inputTokens: 40, outputTokens: 6, estimated: false, cost: 0.75 });
    expect(run.steps).toBe(2);
  });

  test('B57: one estimated figure makes the sum an estimate', () => {
    const run = runOf(
      ...[inProgress, context(1), output(1, { calls: ['a'], usage: { input: 10, output: 2, estimated: true } })],
      ...[context(2), output(2, { usage: { input: 30, output: 4 } })],
    );
    expect(run.usage).toEqual({ inputTokens: 40, outputTokens: 6, estimated: true, cost: null });
  });

  test('B57: outputs without a price leave the cost of the others as it is', () => {
    const steps = [output(1, { usage: { cost: 0.5 } }), output(2, { usage: { cost: null } })];
    expect(runOf(inProgress, steps).usage.cost).toBe(0.5);
    expect(runOf(inProgress, output(1, { usage: { cost: 0 } })).usage.cost).toBe(0);
    expect(runOf(inProgress).usage.cost).toBeNull();
  });
});

describe('steered messages', () => {
  test('B15: before the first call, the first call sees it', () => {
    expect(runOf(pending, steered('more')).unseenInputs).toHaveLength(1);
    expect(runOf(inProgress, steered('more'), steered('and more')).unseenInputs).toHaveLength(2);
    const asked = runOf(inProgress, steered('more'), context(1));
    expect(asked).toMatchObject({ unseenInputs: [], step: { at: 'calling', step: 1 } });
    expect(runOf(inProgress, steered('more'), context(1), output(1, { text: 'Yes.' })).step).toMatchObject({
      at: 'answered',
      text: 'Yes.',
    });
  });

  test('B15: during a call, the answer is not the last word', () => {
    const run = runOf(inProgress, context(1), steered('more'), output(1, { text: 'Yes.' }));
    expect(run).toMatchObject({ unseenInputs: [expect.any(Number)], step: { at: 'idle' }, steps: 1 });
    const next = runOf(inProgress, context(1), steered('more'), output(1), context(2), output(2, { text: 'Both.' }));
    expect(next).toMatchObject({ unseenInputs: [], step: { at: 'answered', text: 'Both.' } });
  });

  test('B15: during a call that asks for tools, the tools come first', () => {
    const run = runOf(inProgress, context(1), steered('more'), output(1, { calls: ['a'] }));
    expect(run.unseenInputs).toHaveLength(1);
    expect(phases(run)).toEqual(['a requested']);
  });

  test('B15: during tools, they stay as they are', () => {
    const run = runOf(called('a'), verdict('a', 'ALLOW'), toolStart('a'), steered('more'));
    expect(phases(run)).toEqual(['a started']);
    expect(runOf(called('a'), steered('more'), toolResult('a'), context(2)).unseenInputs).toHaveLength(0);
  });

  test('B15: after an answer, it asks for another call', () => {
    const run = runOf(inProgress, context(1), output(1, { text: 'Yes.' }), steered('more'));
    expect(run).toMatchObject({ unseenInputs: [expect.any(Number)], step: { at: 'idle' } });
  });
});

describe('answers that broke off', () => {
  test('are counted for the step, which no executor was lost in and whose time counts', () => {
    const run = runOf(
      inProgress,
      1000,
      context(1),
      2000,
      delta,
      5000,
      brokenOff(1),
      context(1),
      delta,
      brokenOff(1, 2),
    );
    expect(run).toMatchObject({ brokenAnswers: 2, resumptions: 0, resumptionsWithoutProgress: 0 });
    expect(run.step).toEqual({ at: 'calling', step: 1 });
    expect(activeMilliseconds(run, 6000)).toBe(6000);
  });

  test('are forgotten with the next one that came to its end', () => {
    expect(runOf(inProgress, context(1), brokenOff(1), context(1), output(1)).brokenAnswers).toBe(0);
  });
});

describe('resumptions', () => {
  const lost = [inProgress, context(1), resumption(1), context(1), resumption(1, 2)];

  test('B49: are counted, and counted in a row', () => {
    expect(runOf(lost)).toMatchObject({
      resumptions: 2,
      resumptionsWithoutProgress: 2,
      state: { status: 'IN_PROGRESS' },
    });
  });

  test.each<[string, Given]>([
    ['an answer of the model', [context(1), output(1)]],
    ['the result of a tool', [toolResult('a')]],
    ['the answer of a person', [answer('a', 'ALLOWED')]],
  ])('B49: %s is progress', (_name, progress) => {
    expect(runOf(lost, progress)).toMatchObject({ resumptions: 2, resumptionsWithoutProgress: 0 });
  });

  test.each<[string, Given]>([
    ['another context', context(1)],
    ['a piece of text', delta],
    ['the start of a tool', toolStart('a')],
    ['what a tool reports', toolProgress('a')],
    ['a message', steered('more')],
  ])('B49: %s is none', (_name, given) => {
    expect(runOf(lost, given).resumptionsWithoutProgress).toBe(2);
  });

  test('leave calls where they were', () => {
    const run = runOf(called('a', 'b'), verdict('a', 'ALLOW'), toolStart('a'), resumption(1));
    expect(phases(run)).toEqual(['a started', 'b requested']);
    expect(hasOpenWork(run)).toBe(true);
  });
});

describe('B18: time at work', () => {
  test('B18: counts from the start, not from the message', () => {
    expect(activeMilliseconds(runOf(0, pending), 5000)).toBe(0);
    expect(activeMilliseconds(runOf(0, pending, 1000, status('PENDING', 'IN_PROGRESS')), 5000)).toBe(4000);
  });

  test('B18: waiting for a person does not count', () => {
    const waiting = [0, asking('a'), 1000, status('IN_PROGRESS', 'AWAITING_APPROVAL')];
    expect(activeMilliseconds(runOf(waiting), 900_000)).toBe(1000);
    const resumed = [waiting, 800_000, answer('a', 'ALLOWED'), status('AWAITING_APPROVAL', 'IN_PROGRESS')];
    expect(activeMilliseconds(runOf(resumed), 800_500)).toBe(1500);
  });

  test('B18: being down does not count', () => {
    const lost = [0, inProgress, 1000, context(1), 3000, delta];
    expect(activeMilliseconds(runOf(lost, 700_000, resumption(1)), 700_500)).toBe(3500);
    expect(activeMilliseconds(runOf(lost, 700_000, resumption(1), 800_000, resumption(1, 2)), 800_500)).toBe(3500);
  });

  test('stands still once the run has ended, and never runs backwards', () => {
    expect(activeMilliseconds(runOf(0, inProgress, 2000, status('IN_PROGRESS', 'DONE')), 9000)).toBe(2000);
    expect(activeMilliseconds(runOf(5000, inProgress), 1000)).toBe(0);
  });
});

describe('calls', () => {
  test('go from asked for to settled', () => {
    const steps = [toolCall('b'), verdict('b', 'ALLOW'), toolStart('b'), toolResult('b', { ok: false })];
    const seen = steps.map((_, index) => phases(runOf(called('a'), steps.slice(0, index + 1))).at(-1));
    expect(seen).toEqual(['b requested', 'b allowed', 'b started', 'b settled']);
    expect(runOf(called('a', 'b'), toolResult('a')).toolCalls).toBe(2);
    expect(phases(runOf(called('a'), verdict('a', 'DENY')))).toEqual(['a requested']);
    expect(phases(runOf(called('a'), verdict('a', 'ASK')))).toEqual(['a requested']);
  });

  test('B42: an edited input takes the place of the one of the model', () => {
    const edited = { path: '/safe' };
    const of = (editedInput: Json) => callsOf(runOf(awaiting('a'), answer('a', 'ALLOWED', editedInput)).step)[0];
    expect(of(edited)).toMatchObject({ input: edited, inputError: null, phase: { at: 'allowed' } });
    expect(of(null)).toMatchObject({ input: { of: 'a' }, phase: { at: 'allowed' } });
  });

  test('a question shows what a decision needs, and withdrawing or denying it closes it', () => {
    expect(waitingCalls(runOf(asking('a', 'b')).step).map(({ phase }) => phase)).toEqual([
      { at: 'asking', approvalId: 'apr_a', expiresAt: expiry, why: 'policy' },
      { at: 'asking', approvalId: 'apr_b', expiresAt: expiry, why: 'policy' },
    ]);
    for (const settled of ['WITHDRAWN', 'DENIED', 'EXPIRED'] as const) {
      const run = runOf(asking('a', 'b'), answer('a', settled));
      expect(phases(run)).toEqual(['a settled', 'b asking']);
    }
  });

  test('a call that is started again counts its attempts and keeps its key', () => {
    const again = runOf(called('a'), toolStart('a'), question('a', { why: 'unknown_outcome' }), answer('a', 'ALLOWED'));
    expect(callsOf(again.step)[0]).toMatchObject({ attempts: 1, idempotencyKey: 'key_a', phase: { at: 'allowed' } });
    expect(callsOf(runOf(called('a'), toolStart('a'), toolStart('a', 2)).step)[0]).toMatchObject({ attempts: 2 });
  });

  test('unknown calls change nothing but the head', () => {
    const known = [called('a'), verdict('a', 'ALLOW')];
    const before = runOf(known);
    for (const event of [
      verdict('x', 'ALLOW'),
      question('x'),
      answer('x', 'ALLOWED'),
      toolStart('x'),
      toolResult('x'),
    ]) {
      expect(runOf(known, event)).toEqual({ ...before, head: before.head + 1 });
    }
  });

  test('only an unfinished model call or tool is open work', () => {
    expect(hasOpenWork(runOf(inProgress))).toBe(false);
    expect(hasOpenWork(runOf(inProgress, context(1)))).toBe(true);
    expect(hasOpenWork(runOf(asking('a')))).toBe(false);
    expect(hasOpenWork(runOf(called('a'), toolStart('a')))).toBe(true);
    expect(hasOpenWork(runOf(called('a'), toolStart('a'), toolResult('a')))).toBe(false);
  });
});

describe('the fold', () => {
  test('pieces, thoughts and compactions change nothing but the head', () => {
    const before = runOf(inProgress, context(1));
    for (const event of [delta, thought, compaction]) {
      expect(runOf(inProgress, context(1), event)).toEqual({ ...before, head: before.head + 1 });
    }
  });

  test('what a tool reports changes nothing but the head', () => {
    const given = [called('a', 'b'), toolStart('a')];
    const before = runOf(given);
    for (const callId of ['a', 'b', 'x']) {
      expect(runOf(given, toolProgress(callId))).toEqual({ ...before, head: before.head + 1 });
    }
  });

  test('evolve never throws, whatever follows whatever, and changes nothing that it was given', () => {
    const all = [
      input('hello'),
      steered('more'),
      context(1),
      thought,
      delta,
      ...output(1, { calls: ['a'] }),
      compaction,
      verdict('a', 'ALLOW'),
      question('a'),
      answer('a', 'ALLOWED'),
      answer('a', 'DENIED'),
      resumption(1),
      toolStart('a'),
      toolProgress('a'),
      toolResult('a'),
      status('PENDING', 'IN_PROGRESS'),
      status('IN_PROGRESS', 'DONE'),
      status('IN_PROGRESS', 'FAILED'),
      status('IN_PROGRESS', 'CANCELLED'),
      status('IN_PROGRESS', 'AWAITING_APPROVAL'),
    ];
    for (const first of all) {
      for (const second of all) {
        const [, before, after] = tape(input('hello'), first, second);
        if (!before || !after) throw new Error('There are three events.');
        const run = evolve(runOf(inProgress), before);
        const copy = structuredClone(run);
        expect(evolve(run, after)?.head).toBe(after.seq);
        expect(run).toEqual(copy);
        expect(() => evolve(evolve(null, before), after)).not.toThrow();
      }
    }
  });

  test('events are placed behind the fold, and time never goes back', () => {
    const run = runOf(5000, inProgress);
    const placed = sequenceEvents(run, { runId, now: 10, epoch: 1 }, [context(1), delta]);
    expect(placed.map(({ seq, recordedAt }) => [seq, recordedAt])).toEqual([
      [4, 5000],
      [5, 5000],
    ]);
    expect(sequenceEvents(null, { runId, now: 10, epoch: null }, [input('hello')])).toEqual(tape(10, input('hello')));
    expect(foldOn(run, { runId, now: 6000, epoch: 1 }, [context(1)])).toEqual(
      runOf(5000, inProgress, 6000, context(1)),
    );
  });
});
