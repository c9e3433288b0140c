import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ApprovalVerdict, type BudgetVerdict, decide, type RunCommand } from '../../src/domain/decide.ts';
import type { NewEvent, SequencedEvent, SequencedEventOf } from '../../src/domain/events.ts';
import { failedResult } from '../../src/domain/failed-result.ts';
import { nextStep } from '../../src/domain/next-step.ts';
import { isRefusal } from '../../src/domain/refusal.ts';
import { activeMilliseconds, evolve, foldRun, type Run, sequenceEvents } from '../../src/domain/run.ts';
import { callsOf, type ToolCall, waitingCalls } from '../../src/domain/step.ts';
import { toolCallEventTypes, toolCallsOf } from '../../src/domain/tool-calls.ts';
import { isTerminal, runStatuses } from '../../src/domain/transitions.ts';
import { openWaits } from '../../src/domain/wait.ts';
import {
  approvalRequest,
  budgetRequest,
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

/** A command from outside, at any time. `which` selects an approval or a budget request, which may be settled or unknown. */
type ExternalAction =
  | { kind: 'steer' | 'cancel' | 'fail' | 'start' | 'send' | 'complete' | 'requestApproval' | 'late-result' }
  | { kind: 'allow' | 'deny' | 'expire' | 'expire-fail' | 'report'; which: number };

type Action =
  | { kind: 'wait'; milliseconds: number }
  | ExternalAction
  /** The executor performs the next step. `meanwhile` happens after it read the run and before it records. */
  | { kind: 'work'; choices: number[]; meanwhile: ExternalAction[] };

const common = fc.oneof<fc.Arbitrary<ExternalAction>[]>(
  fc.record({ kind: fc.constantFrom('allow', 'deny', 'expire'), which: fc.nat(3) }),
  fc.constant({ kind: 'steer' }),
  fc.record({ kind: fc.constant('report'), which: fc.nat(3) }),
);
const rare = fc.oneof<fc.Arbitrary<ExternalAction>[]>(
  fc.record({ kind: fc.constantFrom('cancel', 'fail', 'start', 'send', 'complete', 'requestApproval', 'late-result') }),
  fc.record({ kind: fc.constant('expire-fail'), which: fc.nat(3) }),
);
const external: fc.Arbitrary<ExternalAction> = fc.oneof(
  { arbitrary: common, weight: 12 },
  { arbitrary: rare, weight: 1 },
);
const work: fc.Arbitrary<Action> = fc.record({
  kind: fc.constant('work'),
  choices: fc.array(fc.nat(99), { minLength: 4, maxLength: 4 }),
  meanwhile: fc.oneof(
    { arbitrary: fc.constant<ExternalAction[]>([]), weight: 4 },
    { arbitrary: fc.array(external, { maxLength: 2 }), weight: 1 },
  ),
});
const wait: fc.Arbitrary<Action> = fc.record({ kind: fc.constant('wait'), milliseconds: fc.nat(3000) });
const actions = fc.array(
  fc.oneof({ arbitrary: work, weight: 12 }, { arbitrary: external, weight: 4 }, { arbitrary: wait, weight: 1 }),
  { maxLength: 60, size: 'max' },
);

interface Simulation {
  run: Run | null;
  tape: SequencedEvent[];
  now: number;
}

/** Decides and applies a command, and checks the result. */
function execute(simulation: Simulation, given: RunCommand): void {
  const before = simulation.run;
  const head = before?.head ?? 0;
  const command =
    given.kind === 'record' ? { ...given, events: given.events.map((event) => showing(event, head)) } : given;
  const decision = decide(before, command, simulation.now);
  expect(decide(before, command, simulation.now)).toEqual(decision);
  if (isRefusal(decision)) return;
  const events = sequenceEvents(
    before,
    { runId, now: simulation.now, epoch: command.kind === 'record' ? 1 : null },
    decision.events,
  );
  const after = events.reduce<Run | null>((run, event) => frozen(evolve(run, event)), before);
  simulation.run = after;
  simulation.tape.push(...events);
  const statuses = events.filter((event) => event.type === 'status').map(({ payload: { from, to } }) => ({ from, to }));
  const from = before?.state.status ?? null;
  const to = after?.state.status ?? null;
  expect(statuses, 'each transition has one status event, in the same decision').toEqual(
    from === to ? [] : [{ from, to }],
  );
  if (from === 'AWAITING_APPROVAL' && to === 'IN_PROGRESS' && after) {
    expect(openWaits(after), 'the last decision resumes').toEqual([]);
  }
  if (before && isTerminal(before.state.status)) expect(events, 'no event follows a terminal status').toEqual([]);
  if (after) assertInvariants(after, simulation);
}

/** Freezes a fold, so that changing it throws. */
function frozen<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(frozen);
  }
  return value;
}

