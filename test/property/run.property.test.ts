import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decide, failedResult, type RunCommand } from '../../src/domain/decide.ts';
import type { NewEvent, SequencedEvent, SequencedEventOf } from '../../src/domain/events.ts';
import { nextStep } from '../../src/domain/next-step.ts';
import { isRefusal } from '../../src/domain/refusal.ts';
import { activeMilliseconds, evolve, foldRun, type Run, sequenceEvents } from '../../src/domain/run.ts';
import { callsOf, type ToolCall, waitingCalls } from '../../src/domain/step.ts';
import { isTerminal, runStatuses } from '../../src/domain/transitions.ts';
import {
  approvalRequest,
  context,
  failure,
  interruptedAnswer,
  limits,
  origin,
  output,
  resumption,
  runId,
  showing,
  toolDecision,
  toolProgress,
  toolResult,
  toolStart,
} from '../unit/domain/given.ts';

const RUNS = 500;
const EXPIRY_MILLISECONDS = 5000;
const ROUNDS_TO_THE_END = 40;

/** What may happen to a run from outside, at any time. `which` picks one of its questions, or one that is not open. */
type Outside =
  | { kind: 'steer' | 'cancel' | 'fail' | 'start' | 'send' | 'complete' | 'requestApproval' | 'late-result' }
  | { kind: 'allow' | 'deny' | 'expire' | 'expire-fail' | 'report'; which: number };

type Act =
  | { kind: 'pass'; milliseconds: number }
  | Outside
  /** The executor does what is next. `meanwhile` comes between its looking and its recording. */
  | { kind: 'work'; choices: number[]; meanwhile: Outside[] };

const common = fc.oneof<fc.Arbitrary<Outside>[]>(
  fc.record({ kind: fc.constantFrom('allow', 'deny', 'expire'), which: fc.nat(3) }),
  fc.constant({ kind: 'steer' }),
  fc.record({ kind: fc.constant('report'), which: fc.nat(3) }),
);
const rare = fc.oneof<fc.Arbitrary<Outside>[]>(
  fc.record({ kind: fc.constantFrom('cancel', 'fail', 'start', 'send', 'complete', 'requestApproval', 'late-result') }),
  fc.record({ kind: fc.constant('expire-fail'), which: fc.nat(3) }),
);
const outside: fc.Arbitrary<Outside> = fc.oneof({ arbitrary: common, weight: 12 }, { arbitrary: rare, weight: 1 });
const work: fc.Arbitrary<Act> = fc.record({
  kind: fc.constant('work'),
  choices: fc.array(fc.nat(99), { minLength: 4, maxLength: 4 }),
  meanwhile: fc.oneof(
    { arbitrary: fc.constant<Outside[]>([]), weight: 4 },
    { arbitrary: fc.array(outside, { maxLength: 2 }), weight: 1 },
  ),
});
const pass: fc.Arbitrary<Act> = fc.record({ kind: fc.constant('pass'), milliseconds: fc.nat(3000) });
const acts = fc.array(
  fc.oneof({ arbitrary: work, weight: 12 }, { arbitrary: outside, weight: 4 }, { arbitrary: pass, weight: 1 }),
  { maxLength: 60, size: 'max' },
);

interface World {
  run: Run | null;
  tape: SequencedEvent[];
  now: number;
}

/** Gives the command and checks what it led to. */
function give(world: World, given: RunCommand): void {
  const before = world.run;
  const head = before?.head ?? 0;
  const command =
    given.kind === 'record' ? { ...given, events: given.events.map((event) => showing(event, head)) } : given;
  const decision = decide(before, command, world.now);
  expect(decide(before, command, world.now)).toEqual(decision);
  if (isRefusal(decision)) return;
  const placed = sequenceEvents(
    before,
    { runId, now: world.now, epoch: command.kind === 'record' ? 1 : null },
    decision.events,
  );
  const after = placed.reduce<Run | null>((run, event) => frozen(evolve(run, event)), before);
  world.run = after;
  world.tape.push(...placed);
  const statuses = placed.filter((event) => event.type === 'status').map(({ payload: { from, to } }) => ({ from, to }));
  const from = before?.state.status ?? null;
  const to = after?.state.status ?? null;
  expect(statuses, 'exactly one status event per transition, in the same decision').toEqual(
    from === to ? [] : [{ from, to }],
  );
  if (from === 'AWAITING_APPROVAL' && to === 'IN_PROGRESS' && after) {
    expect(waitingCalls(after.step), 'the last answer resumes').toEqual([]);
  }
  if (before && isTerminal(before.state.status)) expect(placed, 'nothing follows the end').toEqual([]);
  if (after) hold(after, world);
}

/** A fold that complains where something changes it. */
function frozen<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(frozen);
  }
  return value;
}

