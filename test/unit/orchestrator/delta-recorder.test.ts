import { expect, test } from 'vitest';
import type { NewEvent } from '../../../src/domain/events.ts';
import type { StepOutcome } from '../../../src/orchestrator/run-execution.ts';
import { createDeltaRecorder } from '../../../src/orchestrator/step/delta-recorder.ts';

test('B20: after a piece that could not be recorded no other piece is recorded', async () => {
  const tried: NewEvent[][] = [];
  const stops: unknown[] = [];
  const failure = new Error('full');
  const deltas = createDeltaRecorder({
    step: 1,
    record(events): Promise<StepOutcome> {
      tried.push(events);
      return Promise.reject(failure);
    },
    onStop: (error) => stops.push(error),
    onFull: () => undefined,
  });
  deltas.sink.text('lost');
  expect(await deltas.finish()).toEqual([]);
  deltas.sink.text('late');
  expect(await deltas.finish()).toEqual([]);
  expect(tried).toHaveLength(1);
  expect(stops).toEqual([failure]);
});