/** Checks every invariant that a tape and its fold can show. */
function assertInvariants(run: Run, { tape, now }: Simulation): void {
  expect(foldRun(tape), 'folding the whole tape gives the same run').toEqual(run);
  expect(tape.map(({ seq }) => seq)).toEqual(tape.map((_, index) => index + 1));
  expect(tape.every(({ recordedAt }, index) => recordedAt >= (tape[index - 1]?.recordedAt ?? 0))).toBe(true);
  expect(tape.slice(0, 2).map(({ type }) => type)).toEqual(['input', 'status']);
  assertStatuses(tape);
  assertOutputs(run, of(tape, 'output'));
  assertCalls(run, tape);
  assertApprovals(run, tape);
  assertBudgets(run, tape);
  assertToolCalls(run, tape);
  const activeTime = activeMilliseconds(run, now);
  expect(activeTime).toBeGreaterThanOrEqual(0);
  expect(activeTime).toBeLessThanOrEqual(Math.max(now, run.lastEventAt) - (run.startedAt ?? now));
}

function of<Type extends SequencedEvent['type']>(tape: SequencedEvent[], type: Type): SequencedEventOf<Type>[] {
  return tape.filter((event): event is SequencedEventOf<Type> => event.type === type);
}

function assertStatuses(tape: SequencedEvent[]): void {
  const statuses = of(tape, 'status').map(({ payload }) => payload);
  expect(statuses.map(({ from }) => from)).toEqual([null, ...statuses.slice(0, -1).map(({ to }) => to)]);
  const end = tape.findIndex((event) => event.type === 'status' && isTerminal(event.payload.to));
  expect(end === -1 || end === tape.length - 1, 'there is one terminal status, and it is last').toBe(true);
}

function assertOutputs(run: Run, outputs: SequencedEventOf<'output'>[]): void {
  const sum = (amount: (usage: SequencedEventOf<'output'>['payload']['usage']) => number) =>
    outputs.reduce((total, { payload }) => total + amount(payload.usage), 0);
  expect(run.steps).toBe(outputs.length);
  expect(run.usage.inputTokens).toBe(sum(({ input }) => input));
  expect(run.usage.outputTokens).toBe(sum(({ output }) => output));
  expect(run.usage.cost ?? 0).toBe(sum(({ cost }) => cost ?? 0));
  expect(run.usage.estimated).toBe(outputs.some(({ payload }) => payload.usage.estimated));
  if (run.state.status !== 'DONE') return;
  expect(run.state.output).toBe(outputs.at(-1)?.payload.text);
  expect(run.unseenInputs, 'B15: every message was seen').toEqual([]);
}

function assertCalls(run: Run, tape: SequencedEvent[]): void {
  const results = of(tape, 'tool_result').map(({ payload }) => payload.callId);
  const requested = of(tape, 'tool_call').map(({ payload }) => payload.callId);
  expect(new Set(results).size, 'no call has two results').toBe(results.length);
  expect(run.toolCalls).toBe(requested.length);
  const before = (seq: number, callId: string) =>
    tape.filter((event) => event.seq < seq && 'callId' in event.payload && event.payload.callId === callId);
  for (const { payload, seq } of of(tape, 'tool_progress')) {
    const earlier = before(seq, payload.callId).map(({ type }) => type);
    expect(earlier, 'progress follows the start of the call').toContain('tool_start');
    expect(earlier, 'no progress follows the result').not.toContain('tool_result');
  }
  if (run.state.status === 'DONE') expect(results.toSorted(), 'every call has a result').toEqual(requested.toSorted());
  for (const { payload, seq } of of(tape, 'tool_start')) {
    const earlier = before(seq, payload.callId);
    expect(earlier.some(allows), 'only allowed calls start').toBe(true);
    expect(
      earlier.some(({ type }) => type === 'tool_result'),
      'no call starts after its result',
    ).toBe(false);
    expect(payload.attempt).toBe(of(earlier, 'tool_start').length + 1);
  }
}