/** The invariants of DESIGN.md that a tape and its fold can show. */
function hold(run: Run, { tape, now }: World): void {
  expect(foldRun(tape), 'the fold from scratch is the fold so far').toEqual(run);
  expect(tape.map(({ seq }) => seq)).toEqual(tape.map((_, index) => index + 1));
  expect(tape.every(({ recordedAt }, index) => recordedAt >= (tape[index - 1]?.recordedAt ?? 0))).toBe(true);
  expect(tape.slice(0, 2).map(({ type }) => type)).toEqual(['input', 'status']);
  statusesHold(tape);
  outputsHold(run, of(tape, 'output'));
  callsHold(run, tape);
  questionsHold(run, tape);
  const atWork = activeMilliseconds(run, now);
  expect(atWork).toBeGreaterThanOrEqual(0);
  expect(atWork).toBeLessThanOrEqual(Math.max(now, run.lastEventAt) - (run.startedAt ?? now));
}

function of<Type extends SequencedEvent['type']>(tape: SequencedEvent[], type: Type): SequencedEventOf<Type>[] {
  return tape.filter((event): event is SequencedEventOf<Type> => event.type === type);
}

function statusesHold(tape: SequencedEvent[]): void {
  const statuses = of(tape, 'status').map(({ payload }) => payload);
  expect(statuses.map(({ from }) => from)).toEqual([null, ...statuses.slice(0, -1).map(({ to }) => to)]);
  const end = tape.findIndex((event) => event.type === 'status' && isTerminal(event.payload.to));
  expect(end === -1 || end === tape.length - 1, 'terminal once, and last').toBe(true);
}

function outputsHold(run: Run, outputs: SequencedEventOf<'output'>[]): void {
  const sum = (amount: (usage: SequencedEventOf<'output'>['payload']['usage']) => number) =>
    outputs.reduce((total, { payload }) => total + amount(payload.usage), 0);
  expect(run.steps).toBe(outputs.length);
  expect(run.usage.inputTokens).toBe(sum(({ input }) => input));
  expect(run.usage.outputTokens).toBe(sum(({ output }) => output));
  expect(run.usage.cost ?? 0).toBe(sum(({ cost }) => cost ?? 0));
  expect(run.usage.estimated).toBe(outputs.some(({ payload }) => payload.usage.estimated));
  if (run.state.status !== 'DONE') return;
  expect(run.state.output).toBe(outputs.at(-1)?.payload.text);
  expect(run.unseenInputs, 'B15: no message is left unseen').toEqual([]);
}

function callsHold(run: Run, tape: SequencedEvent[]): void {
  const results = of(tape, 'tool_result').map(({ payload }) => payload.callId);
  const asked = of(tape, 'tool_call').map(({ payload }) => payload.callId);
  expect(new Set(results).size, 'no call is settled twice').toBe(results.length);
  expect(run.toolCalls).toBe(asked.length);
  const before = (seq: number, callId: string) =>
    tape.filter((event) => event.seq < seq && 'callId' in event.payload && event.payload.callId === callId);
  for (const { payload, seq } of of(tape, 'tool_progress')) {
    const earlier = before(seq, payload.callId).map(({ type }) => type);
    expect(earlier, 'only what runs is reported of').toContain('tool_start');
    expect(earlier, 'nothing is reported behind a result').not.toContain('tool_result');
  }
  if (run.state.status === 'DONE') expect(results.toSorted(), 'every call is settled').toEqual(asked.toSorted());
  for (const { payload, seq } of of(tape, 'tool_start')) {
    const earlier = before(seq, payload.callId);
    expect(earlier.some(allows), 'nothing runs that nobody allowed').toBe(true);
    expect(
      earlier.some(({ type }) => type === 'tool_result'),
      'nothing runs that is settled',
    ).toBe(false);
    expect(payload.attempt).toBe(of(earlier, 'tool_start').length + 1);
  }
}

function allows(event: SequencedEvent): boolean {
  return (
    (event.type === 'tool_decision' && event.payload.effect === 'ALLOW') ||
    (event.type === 'approval_decision' && event.payload.status === 'ALLOWED')
  );
}

function questionsHold(run: Run, tape: SequencedEvent[]): void {
  const requests = of(tape, 'approval_request').map(({ payload }) => payload);
  const decisions = of(tape, 'approval_decision');
  for (const { actor, recordedAt, payload } of decisions) {
    const request = requests.find(({ approvalId }) => approvalId === payload.approvalId);
    if (actor === 'USER') expect(recordedAt, 'B40: nobody decides too late').toBeLessThan(request?.expiresAt ?? 0);
  }
  const asked = requests.map(({ approvalId }) => approvalId);
  const settled = decisions.map(({ payload }) => payload.approvalId);
  expect(new Set(settled).size, 'no question is settled twice').toBe(settled.length);
  const open = waitingCalls(run.step).map(({ phase }) => phase.approvalId);
  expect(open.toSorted(), 'open questions are a fold of the tape').toEqual(
    asked.filter((approvalId) => !settled.includes(approvalId)).toSorted(),
  );
  const { status } = run.state;
  if (isTerminal(status)) expect(open, 'the end leaves no question open').toEqual([]);
  if (status === 'AWAITING_APPROVAL') {
    expect(open.length, 'a run that waits, waits for somebody').toBeGreaterThan(0);
    expect(callsOf(run.step).filter(({ phase }) => phase.at === 'started' || phase.at === 'requested')).toEqual([]);
  }
}

