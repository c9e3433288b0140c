import { describe, expect, test } from 'vitest';
import type { RowWrite } from '../../../src/database/batch-statement.ts';
import { releaseLease, suspectRun } from '../../../src/orchestrator/leases.ts';
import { executeRun } from '../../../src/orchestrator/run-loop.ts';
import { context, type Given, inProgress, output, resumption, runId, toolResult } from '../domain/given.ts';
import { createFakeDependencies } from './fake-dependencies.ts';

/** The events that a server records when it takes up this run and then stops. */
async function takeUp(given: Given, { lost = true, alone = true, suspicion = 1, at = 0 } = {}) {
  const { dependencies, clock, storeTape, eventsAfter, committed } = createFakeDependencies({
    settings: { maxResumptions: 3 },
  });
  const lease = await storeTape(runId, { lost, alone, suspicion }, given);
  await clock.advance(at);
  const before = (await dependencies.runStore.load(runId))?.head ?? 0;
  await executeRun(dependencies, lease, {
    signal: new AbortController().signal,
    isStopping: () => true,
    onAsking: () => undefined,
  });
  const events = await eventsAfter(runId, before);
  const isCommitted = ({ statement }: RowWrite) => committed.some((row) => row.statement === statement);
  return { events, isSuspect: isCommitted(suspectRun(lease)), isReleased: isCommitted(releaseLease(lease)) };
}

const delta: Given = { type: 'output_delta', actor: 'MODEL', payload: { step: 1, text: 'So' } };
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
    expect((await takeUp([inProgress, attempts, context(1)])).events).toMatchObject([
      {
        type: 'resumption',
        payload: { attempt: resumptions + 1, step: 1, epoch: 2, lost: true },
      },
    ]);
  });

  test('fails after the allowed number of resumptions without progress', async () => {
    const attempts = [lostCall(1, 1), lostCall(1, 2), lostCall(1, 3)];
    expect((await takeUp([inProgress, attempts, context(1)])).events).toMatchObject([
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
    const {
      events: [event, ...others],
    } = await takeUp([inProgress, attempts, context(3)]);
    expect(event).toMatchObject({ type: 'resumption', payload: { attempt: 6, step: 3 } });
    expect(others).toEqual([]);
  });

  test('fails if the resumptions after its last progress were too many, however much progress it made before', async () => {
    const attempts = [completeStep(1), completeStep(2), lostCall(3, 1), lostCall(3, 2), lostCall(3, 3)];
    const {
      events: [event],
    } = await takeUp([inProgress, attempts, context(3)]);
    expect(event).toMatchObject({ type: 'status', payload: { error: { code: 'RESUME_LIMIT' } } });
  });
});

describe('B49: a run that was lost together with others', () => {
  const inCompany = Array.from({ length: 9 }, (_, index) => [context(1), resumption(1, index + 1, false)]);

  test('is never given up, however often it is lost', async () => {
    for (const alone of [false, true]) {
      const { events } = await takeUp([inProgress, inCompany, context(1)], { alone });
      expect(events).toMatchObject([{ type: 'resumption', payload: { attempt: 10, lost: true, alone } }]);
    }
  });

  test('is resumed at once after its first loss', async () => {
    const { events, isSuspect } = await takeUp([inProgress, context(1)], { alone: false, suspicion: 0 });
    expect(events).toMatchObject([{ type: 'resumption', payload: { attempt: 1, lost: true, alone: false } }]);
    expect(isSuspect).toBe(false);
  });

  test('waits to be resumed alone after its second loss without progress', async () => {
    const outcome = await takeUp([inProgress, inCompany[0] ?? [], context(1)], { suspicion: 0 });
    // Only the server that executes it alone takes it up.
    expect(outcome).toEqual({ events: [], isSuspect: true, isReleased: false });
  });

  test('is resumed at once if it made progress in between: a delta is enough', async () => {
    const given = [inProgress, inCompany[0] ?? [], context(1), delta];
    const { events, isSuspect } = await takeUp(given, { suspicion: 0 });
    expect(events).toMatchObject([{ type: 'resumption' }]);
    expect(isSuspect).toBe(false);
  });
});

describe('a run that its server released', () => {
  const attempts = [lostCall(1, 1), lostCall(1, 2), lostCall(1, 3)];

  test('is resumed without counting against the limit', async () => {
    const {
      events: [event],
    } = await takeUp([inProgress, attempts, context(1)], { lost: false });
    expect(event).toMatchObject({ type: 'resumption', payload: { attempt: 4, lost: false } });
  });

  test('between two steps continues without a resumption, unless it was idle for a lease time', async () => {
    const given: Given = [20_000, inProgress, completeStep(1)];
    expect((await takeUp(given, { lost: false, at: 34_999 })).events).toEqual([]);
    const {
      events: [event],
    } = await takeUp(given, { lost: false, at: 35_000 });
    expect(event).toMatchObject({ type: 'resumption', payload: { lost: false } });
  });
});