/** The states of the tool calls agree with the fold of the run and with the events of each call. */
function assertToolCalls(run: Run, tape: SequencedEvent[]): void {
  const calls = toolCallsOf(tape);
  expect(calls.map(({ callId }) => callId)).toEqual(of(tape, 'tool_call').map(({ payload }) => payload.callId));
  expect(toolCallsOf(tape.filter(({ type }) => toolCallEventTypes.includes(type)))).toEqual(calls);
  const results = new Map(of(tape, 'tool_result').map(({ payload }) => [payload.callId, payload]));
  const open = new Map(callsOf(run.step).map((call) => [call.callId, call.phase.at]));
  const isEnded = isTerminal(run.state.status);
  for (const { callId, state, attempts, waits, endedAt, output: given, error } of calls) {
    const result = results.get(callId);
    expect(attempts).toBe(of(tape, 'tool_start').filter(({ payload }) => payload.callId === callId).length);
    expect(waits.map(({ id }) => id)).toEqual(
      of(tape, 'approval_request').flatMap(({ payload }) => (payload.callId === callId ? payload.approvalId : [])),
    );
    expect(endedAt === null, 'a call ends with its result or with the run').toBe(!result && !isEnded);
    expect([given, error]).toEqual(result ? [result.ok ? result.output : null, result.error] : [null, null]);
    if (result) expect(result.ok ? ['SUCCEEDED'] : ['FAILED', 'DENIED']).toContain(state);
    else if (isEnded) expect(['CANCELLED', 'DENIED']).toContain(state);
    else expect(state).toBe(stateOfPhase[open.get(callId) ?? 'settled']);
  }
}

const stateOfPhase = {
  requested: 'REQUESTED',
  allowed: 'REQUESTED',
  waiting: 'WAITING',
  delegated: 'WAITING',
  started: 'RUNNING',
  asking: 'WAITING',
  settled: 'DENIED',
} as const;

function allows(event: SequencedEvent): boolean {
  return (
    (event.type === 'tool_decision' && event.payload.effect === 'ALLOW') ||
    (event.type === 'approval_decision' && event.payload.status === 'ALLOWED')
  );
}

function assertApprovals(run: Run, tape: SequencedEvent[]): void {
  const requests = of(tape, 'approval_request').map(({ payload }) => payload);
  const decisions = of(tape, 'approval_decision');
  for (const { actor, recordedAt, payload } of decisions) {
    const request = requests.find(({ approvalId }) => approvalId === payload.approvalId);
    if (actor === 'USER')
      expect(recordedAt, 'B40: no approval is decided after its expiry').toBeLessThan(request?.expiresAt ?? 0);
  }
  const requested = requests.map(({ approvalId }) => approvalId);
  const settled = decisions.map(({ payload }) => payload.approvalId);
  expect(new Set(settled).size, 'no approval is settled twice').toBe(settled.length);
  const open = waitingCalls(run.step).map(({ phase }) => phase.approvalId);
  expect(open.toSorted(), 'the open approvals are those without a decision').toEqual(
    requested.filter((approvalId) => !settled.includes(approvalId)).toSorted(),
  );
  const { status } = run.state;
  if (isTerminal(status)) expect(open, 'a terminal run has no open approval').toEqual([]);
  if (status === 'AWAITING_APPROVAL') {
    expect(openWaits(run).length, 'a waiting run has an open wait').toBeGreaterThan(0);
    expect(callsOf(run.step).filter(({ phase }) => phase.at === 'started' || phase.at === 'requested')).toEqual([]);
  }
}

function assertBudgets(run: Run, tape: SequencedEvent[]): void {
  const requests = of(tape, 'wait_request').map(({ payload }) => payload);
  const settled = of(tape, 'wait_settled');
  const ids = settled.map(({ payload }) => payload.waitId);
  expect(new Set(ids).size, 'no budget request is settled twice').toBe(ids.length);
  const open = requests.filter(({ waitId }) => !ids.includes(waitId)).map(({ waitId }) => waitId);
  expect(run.budgetWait ? [run.budgetWait.waitId] : [], 'the open request is the one without a decision').toEqual(open);
  if (isTerminal(run.state.status)) expect(open, 'a terminal run has no open request').toEqual([]);
  const granted: Record<string, number> = {};
  for (const { actor, recordedAt, payload } of settled) {
    const request = requests.find(({ waitId }) => waitId === payload.waitId);
    if (actor === 'USER') expect(recordedAt, 'no request is decided late').toBeLessThan(request?.expiresAt ?? 0);
    const id = request?.budget?.increases ?? '';
    if (payload.outcome === 'ALLOWED') granted[id] = (granted[id] ?? 0) + (payload.granted ?? 0);
    else expect(isTerminal(run.state.status), 'a run whose budget nobody raised ends').toBe(true);
  }
  expect(run.budgetIncreases).toEqual(granted);
}

