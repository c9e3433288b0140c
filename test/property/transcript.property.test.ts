import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { SequencedEvent, SequencedEventOf } from '../../src/domain/events.ts';
import { type SequencedMessage, transcript } from '../../src/domain/transcript.ts';
import {
  approvalDecision,
  approvalRequest,
  context,
  type Given,
  inProgress,
  output,
  resumption,
  steered,
  tape,
  toolDecision,
  toolResult,
  toolStart,
} from '../unit/domain/given.ts';

const RUNS = 500;

/** One model call and its tool calls. */
interface Step {
  calls: number;
  /** Determines the order of the results. */
  order: number[];
  /** Number of calls without a result. */
  missing: number;
  /** How often the model call was interrupted. */
  interrupted: number;
  /** Number of steered messages before the model call, during it, and between the tool calls. */
  messages: [number, number, number];
  /** Whether the tool calls need an approval. */
  needsApproval: boolean;
}

const few = fc.nat(2);
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    calls: fc.nat(4),
    order: fc.array(fc.nat(), { minLength: 4, maxLength: 4 }),
    missing: fc.oneof({ arbitrary: fc.constant(0), weight: 3 }, { arbitrary: fc.nat(4), weight: 1 }),
    interrupted: fc.oneof({ arbitrary: fc.constant(0), weight: 2 }, { arbitrary: few, weight: 1 }),
    messages: fc.tuple(few, few, few),
    needsApproval: fc.boolean(),
  }),
  { maxLength: 6 },
);

function tapeFrom(list: Step[]): SequencedEvent[] {
  let steers = 0;
  const steer = (count: number): Given =>
    Array.from({ length: count }, () => {
      steers += 1;
      return steered(`message ${steers}`);
    });
  return tape(
    inProgress,
    list.map((step, index) => stepOf(step, index + 1, steer)),
  );
}

function stepOf(
  { calls, order, missing, interrupted, messages, needsApproval }: Step,
  step: number,
  steer: (count: number) => Given,
) {
  const [before, during, between] = messages;
  const callIds = Array.from({ length: calls }, (_, index) => `${step}.${index}`);
  const settled = [...callIds.keys()]
    .sort((a, b) => (order[a] ?? 0) - (order[b] ?? 0))
    .slice(0, Math.max(0, calls - missing))
    .map((index) => `${step}.${index}`);
  const resumptions = Array.from({ length: interrupted }, (_, index) => [resumption(step, index + 1), context(step)]);
  const decisions = callIds.map((callId) =>
    needsApproval
      ? [toolDecision(callId, 'ASK'), approvalRequest(callId), approvalDecision(callId, 'ALLOWED')]
      : toolDecision(callId, 'ALLOW'),
  );
  const [first, ...others] = settled.map((callId) => [toolStart(callId), toolResult(callId)]);
  return [
    steer(before),
    context(step),
    resumptions,
    steer(during),
    output(step, { text: `answer ${step}`, calls: callIds }),
    decisions,
    first ?? [],
    steer(between),
    others,
  ];
}

/** A reader can see any beginning of a tape. */
const anyTape = fc.tuple(steps, fc.nat(200)).map(([list, cut]) => tapeFrom(list).slice(0, Math.max(1, cut)));

function of<Type extends SequencedEvent['type']>(events: SequencedEvent[], type: Type): SequencedEventOf<Type>[] {
  return events.filter((event): event is SequencedEventOf<Type> => event.type === type);
}

function check(name: string, assertProperty: (messages: SequencedMessage[], events: SequencedEvent[]) => void): void {
  test(name, () => {
    const property = fc.property(anyTape, (events) => assertProperty(transcript(events), events));
    fc.assert(property, { numRuns: RUNS });
  });
}

check("B41: results directly follow the answer that requested them, in the model's order", (messages, events) => {
  for (const { payload } of of(events, 'output')) {
    const recorded = new Set(of(events, 'tool_call').map((call) => call.payload.callId));
    const callIds = payload.toolCalls.filter((callId) => recorded.has(callId));
    const index = messages.findIndex(({ role, text }) => role === 'assistant' && text === payload.text);
    const message = messages[index];
    expect(message?.role === 'assistant' && message.calls.map(({ callId }) => callId)).toEqual(callIds);
    const results = messages.slice(index + 1, index + 1 + callIds.length);
    expect(results.map((result) => result.role === 'tool' && result.callId)).toEqual(callIds);
    expect(messages[index + 1 + callIds.length]?.role).not.toBe('tool');
  }
});

check('B41: every call has one result: its own, or one that says there is none', (messages, events) => {
  const results = new Map(of(events, 'tool_result').map(({ payload }) => [payload.callId, payload]));
  const toolMessages = messages.filter((message) => message.role === 'tool');
  expect(toolMessages.map(({ callId }) => callId).toSorted()).toEqual(
    of(events, 'tool_call')
      .map(({ payload }) => payload.callId)
      .toSorted(),
  );
  for (const { callId, ok, text } of toolMessages) {
    expect([ok, text]).toEqual(
      results.has(callId) ? [true, `result of ${callId}`] : [false, 'The call was not executed: the run ended before.'],
    );
  }
});

check('B15: every message appears exactly once, before the first answer that could see it', (messages, events) => {
  const inputs = of(events, 'input');
  const users = messages.filter(({ role }) => role === 'user').map(({ text }) => text);
  expect(users).toEqual(inputs.map(({ payload }) => payload.text));
  for (const { seq, payload } of inputs) {
    const position = messages.findIndex(({ role, text }) => role === 'user' && text === payload.text);
    const seenAt = payload.steered ? events.find((event) => event.type === 'context' && event.seq > seq)?.seq : seq;
    for (const [index, message] of messages.entries()) {
      if (message.role === 'assistant') expect(index < position).toBe(seenAt === undefined || message.seq < seenAt);
    }
  }
});

check('B17: every answer appears once, in the order of the tape', (messages, events) => {
  const answers = messages.filter(({ role }) => role === 'assistant').map(({ seq }) => seq);
  expect(answers).toEqual(of(events, 'output').map(({ seq }) => seq));
});

test('a further step does not change the messages before it', () => {
  const property = fc.property(steps, (list) => {
    const events = tapeFrom(list);
    const before = transcript(events);
    const next = { recordedAt: 0, runId: 'run_1', epoch: 1, seq: events.length + 1 };
    const after = transcript([...events, { ...context(list.length + 1), ...next }]);
    expect(after).toEqual(before);
  });
  fc.assert(property, { numRuns: RUNS });
});

test('transcript accepts any beginning of a tape, and events in any order', () => {
  const property = fc.property(steps, fc.infiniteStream(fc.nat()), (list, picks) => {
    const events = tapeFrom(list);
    for (let cut = 0; cut <= events.length; cut += 1) expect(() => transcript(events.slice(0, cut))).not.toThrow();
    const keys = new Map(events.map(({ seq }) => [seq, picks.next().value ?? 0]));
    const shuffled = events.toSorted((a, b) => (keys.get(a.seq) ?? 0) - (keys.get(b.seq) ?? 0));
    expect(() => transcript(shuffled)).not.toThrow();
  });
  fc.assert(property, { numRuns: 100 });
});
