import { describe, expect, test } from 'vitest';
import type { SequencedEvent } from '../../../src/domain/events.ts';
import { nextStep } from '../../../src/domain/next-step.ts';
import { activeMilliseconds, foldRun } from '../../../src/domain/run.ts';
import { transcript } from '../../../src/domain/transcript.ts';
import { context, inProgress, limits, output, resumption, runId, runOf, showing, steered, tape } from './given.ts';

/** The message was recorded after the executor read the tape, and before it recorded the context. */
function tapeWithRace(): SequencedEvent[] {
  return tape(inProgress, steered('Wait!'), context(1), output(1, { text: 'Done.' })).map((event) =>
    event.type === 'context' ? ({ ...event, ...showing(event, 2) } as SequencedEvent) : event,
  );
}

describe('a message that is recorded while a context is assembled', () => {
  test('B15: does not count as seen, and requires another model call', () => {
    const run = foldRun(tapeWithRace());
    if (!run) throw new Error('The events do not begin a run.');
    expect(nextStep(run, limits, 0)).toEqual({ kind: 'call-model', step: 2 });
  });

  test('B15: follows the answer that did not see it', () => {
    const messages = transcript(tapeWithRace());
    expect(messages.map(({ role, text }) => `${role}: ${text}`).slice(-2)).toEqual(['assistant: Done.', 'user: Wait!']);
  });
});

test('B18: a message during downtime does not count as work', () => {
  const run = runOf(0, inProgress, 1000, context(1), 3_600_000, steered('Hello?'), 3_600_100, resumption(1));
  expect(activeMilliseconds(run, 3_600_100)).toBe(1000);
  expect(run.runId).toBe(runId);
});