/** The command of an external action; null if only a defective executor would give it. */
function externalCommand({ run, tape }: Simulation, action: ExternalAction): RunCommand | null {
  const isInProgress = run?.state.status === 'IN_PROGRESS';
  switch (action.kind) {
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
      return isInProgress ? null : { kind: action.kind };
    case 'late-result':
      return isInProgress ? null : { kind: 'record', events: [toolResult('call_0')] };
    case 'report': {
      const callId = of(tape, 'tool_call').at(-1 - action.which)?.payload.callId ?? 'call_unknown';
      return { kind: 'report', payload: toolProgress(callId).payload };
    }
    default: {
      const requested = tape.flatMap(({ type, payload }) => {
        if (type === 'approval_request') return [payload.approvalId];
        return type === 'wait_request' ? [payload.waitId] : [];
      });
      return decisionCommand(requested.at(-1 - action.which) ?? 'apr_unknown', action.kind);
    }
  }
}

/** The decision about an approval or a budget request. */
function decisionCommand(id: string, kind: 'allow' | 'deny' | 'expire' | 'expire-fail'): RunCommand {
  if (kind === 'expire' || kind === 'expire-fail') {
    return { kind: 'expireWait', waitId: id, onExpiry: kind === 'expire' ? 'deny' : 'fail' };
  }
  if (id.startsWith('bud_')) {
    const verdict: BudgetVerdict =
      kind === 'deny'
        ? { decision: 'DENY', by: 'eve', reason: null }
        : { decision: 'ALLOW', by: 'eve', increase: id.length % 2 === 0 ? 7 : null, reason: null };
    return { kind: 'decideBudget', waitId: id, verdict };
  }
  const verdict: ApprovalVerdict =
    kind === 'deny'
      ? { decision: 'DENY', by: 'ada', reason: null }
      : { decision: 'ALLOW', by: 'ada', scope: 'ONCE', grant: null, editedInput: { edited: true }, reason: null };
  return { kind: 'decideApproval', approvalId: id, verdict };
}

