import { describe, expect, test } from 'vitest';
import { type SequencedMessage, transcript } from '../../../src/domain/transcript.ts';
import {
  answer,
  awaiting,
  called,
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

/** Messages in few words: who, and what. */
const words = (...given: Given[]) =>
  messages(...given).map((message) =>
    message.role === 'tool' ? `${message.callId}: ${message.text}` : `${message.role}: ${message.text}`,
  );

describe('the transcript', () => {
  test('B17: holds both sides', () => {
    const given = [inProgress, context(1), output(1, { text: 'Yes.' }), status('IN_PROGRESS', 'DONE')];
    expect(messages(given)).toEqual([
      { role: 'user', text: 'hello', seq: 1 },
      { role: 'assistant', text: 'Yes.', calls: [], seq: 5 },
    ]);
    expect(messages()).toEqual([]);
  });

  test('pieces of an answer that never came whole are not in it', () => {
    const delta = { type: 'output_delta', actor: 'MODEL', payload: { step: 1, text: 'Ye' } } as const;
    expect(words(inProgress, context(1), delta)).toEqual(['user: hello']);
  });
});

describe('tool results', () => {
  test('B41: stand behind their calls in the order of the model, however they came', () => {
    const given = [called('a', 'b', 'c'), toolResult('c'), toolResult('a'), toolResult('b'), context(2)];
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

  test('B41: the order is that of the answer, not that in which the calls were recorded', () => {
    const [asked] = output(1, { calls: ['a', 'b'] });
    if (!asked) throw new Error('There is an output.');
    expect(words(inProgress, context(1), asked, toolCall('b'), toolCall('a')).slice(2)).toEqual([
      'a: The call was not executed: the run ended before.',
      'b: The call was not executed: the run ended before.',
    ]);
  });

  test('a call without a result says so', () => {
    const given = [called('a', 'b'), toolResult('b'), toolStart('a'), status('IN_PROGRESS', 'CANCELLED')];
    expect(messages(given).slice(2)).toMatchObject([
      { callId: 'a', ok: false, text: 'The call was not executed: the run ended before.', seq: 6 },
      { callId: 'b', ok: true, text: 'result of b' },
    ]);
  });

  test('B35: a failed one is its error', () => {
    const given = [called('a', 'b'), toolResult('a', { ok: false, output: null, error: 'Not permitted.' })];
    expect(messages(given, toolResult('b', { ok: false, output: null })).slice(2)).toMatchObject([
      { callId: 'a', ok: false, text: 'Not permitted.' },
      { callId: 'b', ok: false, text: 'The tool failed.' },
    ]);
  });

  test('text is shown as it is, anything else as JSON', () => {
    const shown = [{ n: [1] }, 'plain "text"', null, ''].map((value) => {
      const message: SequencedMessage | undefined = messages(called('a'), toolResult('a', { output: value })).at(-1);
      return message?.text;
    });
    expect(shown).toEqual(['{"n":[1]}', 'plain "text"', 'null', '']);
  });

  test('results of a person waiting for another stand with their step', () => {
    const given = [awaiting('a', 'b'), answer('a', 'DENIED'), toolResult('a', { ok: false, error: 'No.' })];
    const rest = [answer('b', 'ALLOWED'), status('AWAITING_APPROVAL', 'IN_PROGRESS'), toolStart('b'), toolResult('b')];
    expect(words(given, rest, context(2))).toEqual(['user: hello', 'assistant: ', 'a: No.', 'b: result of b']);
  });
});

describe('B15: a steered message', () => {
  test('B15: before the first call stands behind the input', () => {
    const given = [pending, steered('more'), status('PENDING', 'IN_PROGRESS'), context(1), output(1, { text: 'Yes.' })];
    expect(words(given)).toEqual(['user: hello', 'user: more', 'assistant: Yes.']);
  });

  test('B15: during a call stands behind its answer, before the next one', () => {
    const given = [inProgress, context(1), steered('more'), output(1, { text: 'Yes.' })];
    expect(words(given, context(2), output(2, { text: 'Both.' }))).toEqual([
      'user: hello',
      'assistant: Yes.',
      'user: more',
      'assistant: Both.',
    ]);
  });

  test('B15: during tools never comes between calls and their results', () => {
    const given = [
      called('a', 'b'),
      toolResult('a'),
      steered('more'),
      toolResult('b'),
      steered('and more'),
      context(2),
    ];
    expect(words(given, output(2, { text: 'Yes.' }))).toEqual([
      'user: hello',
      'assistant: ',
      'a: result of a',
      'b: result of b',
      'user: more',
      'user: and more',
      'assistant: Yes.',
    ]);
  });

  test('B15: that no call has seen yet stands last', () => {
    expect(words(called('a'), steered('more'), toolResult('a'))).toEqual([
      'user: hello',
      'assistant: ',
      'a: result of a',
      'user: more',
    ]);
  });

  test('B15: is shown once, also where the call that saw it starts over', () => {
    const given = [inProgress, steered('more'), context(1), resumption(1), context(1), resumption(1, 2), context(1)];
    expect(words(given, output(1, { text: 'Yes.' }))).toEqual(['user: hello', 'user: more', 'assistant: Yes.']);
  });

  test('B15: between two attempts of a call is shown to the second', () => {
    const given = [called('a'), toolResult('a'), context(2), resumption(2), steered('more'), context(2)];
    expect(words(given, output(2, { text: 'Yes.' }))).toEqual([
      'user: hello',
      'assistant: ',
      'a: result of a',
      'user: more',
      'assistant: Yes.',
    ]);
  });
});
