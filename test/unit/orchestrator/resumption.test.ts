import { describe, expect, test } from 'vitest';
import { executeRun } from '../../../src/orchestrator/run-loop.ts';
import { context, type Given, inProgress, output, resumption, runId, toolResult } from '../domain/given.ts';
import { createFakeDependencies } from './fake-dependencies.ts';

/** The events that a server records when it takes up this run and then stops. */
async function takeUp(given: Given, { lost = true, at = 0 } = {}) {
  const { dependencies, clock, storeTape, eventsAfter } = createFakeDependencies({ settings: { maxResumptions: 3 } });
  const lease = await storeTape(runId, { lost }, given);
  await clock.advance(at);
  const before = (await dependencies.runStore.load(runId))?.head ?? 0;
  await executeRun(dependencies, lease, { signal: new AbortController().signal, isStopping: () => true });
  return eventsAfter(runId, before);
}

/** An executor that is lost during its model call. */
const lostCall = (step: number, attempt: number): Given => [context(step), resumption(step, attempt)];
/** A step with a tool call, which is progress. */
const completeStep = (step: number): Given => [
  context(step),
  output(step, { calls: [`call_${step}`] }),
  toolResult(`call_${step}`),
];

describe('B49: a run whose executor was lost', () => {
  test.each([0, 1, 2])('is resumed after %i resumptions without progress', async (resumptions) => {
    const attempts = Array.from({ length: resumptions }, (_, index) => lostCall(1, index + 1));
    expect(await takeUp([inProgress, attempts, context(1)])).toMatchObject([
      {
        type: 'resumption',
        payload: { attempt: resumptions + 1, step: 1, epoch: 2, lost: true },
      },
    ]);
  });

  test('fails after the allowed number of resumptions without progress', async () => {
    const attempts = [lostCall(1, 1), lostCall(1, 2), lostCall(1, 3)];
    expect(await takeUp([inProgress, attempts, context(1)])).toMatchObject([
      {
        type: 'status',
        payload: { to: 'FAILED', error: { code: 'RESUME_LIMIT' } },
      },
    ]);
  });

  test('is resumed any number of times if it makes progress between them', async () => {
    const attempts = [
      [lostCall(1, 1), lostCall(1, 2), lostCall(1, 3), completeStep(1)],
      [lostCall(2, 4), lostCall(2, 5), completeStep(2)],
    ];
    const [event, ...others] = await takeUp([inProgress, attempts, context(3)]);
    expect(event).toMatchObject({ type: 'resumption', payload: { attempt: 6, step: 3 } });
    expect(others).toEqual([]);
  });

  test('fails if the resumptions after its last progress were too many, however much progress it made before', async () => {
    const attempts = [completeStep(1), completeStep(2), lostCall(3, 1), lostCall(3, 2), lostCall(3, 3)];
    const [event] = await takeUp([inProgress, attempts, context(3)]);
    expect(event).toMatchObject({ type: 'status', payload: { error: { code: 'RESUME_LIMIT' } } });
  });
});

describe('a run that its server released', () => {
  const attempts = [lostCall(1, 1), lostCall(1, 2), lostCall(1, 3)];

  test('is resumed without counting against the limit', async () => {
    const [event] = await takeUp([inProgress, attempts, context(1)], { lost: false });
    expect(event).toMatchObject({ type: 'resumption', payload: { attempt: 4, lost: false } });
  });

  test('between two steps continues without a resumption, unless it was idle for a lease time', async () => {
    expect(await takeUp([0, inProgress, completeStep(1)], { lost: false, at: 14_999 })).toEqual([]);
    const [event] = await takeUp([0, inProgress, completeStep(1)], { lost: false, at: 15_000 });
    expect(event).toMatchObject({ type: 'resumption', payload: { lost: false } });
  });
});
