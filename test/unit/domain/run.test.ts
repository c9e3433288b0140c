import { describe, expect, test } from 'vitest';
import { type Json, type NewEvent, type PayloadOf, withWorkTime } from '../../../src/domain/events.ts';
import {
  activeMilliseconds,
  evolve,
  foldOn,
  foldRun,
  hasOpenWork,
  needsExecutor,
  type Run,
  sequenceEvents,
} from '../../../src/domain/run.ts';
import { callsOf, waitingCalls } from '../../../src/domain/step.ts';
import {
  approvalDecision,
  approvalRequest,
  approvalsRequested,
  awaitingApproval,
  budgetRequest,
  callsRequested,
  context,
  expiry,
  failure,
  type Given,
  inProgress,
  input,
  interruptedAnswer,
  origin,
  output,
  pending,
  resumption,
  runId,
  runOf,
  status,
  steered,
  tape,
  tapeTo,
  toolCall,
  toolDecision,
  toolProgress,
  toolResult,
  toolStart,
  waitRequest,
  waitSettled,
} from './given.ts';

const thought: NewEvent = { type: 'thought', actor: 'MODEL', payload: { step: 1, text: 'Hm.' } };
const delta: NewEvent = { type: 'output_delta', actor: 'MODEL', payload: { step: 1, text: 'He' } };
const compaction: NewEvent = {
  type: 'compaction',
  actor: 'SYSTEM',
  payload: { artifactId: 'cmp_1', tokensBefore: 10, tokensAfter: 2, model: 'scripted', usage: null },
};
const phases = (run: Run) => callsOf(run.step).map(({ callId, phase }) => `${callId} ${phase.at}`);

describe('a new run', () => {
  test('begins with an input that has its origin', () => {
    const run = runOf(7, pending);
    expect(run).toMatchObject({ runId, input: 'hello', origin, state: { status: 'PENDING' }, createdAt: 7, head: 2 });
    expect(run).toMatchObject({ turn: null, startedAt: null, steps: 0, toolCalls: 0, unseenInputs: [] });
    expect(runOf(input('hello'))).toMatchObject({
      state: { status: 'PENDING' },
      step: { at: 'idle' },
      attachments: [],
    });
  });

  test('begins with no other event', () => {
    expect(foldRun([])).toBeNull();
    expect(foldRun(tape(status(null, 'PENDING'), context(1), output(1)))).toBeNull();
    expect(foldRun(tape(steered('more')))).toBeNull();
  });

  test('counts its model calls, also those without an answer', () => {
    expect(runOf(inProgress, context(1), context(1), output(1), context(2)).modelCalls).toBe(3);
  });

  test('gets its turn and its start time when it starts', () => {
    expect(runOf(7, pending, 9, status('PENDING', 'IN_PROGRESS', { turn: 3 }))).toMatchObject({
      turn: 3,
      startedAt: 9,
      createdAt: 7,
      lastEventAt: 9,
      state: { status: 'IN_PROGRESS', activeSince: 9 },
    });
    const resumed = runOf(
      7,
      awaitingApproval('a'),
      20,
      approvalDecision('a', 'ALLOWED'),
      status('AWAITING_APPROVAL', 'IN_PROGRESS'),
    );
    expect(resumed).toMatchObject({ turn: 1, startedAt: 7 });
  });

  test('has the requested model, or else that of the first step', () => {
    expect(runOf(inProgress, context(1, 'small'), output(1), context(2, 'large')).model).toBe('small');
    const named: NewEvent = {
      type: 'input',
      actor: 'USER',
      payload: { text: 'hello', steered: false, idempotencyKey: null, origin: { ...origin, model: 'asked' } },
    };
    expect(runOf(named, context(1, 'fallback')).model).toBe('asked');
  });
});

