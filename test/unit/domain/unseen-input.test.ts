import { describe, expect, test } from 'vitest';
import type { SequencedEvent } from '../../../src/domain/events.ts';
import { nextStep } from '../../../src/domain/next-step.ts';
import { activeMilliseconds, foldRun } from '../../../src/domain/run.ts';
import { transcript } from '../../../src/domain/transcript.ts';
import { context, inProgress, limits, output, resumption, runId, runOf, showing, steered, tape } from './given.ts';

/** The message was recorded behind what the executor had read, and in front of the context that it then recorded. */
function overtaken(): SequencedEvent[] {
  return tape(inProgress, steered('Wait!'), context(1), output(1, { text: 'Done.' })).map((event) =>
    event.type === 'context' ? ({ ...event, ...showing(event, 2) } as SequencedEvent) : event,
  );
}

describe('a message that comes while a context is put together', () => {
  test('B15: is not taken for seen: the model is asked again', () => {
    const run = foldRun(overtaken());
    if (!run) throw new Error('There is no run.');
    expect(nextStep(run, limits, 0)).toEqual({ kind: 'call-model', step: 2 });
  });

  test('B15: stands behind the answer that did not know it', () => {
    const messages = transcript(overtaken());
    expect(messages.map(({ role, text }) => `${role}: ${text}`).slice(-2)).toEqual(['assistant: Done.', 'user: Wait!']);
  });
});

test('B18: what a client does while the server is down is no work of the run', () => {
  const run = runOf(0, inProgress, 1000, context(1), 3_600_000, steered('Hello?'), 3_600_100, resumption(1));
  expect(activeMilliseconds(run, 3_600_100)).toBe(1000);
  expect(run.runId).toBe(runId);
});