/** The command that comes from outside; null where only a broken executor would give it. */
function outsideCommand({ run, tape }: World, act: Outside): RunCommand | null {
  const isAtWork = run?.state.status === 'IN_PROGRESS';
  switch (act.kind) {
    case 'send':
      return { kind: 'send', text: 'again', idempotencyKey: null, origin };
    case 'steer':
      return { kind: 'steer', text: 'more', idempotencyKey: null };
    case 'start':
      return { kind: 'start', turn: 9 };
    case 'cancel':
      return { kind: 'cancel', reason: null };
    case 'fail':
      return { kind: 'fail', error: failure };
    case 'complete':
    case 'requestApproval':
      return isAtWork ? null : { kind: act.kind };
    case 'late-result':
      return isAtWork ? null : { kind: 'record', events: [toolResult('call_0')] };
    case 'report': {
      const callId = of(tape, 'tool_call').at(-1 - act.which)?.payload.callId ?? 'call_unknown';
      return { kind: 'report', payload: toolProgress(callId).payload };
    }
    default: {
      const asked = of(tape, 'approval_request').map(({ payload }) => payload.approvalId);
      const approvalId = asked.at(-1 - act.which) ?? 'apr_unknown';
      return aboutApproval(approvalId, act.kind);
    }
  }
}

function aboutApproval(approvalId: string, kind: 'allow' | 'deny' | 'expire' | 'expire-fail'): RunCommand {
  if (kind === 'expire' || kind === 'expire-fail') {
    return { kind: 'expireApproval', approvalId, onExpiry: kind === 'expire' ? 'deny' : 'fail' };
  }
  const by = 'ada';
  if (kind === 'deny') return { kind: 'decideApproval', approvalId, verdict: { decision: 'DENY', by, reason: null } };
  const verdict = {
    decision: 'ALLOW',
    by,
    scope: 'ONCE',
    grant: null,
    editedInput: { edited: true },
    reason: null,
  } as const;
  return { kind: 'decideApproval', approvalId, verdict };
}

/** What a plausible executor does with this fold; null where there is nothing to do. */
function executorCommand(run: Run, now: number, choices: number[]): RunCommand | null {
  const [choice = 0] = choices;
  const record = (...events: NewEvent[]): RunCommand => ({ kind: 'record', events });
  const next = nextStep(run, limits, now);
  switch (next.kind) {
    case 'start':
      return { kind: 'start', turn: 1 };
    case 'transition':
      return next.command;
    case 'call-model':
      return run.step.at === 'calling' ? record(...modelAnswer(run, next.step, choices)) : record(context(next.step));
    case 'evaluate-policy':
      return record(...next.calls.flatMap((call, index) => judged(run, call, index, now, choices)));
    case 'execute':
      return record(...next.calls.slice(0, 1 + (choice % 2)).map((call) => toolStart(call.callId, call.attempts + 1)));
    case 'recover': {
      const [call] = next.calls;
      return call ? record(...toolOutcome(run, call, now, choice)) : null;
    }
    case 'wait':
    case 'ended':
      return null;
  }
}

function modelAnswer(run: Run, step: number, [choice = 0, size = 0, tokens = 0]: number[]): NewEvent[] {
  if (choice < 10) return [resumption(step, run.resumptionsWithoutProgress + 1), context(step)];
  if (choice < 15) return [interruptedAnswer(step, run.brokenAnswers + 1)];
  if (choice < 20) return [{ type: 'output_delta', actor: 'MODEL', payload: { step, text: 'He' } }];
  const calls = Array.from({ length: size % 4 }, (_, index) => `call_${run.toolCalls + index}`);
  const cost = tokens % 3 === 0 ? null : tokens / 4;
  const usage = { input: tokens, output: size, estimated: tokens % 5 === 0, cost };
  return output(step, { text: `answer ${step}`, calls, usage });
}

function judged(run: Run, call: ToolCall, index: number, now: number, choices: number[]): NewEvent[] {
  const choice = choices[index] ?? 0;
  if (choice < 35) return [toolDecision(call.callId, 'ALLOW')];
  if (choice < 80) return [toolDecision(call.callId, 'ASK'), asked(run, call, index, now, 'policy')];
  return choice < 90
    ? [toolDecision(call.callId, 'DENY'), failedResult(call, 'Not permitted.')]
    : [failedResult(call, 'The input is no good.')];
}