describe('a run that has ended', () => {
  test('is DONE with the text of the last answer', () => {
    const run = runOf(
      callsRequested('a'),
      toolResult('a'),
      context(2),
      output(2, { text: 'Yes.' }),
      9,
      status('IN_PROGRESS', 'DONE'),
    );
    expect(run.state).toEqual({ status: 'DONE', output: 'Yes.', storedOutput: null, hasResult: false, endedAt: 9 });
    expect(runOf(inProgress, status('IN_PROGRESS', 'DONE')).state).toMatchObject({ output: '' });
  });

  test('is FAILED with an error or CANCELLED with a reason', () => {
    expect(runOf(tapeTo.FAILED).state).toEqual({ status: 'FAILED', error: failure, endedAt: 0 });
    expect(runOf(tapeTo.CANCELLED).state).toEqual({ status: 'CANCELLED', reason: 'Enough.', endedAt: 0 });
    expect(runOf(inProgress, status('IN_PROGRESS', 'FAILED', { reason: 'Broken.' })).state).toMatchObject({
      error: { code: 'INTERNAL', message: 'Broken.', retryable: false },
    });
    expect(runOf(inProgress, status('IN_PROGRESS', 'FAILED')).state).toMatchObject({
      error: { code: 'INTERNAL', message: 'The run failed.', retryable: false },
    });
  });

  test('or waits is executed by nobody, unless a tool of it runs and waits for an answer', () => {
    const needed = (...given: Given[]) => needsExecutor(runOf(...given));
    const asking: Given = [
      callsRequested('a', 'b'),
      toolStart('a'),
      waitRequest('a', 'QUESTION'),
      approvalRequest('b'),
    ];
    expect(needed(inProgress)).toBe(true);
    expect(needed(asking)).toBe(true);
    expect(needed(asking, status('IN_PROGRESS', 'AWAITING_APPROVAL'))).toBe(true);
    expect(needed(asking, status('IN_PROGRESS', 'CANCELLED'))).toBe(false);
    for (const state of ['PENDING', 'AWAITING_APPROVAL', 'DONE', 'FAILED'] as const) {
      expect([state, needed(tapeTo[state])]).toEqual([state, false]);
    }
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

  test('B57: is estimated if one output is', () => {
    const run = runOf(
      ...[inProgress, context(1), output(1, { calls: ['a'], usage: { input: 10, output: 2, estimated: true } })],
      ...[context(2), output(2, { usage: { input: 30, output: 4 } })],
    );
    expect(run.usage).toEqual({ inputTokens: 40, outputTokens: 6, estimated: true, cost: null });
  });

  test('B57: ignores outputs without a price', () => {
    const steps = [output(1, { usage: { cost: 0.5 } }), output(2, { usage: { cost: null } })];
    expect(runOf(inProgress, steps).usage.cost).toBe(0.5);
    expect(runOf(inProgress, output(1, { usage: { cost: 0 } })).usage.cost).toBe(0);
    expect(runOf(inProgress).usage.cost).toBeNull();
  });
});

describe('steered messages', () => {
  test('B15: are seen by the first model call if they come before it', () => {
    expect(runOf(pending, steered('more')).unseenInputs).toHaveLength(1);
    expect(runOf(inProgress, steered('more'), steered('and more')).unseenInputs).toHaveLength(2);
    const calling = runOf(inProgress, steered('more'), context(1));
    expect(calling).toMatchObject({ unseenInputs: [], step: { at: 'calling', step: 1 } });
    expect(runOf(inProgress, steered('more'), context(1), output(1, { text: 'Yes.' })).step).toMatchObject({
      at: 'answered',
      text: 'Yes.',
    });
  });

  test('B15: require another model call if they come during one', () => {
    const run = runOf(inProgress, context(1), steered('more'), output(1, { text: 'Yes.' }));
    expect(run).toMatchObject({ unseenInputs: [expect.any(Number)], step: { at: 'idle' }, steps: 1 });
    const next = runOf(inProgress, context(1), steered('more'), output(1), context(2), output(2, { text: 'Both.' }));
    expect(next).toMatchObject({ unseenInputs: [], step: { at: 'answered', text: 'Both.' } });
  });

  test('B15: wait for the tools if the model call requests some', () => {
    const run = runOf(inProgress, context(1), steered('more'), output(1, { calls: ['a'] }));
    expect(run.unseenInputs).toHaveLength(1);
    expect(phases(run)).toEqual(['a requested']);
  });

  test('B15: do not change running tool calls', () => {
    const run = runOf(callsRequested('a'), toolDecision('a', 'ALLOW'), toolStart('a'), steered('more'));
    expect(phases(run)).toEqual(['a started']);
    expect(runOf(callsRequested('a'), steered('more'), toolResult('a'), context(2)).unseenInputs).toHaveLength(0);
  });

  test('B15: require another model call if they come after the final answer', () => {
    const run = runOf(inProgress, context(1), output(1, { text: 'Yes.' }), steered('more'));
    expect(run).toMatchObject({ unseenInputs: [expect.any(Number)], step: { at: 'idle' } });
  });
});

describe('interrupted answers', () => {
  test('are counted for their step, without a resumption or downtime', () => {
    const run = runOf(
      inProgress,
      1000,
      context(1),
      2000,
      delta,
      5000,
      interruptedAnswer(1),
      context(1),
      delta,
      interruptedAnswer(1, 2),
    );
    expect(run).toMatchObject({ brokenAnswers: 2, resumptions: 0, resumptionsWithoutProgress: 0 });
    expect(run.step).toEqual({ at: 'calling', step: 1 });
    expect(activeMilliseconds(run, 6000)).toBe(6000);
  });

  test('are no longer counted after a complete answer', () => {
    expect(runOf(inProgress, context(1), interruptedAnswer(1), context(1), output(1)).brokenAnswers).toBe(0);
  });
});

describe('resumptions', () => {
  const lost = [inProgress, context(1), resumption(1), context(1), resumption(1, 2)];

  test('B49: are counted in total and without progress', () => {
    expect(runOf(lost)).toMatchObject({
      resumptions: 2,
      resumptionsWithoutProgress: 2,
      state: { status: 'IN_PROGRESS' },
    });
  });

  test.each<[string, Given]>([
    ['an answer of the model', [context(1), output(1)]],
    ['the result of a tool', [toolResult('a')]],
    ['the decision of an approval', [approvalDecision('a', 'ALLOWED')]],
    ['a delta', [context(1), delta]],
    ['a thought', [context(1), thought]],
    ['a wait', waitRequest('a')],
    ['the end of a wait', waitSettled('a', 'COMPLETED')],
  ])('B49: %s is progress', (_name, progress) => {
    expect(runOf(lost)).toMatchObject({ resumptionsWithoutProgress: 2, lossesAlone: 2 });
    expect(runOf(lost, progress)).toMatchObject({ resumptions: 2, resumptionsWithoutProgress: 0, lossesAlone: 0 });
  });

  test.each<[string, Given]>([
    ['another context', context(1)],
    ['the start of a tool', toolStart('a')],
    ['progress of a tool', toolProgress('a')],
    ['a message', steered('more')],
  ])('B49: %s is not progress', (_name, given) => {
    expect(runOf(lost, given).resumptionsWithoutProgress).toBe(2);
  });

  test('count a loss as one alone only if nothing else was executed', () => {
    const lossesAlone = (...given: Given[]) => runOf(inProgress, context(1), ...given).lossesAlone;
    expect(lossesAlone(resumption(1))).toBe(1);
    expect(lossesAlone(resumption(1, 1, false))).toBe(0);
    const stopped = resumption(1);
    if (stopped.type !== 'resumption') throw new Error('It is no resumption.');
    expect(lossesAlone({ ...stopped, payload: { ...stopped.payload, lost: false } })).toBe(0);
  });

  test('leave a run waiting that waits for answers of a tool that runs', () => {
    const waiting: Given = [
      callsRequested('a'),
      toolStart('a'),
      waitRequest('a', 'QUESTION'),
      status('IN_PROGRESS', 'AWAITING_APPROVAL'),
    ];
    expect(runOf(waiting, resumption(1)).state).toEqual({ status: 'AWAITING_APPROVAL' });
  });

  test('do not change calls', () => {
    const run = runOf(callsRequested('a', 'b'), toolDecision('a', 'ALLOW'), toolStart('a'), resumption(1));
    expect(phases(run)).toEqual(['a started', 'b requested']);
    expect(hasOpenWork(run)).toBe(true);
  });
});

describe('B18: time at work', () => {
  test('B18: starts when the run starts, not with the message', () => {
    expect(activeMilliseconds(runOf(0, pending), 5000)).toBe(0);
    expect(activeMilliseconds(runOf(0, pending, 1000, status('PENDING', 'IN_PROGRESS')), 5000)).toBe(4000);
  });

  test('B18: does not include waiting for approvals', () => {
    const waiting = [0, approvalsRequested('a'), 1000, status('IN_PROGRESS', 'AWAITING_APPROVAL')];
    expect(activeMilliseconds(runOf(waiting), 900_000)).toBe(1000);
    const resumed = [waiting, 800_000, approvalDecision('a', 'ALLOWED'), status('AWAITING_APPROVAL', 'IN_PROGRESS')];
    expect(activeMilliseconds(runOf(resumed), 800_500)).toBe(1500);
  });

  test('B18: does not include downtime', () => {
    const lost = [0, inProgress, 1000, context(1), 3000, delta];
    expect(activeMilliseconds(runOf(lost, 700_000, resumption(1)), 700_500)).toBe(3500);
    expect(activeMilliseconds(runOf(lost, 700_000, resumption(1), 800_000, resumption(1, 2)), 800_500)).toBe(3500);
  });

  test('B18: is what the executors measured, whatever the clocks of the servers say', () => {
    const measured = (workMilliseconds: number): Given => {
      const [event] = withWorkTime([context(1) as NewEvent], workMilliseconds);
      return event ? [event] : [];
    };
    const hour = 3_600_000;
    // The clock is set forward by an hour, then another server takes the run over whose clock is three minutes behind.
    const given: Given = [0, inProgress, hour, measured(1000), hour + 500, delta];
    expect(activeMilliseconds(runOf(given), hour + 700)).toBe(1700);
    expect(activeMilliseconds(runOf(given, hour + 900, resumption(1)), hour + 900)).toBe(1500);
    const [waiting] = withWorkTime([status('IN_PROGRESS', 'AWAITING_APPROVAL')], 2000);
    expect(activeMilliseconds(runOf(given, 2 * hour, waiting ? [waiting] : []), 9 * hour)).toBe(2000);
    // A tool that asked a person may end while the run waits for something else.
    const late = withWorkTime([toolResult('a')], 5000);
    const stillWaiting = runOf(0, awaitingApproval('a', 'b'), late);
    expect(stillWaiting.state).toEqual({ status: 'AWAITING_APPROVAL' });
    expect(activeMilliseconds(stillWaiting, hour)).toBe(0);
  });

  test('stops when the run has ended, and is never negative', () => {
    expect(activeMilliseconds(runOf(0, inProgress, 2000, status('IN_PROGRESS', 'DONE')), 9000)).toBe(2000);
    expect(activeMilliseconds(runOf(5000, inProgress), 1000)).toBe(0);
  });
});

describe('calls', () => {
  test('go from requested to settled', () => {
    const steps = [toolCall('b'), toolDecision('b', 'ALLOW'), toolStart('b'), toolResult('b', { ok: false })];
    const reached = steps.map((_, index) => phases(runOf(callsRequested('a'), steps.slice(0, index + 1))).at(-1));
    expect(reached).toEqual(['b requested', 'b allowed', 'b started', 'b settled']);
    expect(runOf(callsRequested('a', 'b'), toolResult('a')).toolCalls).toBe(2);
    expect(phases(runOf(callsRequested('a'), toolDecision('a', 'DENY')))).toEqual(['a requested']);
    expect(phases(runOf(callsRequested('a'), toolDecision('a', 'ASK')))).toEqual(['a requested']);
  });

  test('are told apart when they wait', () => {
    const asking = runOf(callsRequested('a', 'b'), toolStart('a'), waitRequest('b', 'QUESTION'));
    expect(phases(asking)).toEqual(['a started', 'b delegated']);
    const both = runOf(callsRequested('a', 'b'), toolStart('b'), waitRequest('a'), waitRequest('b', 'QUESTION'));
    expect(phases(both)).toEqual(['a delegated', 'b asking']);
  });

  test('are approved only by the decision about their last request', () => {
    const approved = (...given: Given[]) => callsOf(runOf(...given).step)[0]?.isApproved;
    expect(approved(callsRequested('a'))).toBe(false);
    expect(approved(awaitingApproval('a'), approvalDecision('a', 'ALLOWED'))).toBe(true);
    expect(approved(awaitingApproval('a'), approvalDecision('a', 'ALLOWED'), approvalRequest('a'))).toBe(false);
  });

  test("B42: an edited input replaces the model's", () => {
    const edited = { path: '/safe' };
    const of = (editedInput: Json) =>
      callsOf(runOf(awaitingApproval('a'), approvalDecision('a', 'ALLOWED', editedInput)).step)[0];
    expect(of(edited)).toMatchObject({ input: edited, inputError: null, phase: { at: 'allowed' } });
    expect(of(null)).toMatchObject({ input: { of: 'a' }, phase: { at: 'allowed' } });
  });

  test('a waiting call has what a decision needs, until it is settled', () => {
    expect(waitingCalls(runOf(approvalsRequested('a', 'b')).step).map(({ phase }) => phase)).toEqual([
      { at: 'waiting', approvalId: 'apr_a', expiresAt: expiry, why: 'policy' },
      { at: 'waiting', approvalId: 'apr_b', expiresAt: expiry, why: 'policy' },
    ]);
    for (const settled of ['WITHDRAWN', 'DENIED', 'EXPIRED'] as const) {
      const run = runOf(approvalsRequested('a', 'b'), approvalDecision('a', settled));
      expect(phases(run)).toEqual(['a settled', 'b waiting']);
    }
  });

  test('a call that is started again counts its attempts and keeps its idempotency key', () => {
    const again = runOf(
      callsRequested('a'),
      toolStart('a'),
      approvalRequest('a', { why: 'unknown_outcome' }),
      approvalDecision('a', 'ALLOWED'),
    );
    expect(callsOf(again.step)[0]).toMatchObject({ attempts: 1, idempotencyKey: 'key_a', phase: { at: 'allowed' } });
    expect(callsOf(runOf(callsRequested('a'), toolStart('a'), toolStart('a', 2)).step)[0]).toMatchObject({
      attempts: 2,
    });
  });

  test('events of unknown calls only move the head', () => {
    const given = [callsRequested('a'), toolDecision('a', 'ALLOW')];
    const before = runOf(given);
    for (const event of [
      waitRequest('x'),
      waitRequest('x', 'QUESTION'),
      waitSettled('x', 'COMPLETED'),
      budgetRequest({}, { budget: null }),
      toolDecision('x', 'ALLOW'),
      approvalRequest('x'),
      approvalDecision('x', 'ALLOWED'),
      toolStart('x'),
      toolResult('x'),
    ]) {
      expect(runOf(given, event)).toEqual({ ...before, head: before.head + 1 });
    }
  });

  test('only an unfinished model call or tool call is open work', () => {
    expect(hasOpenWork(runOf(inProgress))).toBe(false);
    expect(hasOpenWork(runOf(inProgress, context(1)))).toBe(true);
    expect(hasOpenWork(runOf(approvalsRequested('a')))).toBe(false);
    expect(hasOpenWork(runOf(callsRequested('a'), toolStart('a')))).toBe(true);
    expect(hasOpenWork(runOf(callsRequested('a'), toolStart('a'), toolResult('a')))).toBe(false);
  });
});

describe('the fold', () => {
  test('deltas, thoughts and compactions only move the head', () => {
    const before = runOf(inProgress, context(1));
    for (const event of [delta, thought, compaction]) {
      expect(runOf(inProgress, context(1), event)).toEqual({ ...before, head: before.head + 1 });
    }
  });

  test('the progress of a tool only moves the head', () => {
    const given = [callsRequested('a', 'b'), toolStart('a')];
    const before = runOf(given);
    for (const callId of ['a', 'b', 'x']) {
      expect(runOf(given, toolProgress(callId))).toEqual({ ...before, head: before.head + 1 });
    }
  });

  test('evolve accepts any two events in a row and does not change its arguments', () => {
    const all = [
      input('hello'),
      steered('more'),
      context(1),
      thought,
      delta,
      ...output(1, { calls: ['a'] }),
      compaction,
      toolDecision('a', 'ALLOW'),
      approvalRequest('a'),
      approvalDecision('a', 'ALLOWED'),
      approvalDecision('a', 'DENIED'),
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
        if (!before || !after) throw new Error('The tape has fewer than three events.');
        const run = evolve(runOf(inProgress), before);
        const copy = structuredClone(run);
        expect(evolve(run, after)?.head).toBe(after.seq);
        expect(run).toEqual(copy);
        expect(() => evolve(evolve(null, before), after)).not.toThrow();
      }
    }
  });

  test('new events continue the seqs of the fold, and time never goes back', () => {
    const run = runOf(5000, inProgress);
    const sequenced = sequenceEvents(run, { runId, now: 10, epoch: 1 }, [context(1), delta]);
    expect(sequenced.map(({ seq, recordedAt }) => [seq, recordedAt])).toEqual([
      [4, 5000],
      [5, 5000],
    ]);
    expect(sequenceEvents(null, { runId, now: 10, epoch: null }, [input('hello')])).toEqual(tape(10, input('hello')));
    expect(foldOn(run, { runId, now: 6000, epoch: 1 }, [context(1)])).toEqual(
      runOf(5000, inProgress, 6000, context(1)),
    );
  });
});

test('the time at work is recorded on the last event that can have it', () => {
  const events = withWorkTime([context(1), output(1)[0] ?? delta, delta], 7);
  expect(events.map(({ payload }) => 'workMilliseconds' in payload && payload.workMilliseconds)).toEqual([
    false,
    7,
    false,
  ]);
  expect(withWorkTime([delta], 7)).toEqual([delta]);
});

describe('what the contexts of a run say', () => {
  const withPayload = (step: number, more: Partial<PayloadOf<'context'>>): NewEvent => {
    const event = context(step);
    if (event.type !== 'context') throw new Error('It is no context.');
    return { ...event, payload: { ...event.payload, ...more } };
  };
  const failed = {
    model: 'scripted',
    reason: 'It broke.',
    usage: null,
  } as unknown as PayloadOf<'context'>['failedCompaction'];

  test('the agent is the one of the first context that names one', () => {
    const [first, second] = [1, 2].map((version) => ({ id: 'agt_1', version }));
    const named = runOf(inProgress, withPayload(1, { agent: null }), output(1), withPayload(2, { agent: first }));
    expect(named.agent).toEqual(first);
    expect(
      runOf(inProgress, withPayload(1, { agent: first }), output(1), withPayload(2, { agent: second })).agent,
    ).toEqual(first);
  });

  test('failed summaries are counted', () => {
    const twice = [
      withPayload(1, { failedCompaction: failed }),
      output(1),
      withPayload(2, { failedCompaction: failed }),
    ];
    expect(runOf(inProgress, ...twice).failedCompactions).toBe(2);
    expect(runOf(inProgress, withPayload(1, { failedCompaction: null })).failedCompactions).toBe(0);
  });
});

test('a call that is not allowed is settled without success', () => {
  const run = runOf(awaitingApproval('a', 'b'), approvalDecision('a', 'DENIED'), approvalDecision('b', 'EXPIRED'));
  expect(callsOf(run.step).map(({ phase }) => phase)).toEqual([
    { at: 'settled', ok: false },
    { at: 'settled', ok: false },
  ]);
});
