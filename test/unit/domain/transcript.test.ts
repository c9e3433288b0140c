import { describe, expect, test } from 'vitest';
import { type SequencedMessage, transcript } from '../../../src/domain/transcript.ts';
import {
  approvalDecision,
  awaitingApproval,
  callsRequested,
  context,
  type Given,
  inProgress,
  output,
  pending,
  resumption,
  status,
  steered,
  tape,
  toolCall,
  toolResult,
  toolStart,
} from './given.ts';

const messages = (...given: Given[]) => transcript(tape(...given));

/** One short text for each message: its role or call, and its text. */
const summaries = (...given: Given[]) =>
  messages(...given).map((message) =>
    message.role === 'tool' ? `${message.callId}: ${message.text}` : `${message.role}: ${message.text}`,
  );

describe('the transcript', () => {
  test('B17: has messages and answers', () => {
    const given = [inProgress, context(1), output(1, { text: 'Yes.' }), status('IN_PROGRESS', 'DONE')];
    expect(messages(given)).toEqual([
      { role: 'user', text: 'hello', seq: 1 },
      { role: 'assistant', text: 'Yes.', calls: [], seq: 5 },
    ]);
    expect(messages()).toEqual([]);
  });

  test('does not contain the deltas of an unfinished answer', () => {
    const delta = { type: 'output_delta', actor: 'MODEL', payload: { step: 1, text: 'Ye' } } as const;
    expect(summaries(inProgress, context(1), delta)).toEqual(['user: hello']);
  });
});

describe('tool results', () => {
  test("B41: follow the answer in the model's order, in whichever order they were recorded", () => {
    const given = [callsRequested('a', 'b', 'c'), toolResult('c'), toolResult('a'), toolResult('b'), context(2)];
    expect(messages(given, output(2, { text: 'Yes.' }))).toMatchObject([
      { role: 'user' },
      {
        role: 'assistant',
        calls: [
          { callId: 'a', tool: 'tool_a', input: { of: 'a' } },
          { callId: 'b', tool: 'tool_b', input: { of: 'b' } },
          { callId: 'c', tool: 'tool_c', input: { of: 'c' } },
        ],
      },
      { role: 'tool', callId: 'a', tool: 'tool_a', ok: true, text: 'result of a', seq: 10 },
      { role: 'tool', callId: 'b', tool: 'tool_b', ok: true, text: 'result of b', seq: 11 },
      { role: 'tool', callId: 'c', tool: 'tool_c', ok: true, text: 'result of c', seq: 9 },
      { role: 'assistant', text: 'Yes.', calls: [] },
    ]);
  });

  test('B41: have the order of the answer, not that in which the calls were recorded', () => {
    const [answer] = output(1, { calls: ['a', 'b'] });
    if (!answer) throw new Error('There is no output.');
    expect(summaries(inProgress, context(1), answer, toolCall('b'), toolCall('a')).slice(2)).toEqual([
      'a: The call was not executed: the run ended before.',
      'b: The call was not executed: the run ended before.',
    ]);
  });

  test('say so if a call has none', () => {
    const given = [callsRequested('a', 'b'), toolResult('b'), toolStart('a'), status('IN_PROGRESS', 'CANCELLED')];
    expect(messages(given).slice(2)).toMatchObject([
      { callId: 'a', ok: false, text: 'The call was not executed: the run ended before.', seq: 6 },
      { callId: 'b', ok: true, text: 'result of b' },
    ]);
  });

  test('B35: are the error if the call failed', () => {
    const given = [callsRequested('a', 'b'), toolResult('a', { ok: false, output: null, error: 'Not permitted.' })];
    expect(messages(given, toolResult('b', { ok: false, output: null })).slice(2)).toMatchObject([
      { callId: 'a', ok: false, text: 'Not permitted.' },
      { callId: 'b', ok: false, text: 'The tool failed.' },
    ]);
  });

  test('follow an answer that names the size of its text if only the beginning is on the tape', () => {
    const given = [inProgress, context(1), output(1, { text: 'Once', storedBytes: 300_000 })];
    expect(messages(given)[1]).toMatchObject({ text: 'Once\n[The answer continues: 300000 bytes in total.]' });
  });

  test('are text as it is, and anything else as JSON', () => {
    const shown = [{ n: [1] }, 'plain "text"', null, ''].map((value) => {
      const message: SequencedMessage | undefined = messages(
        callsRequested('a'),
        toolResult('a', { output: value }),
      ).at(-1);
      return message?.text;
    });
    expect(shown).toEqual(['{"n":[1]}', 'plain "text"', 'null', '']);
  });

  test('stay with their step while other calls wait for approval', () => {
    const given = [
      awaitingApproval('a', 'b'),
      approvalDecision('a', 'DENIED'),
      toolResult('a', { ok: false, error: 'No.' }),
    ];
    const rest = [
      approvalDecision('b', 'ALLOWED'),
      status('AWAITING_APPROVAL', 'IN_PROGRESS'),
      toolStart('b'),
      toolResult('b'),
    ];
    expect(summaries(given, rest, context(2))).toEqual(['user: hello', 'assistant: ', 'a: No.', 'b: result of b']);
  });
});

describe('B15: a steered message', () => {
  test('B15: before the first model call follows the input', () => {
    const given = [pending, steered('more'), status('PENDING', 'IN_PROGRESS'), context(1), output(1, { text: 'Yes.' })];
    expect(summaries(given)).toEqual(['user: hello', 'user: more', 'assistant: Yes.']);
  });

  test('B15: during a model call follows its answer', () => {
    const given = [inProgress, context(1), steered('more'), output(1, { text: 'Yes.' })];
    expect(summaries(given, context(2), output(2, { text: 'Both.' }))).toEqual([
      'user: hello',
      'assistant: Yes.',
      'user: more',
      'assistant: Both.',
    ]);
  });

  test('B15: during tool calls follows their results', () => {
    const given = [
      callsRequested('a', 'b'),
      toolResult('a'),
      steered('more'),
      toolResult('b'),
      steered('and more'),
      context(2),
    ];
    expect(summaries(given, output(2, { text: 'Yes.' }))).toEqual([
      'user: hello',
      'assistant: ',
      'a: result of a',
      'b: result of b',
      'user: more',
      'user: and more',
      'assistant: Yes.',
    ]);
  });

  test('B15: that no model call has seen comes last', () => {
    expect(summaries(callsRequested('a'), steered('more'), toolResult('a'))).toEqual([
      'user: hello',
      'assistant: ',
      'a: result of a',
      'user: more',
    ]);
  });

  test('B15: appears once, even if the model call that saw it starts over', () => {
    const given = [inProgress, steered('more'), context(1), resumption(1), context(1), resumption(1, 2), context(1)];
    expect(summaries(given, output(1, { text: 'Yes.' }))).toEqual(['user: hello', 'user: more', 'assistant: Yes.']);
  });

  test('B15: between two attempts of a model call is seen by the second', () => {
    const given = [callsRequested('a'), toolResult('a'), context(2), resumption(2), steered('more'), context(2)];
    expect(summaries(given, output(2, { text: 'Yes.' }))).toEqual([
      'user: hello',
      'assistant: ',
      'a: result of a',
      'user: more',
      'assistant: Yes.',
    ]);
  });
});
