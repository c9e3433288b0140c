import { expect, test } from 'vitest';
import { lastShown, type NewEvent } from '../../../src/domain/events.ts';
import { transcript } from '../../../src/domain/transcript.ts';
import {
  approvalDecision,
  callsRequested,
  context,
  type Given,
  inProgress,
  output,
  tape,
  toolCall,
  toolResult,
} from './given.ts';

const messages = (...given: Given[]) => transcript(tape(...given));

test('the model is told that a person changed the input of a call', () => {
  const given = [callsRequested('a', 'b'), approvalDecision('a', 'ALLOWED', { n: 1 }), toolResult('a')];
  expect(messages(given, toolResult('b')).slice(-2)).toMatchObject([
    { callId: 'a', text: 'A person changed the input to {"n":1}.\nresult of a' },
    { callId: 'b', text: 'result of b' },
  ]);
});

test('the model is told nothing about an approval that changed nothing', () => {
  const given = [callsRequested('a'), approvalDecision('a', 'ALLOWED', null), toolResult('a')];
  expect(messages(given).at(-1)).toMatchObject({ text: 'result of a' });
});

test("a provider's data is kept with its answer and its model, and only if there is some", () => {
  const [answer] = output(1, { text: 'Yes.' });
  if (answer?.type !== 'output') throw new Error('There is no output.');
  const withState: NewEvent = { ...answer, payload: { ...answer.payload, providerState: { signature: 'x' } } };
  expect(messages(inProgress, context(1), withState).at(-1)).toEqual({
    role: 'assistant',
    text: 'Yes.',
    calls: [],
    kept: { model: 'scripted', state: { signature: 'x' } },
    seq: 5,
  });
  expect(messages(inProgress, context(1), answer).at(-1)).not.toHaveProperty('kept');
});

test('a call, an edited input and a result without an answer are no messages', () => {
  const given = [inProgress, toolCall('a'), approvalDecision('a', 'ALLOWED', { n: 1 }), toolResult('a')];
  expect(messages(given)).toEqual([{ role: 'user', text: 'hello', seq: 1 }]);
});

test('a call that the tape lacks is not in the answer that requested it', () => {
  const [answer] = output(1, { calls: ['a'] });
  if (!answer) throw new Error('There is no output.');
  expect(messages(inProgress, context(1), answer).slice(1)).toMatchObject([{ role: 'assistant', calls: [] }]);
});

test('a context that ends with an event of another run has shown no event of its own run', () => {
  const elsewhere = { runId: 'run_0', seq: 9 };
  const [event] = tape(context(1));
  if (event?.type !== 'context') throw new Error('There is no context.');
  const shownUpTo = (to: { runId: string; seq: number }) =>
    lastShown({ ...event, payload: { ...event.payload, shown: { from: elsewhere, to, messages: 1 } } });
  expect(shownUpTo(elsewhere)).toBe(0);
  expect(shownUpTo({ runId: event.runId, seq: 4 })).toBe(4);
});