/** A tool that was started ends, or its executor is lost: then it runs once more, or a person is asked. */
function toolOutcome(run: Run, call: ToolCall, now: number, choice: number): NewEvent[] {
  if (choice < 80) return [toolResult(call.callId, { ok: choice % 2 === 0 })];
  const lost = resumption(Math.max(1, run.steps), run.resumptionsWithoutProgress + 1);
  return choice < 90
    ? [lost, toolStart(call.callId, call.attempts + 1)]
    : [lost, asked(run, call, 0, now, 'unknown_outcome')];
}

function asked(
  run: Run,
  { callId }: ToolCall,
  index: number,
  now: number,
  why: 'policy' | 'unknown_outcome',
): NewEvent {
  return approvalRequest(callId, { approvalId: `apr_${run.head}_${index}`, expiresAt: now + EXPIRY_MILLISECONDS, why });
}

function perform(world: World, act: Act): void {
  if (act.kind === 'pass') {
    world.now += act.milliseconds;
  } else if (act.kind === 'work') {
    workOn(world, act.choices, act.meanwhile);
  } else {
    const command = outsideCommand(world, act);
    if (command) give(world, command);
  }
}

function workOn(world: World, choices: number[], meanwhile: Outside[]): void {
  const command = world.run && executorCommand(world.run, world.now, choices);
  if (!command) return;
  if (command.kind === 'record') for (const act of meanwhile) perform(world, act);
  give(world, command);
  // What follows from a record stands in the same append.
  const next = world.run && nextStep(world.run, limits, world.now);
  if (next?.kind === 'transition') give(world, next.command);
}

function beginning(): World {
  const world: World = { run: null, tape: [], now: 0 };
  give(world, { kind: 'send', text: 'hello', idempotencyKey: null, origin });
  return world;
}

test('B13: whatever is asked of a run, in whatever order, the invariants hold after every step', () => {
  const reached = new Set<string>();
  const property = fc.property(acts, (list) => {
    const world = beginning();
    for (const act of list) {
      perform(world, act);
      reached.add(world.run?.state.status ?? 'nothing');
    }
    for (const { type } of world.tape) reached.add(type);
  });
  fc.assert(property, { numRuns: RUNS });
  // A property that never gets anywhere proves nothing.
  expect(runStatuses.filter((status) => !reached.has(status))).toEqual([]);
  expect([...reached]).toEqual(
    expect.arrayContaining(['resumption', 'tool_start', 'tool_progress', 'approval_decision', 'tool_result']),
  );
});

test('B13: commands that race for the end: one wins, once', () => {
  const enders = fc.shuffledSubarray<RunCommand>(
    [
      { kind: 'complete' },
      { kind: 'fail', error: failure },
      { kind: 'cancel', reason: 'first' },
      { kind: 'cancel', reason: 'second' },
      { kind: 'expireApproval', approvalId: 'apr_call_0', onExpiry: 'fail' },
    ],
    { minLength: 2 },
  );
  const property = fc.property(enders, fc.boolean(), (commands, isAnswered) => {
    const world = beginning();
    give(world, { kind: 'start', turn: 1 });
    give(world, { kind: 'record', events: [context(1), ...output(1, { calls: isAnswered ? [] : ['call_0'] })] });
    if (!isAnswered) give(world, { kind: 'record', events: [approvalRequest('call_0')] });
    const able = isAnswered ? commands : commands.filter(({ kind }) => kind !== 'complete');
    for (const command of able) give(world, command);
    const ends = of(world.tape, 'status').filter(({ payload }) => isTerminal(payload.to));
    expect(ends.length).toBe(able.some(({ kind }) => !isAnswered || kind !== 'expireApproval') ? 1 : 0);
  });
  fc.assert(property, { numRuns: RUNS });
});

test('no run is stuck: from wherever it got, work and answers bring it to an end', () => {
  const property = fc.property(acts, (list) => {
    const world = beginning();
    for (const act of list) perform(world, act);
    for (let round = 0; round < ROUNDS_TO_THE_END; round += 1) {
      // The model answers without another call, tools succeed, and policy allows.
      workOn(world, [30, 0, 0, 0], []);
      for (const { phase } of world.run ? waitingCalls(world.run.step) : []) {
        give(world, aboutApproval(phase.approvalId, phase.expiresAt <= world.now ? 'expire' : 'allow'));
      }
    }
    const { run } = world;
    expect(run && isTerminal(run.state.status), `ended, and is ${run?.state.status}`).toBe(true);
  });
  fc.assert(property, { numRuns: 200 });
});