/** The command that a correct executor could give; null if there is nothing to do. */
function executorCommand(run: Run, now: number, choices: number[]): RunCommand | null {
  const [choice = 0] = choices;
  const record = (...events: NewEvent[]): RunCommand => ({ kind: 'record', events });
  const next = nextStep(run, limits, activeMilliseconds(run, now));
  switch (next.kind) {
    case 'start':
      return { kind: 'start', turn: 1 };
    case 'transition':
      return next.command;
    case 'call-model':
      // The same budget is asked for again, or that of the next period.
      if (choice >= 80 && choice < 90) {
        const more = { waitId: `bud_${run.head}`, expiresAt: now + EXPIRY_MILLISECONDS };
        return record(budgetRequest({ increases: `period ${choice % 2}` }, more));
      }
      return run.step.at === 'calling' ? record(...modelAnswer(run, next.step, choices)) : record(context(next.step));
    case 'evaluate-policy':
      return record(...next.calls.flatMap((call, index) => policyEvents(run, call, index, now, choices)));
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

function policyEvents(run: Run, call: ToolCall, index: number, now: number, choices: number[]): NewEvent[] {
  const choice = choices[index] ?? 0;
  if (choice < 35) return [toolDecision(call.callId, 'ALLOW')];
  if (choice < 80) return [toolDecision(call.callId, 'ASK'), approvalRequestOf(run, call, index, now, 'policy')];
  return choice < 90
    ? [toolDecision(call.callId, 'DENY'), failedResult(call, 'Not permitted.')]
    : [failedResult(call, 'The input is invalid.')];
}

/** A started call gets a result, or its executor is lost: then it starts again, or an approval is requested. */
function toolOutcome(run: Run, call: ToolCall, now: number, choice: number): NewEvent[] {
  if (choice < 80) return [toolResult(call.callId, { ok: choice % 2 === 0 })];
  const lost = resumption(Math.max(1, run.steps), run.resumptionsWithoutProgress + 1);
  return choice < 90
    ? [lost, toolStart(call.callId, call.attempts + 1)]
    : [lost, approvalRequestOf(run, call, 0, now, 'unknown_outcome')];
}

function approvalRequestOf(
  run: Run,
  { callId }: ToolCall,
  index: number,
  now: number,
  why: 'policy' | 'unknown_outcome',
): NewEvent {
  return approvalRequest(callId, { approvalId: `apr_${run.head}_${index}`, expiresAt: now + EXPIRY_MILLISECONDS, why });
}

function perform(simulation: Simulation, action: Action): void {
  if (action.kind === 'wait') {
    simulation.now += action.milliseconds;
  } else if (action.kind === 'work') {
    performStep(simulation, action.choices, action.meanwhile);
  } else {
    const command = externalCommand(simulation, action);
    if (command) execute(simulation, command);
  }
}

function performStep(simulation: Simulation, choices: number[], meanwhile: ExternalAction[]): void {
  const command = simulation.run && executorCommand(simulation.run, simulation.now, choices);
  if (!command) return;
  if (command.kind === 'record') for (const action of meanwhile) perform(simulation, action);
  execute(simulation, command);
  // A transition that follows is recorded in the same append.
  const next = simulation.run && nextStep(simulation.run, limits, activeMilliseconds(simulation.run, simulation.now));
  if (next?.kind === 'transition') execute(simulation, next.command);
}

function newSimulation(): Simulation {
  const simulation: Simulation = { run: null, tape: [], now: 0 };
  execute(simulation, { kind: 'send', text: 'hello', idempotencyKey: null, origin });
  return simulation;
}

test('B13: the invariants hold after any sequence of commands', () => {
  const reached = new Set<string>();
  const property = fc.property(actions, (list) => {
    const simulation = newSimulation();
    for (const action of list) {
      perform(simulation, action);
      reached.add(simulation.run?.state.status ?? 'nothing');
    }
    for (const { type } of simulation.tape) reached.add(type);
  });
  fc.assert(property, { numRuns: RUNS });
  // Otherwise the property would not have been tested.
  expect(runStatuses.filter((status) => !reached.has(status))).toEqual([]);
  expect([...reached]).toEqual(
    expect.arrayContaining([
      'resumption',
      'tool_start',
      'tool_progress',
      'approval_decision',
      'wait_settled',
      'tool_result',
    ]),
  );
});

test('B13: of several commands that end a run, exactly one succeeds', () => {
  const endCommands = fc.shuffledSubarray<RunCommand>(
    [
      { kind: 'complete' },
      { kind: 'fail', error: failure },
      { kind: 'cancel', reason: 'first' },
      { kind: 'cancel', reason: 'second' },
      { kind: 'expireWait', waitId: 'apr_call_0', onExpiry: 'fail' },
    ],
    { minLength: 2 },
  );
  const property = fc.property(endCommands, fc.boolean(), (commands, isAnswered) => {
    const simulation = newSimulation();
    execute(simulation, { kind: 'start', turn: 1 });
    execute(simulation, {
      kind: 'record',
      events: [context(1), ...output(1, { calls: isAnswered ? [] : ['call_0'] })],
    });
    if (!isAnswered) execute(simulation, { kind: 'record', events: [approvalRequest('call_0')] });
    const possible = isAnswered ? commands : commands.filter(({ kind }) => kind !== 'complete');
    for (const command of possible) execute(simulation, command);
    const ends = of(simulation.tape, 'status').filter(({ payload }) => isTerminal(payload.to));
    expect(ends.length).toBe(possible.some(({ kind }) => !isAnswered || kind !== 'expireWait') ? 1 : 0);
  });
  fc.assert(property, { numRuns: RUNS });
});

test('no run is stuck: from any state, steps and decisions bring it to a terminal status', () => {
  const property = fc.property(actions, (list) => {
    const simulation = newSimulation();
    for (const action of list) perform(simulation, action);
    for (let round = 0; round < ROUNDS_TO_THE_END; round += 1) {
      // The model answers without tool calls, tools succeed, and the policy allows.
      performStep(simulation, [30, 0, 0, 0], []);
      for (const { id, expiresAt } of simulation.run ? openWaits(simulation.run) : []) {
        execute(simulation, decisionCommand(id, expiresAt <= simulation.now ? 'expire' : 'allow'));
      }
    }
    const { run } = simulation;
    expect(run && isTerminal(run.state.status), `the status is terminal, not ${run?.state.status}`).toBe(true);
  });
  fc.assert(property, { numRuns: 200 });
});
