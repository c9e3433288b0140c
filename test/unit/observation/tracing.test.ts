import { expect, test } from 'vitest';
import { createLogger } from '../../../src/logger.ts';
import type { Span } from '../../../src/observation/spans.ts';
import { createTracing } from '../../../src/observation/tracing.ts';
import { append, ending, newRunId, opening } from '../../contract/appends.ts';
import { createMemoryJournal } from '../../memory-journal.ts';
import { createFakeClock } from '../fake-clock.ts';

function createRecording({ queueLength = 2 } = {}) {
  const clock = createFakeClock();
  const exported: string[] = [];
  let collector: () => Promise<void> = async () => undefined;
  let isClosed = false;
  const tracing = createTracing({
    exporter: {
      async export([span]) {
        await collector();
        exported.push(span?.traceId ?? '');
      },
      async close() {
        isClosed = true;
      },
    },
    // Only the id of the run is looked at.
    spansOf: async (runId) => [{ traceId: runId } as Span],
    clock,
    logger: createLogger('silent'),
    queueLength,
  });
  const endRun = async () => {
    const runId = newRunId();
    const journal = createMemoryJournal(({ events }) => tracing.appended(events));
    await append(journal, runId, 0, ...opening);
    await append(journal, runId, opening.length, ending);
    return runId;
  };
  const setCollector = (next: () => Promise<void>) => {
    collector = next;
  };
  return { tracing, clock, exported, endRun, setCollector, isClosed: () => isClosed };
}

test('each run is exported once, when it has ended, and close waits for the rest', async () => {
  const { tracing, exported, endRun, isClosed, clock } = createRecording();
  const runs = [await endRun(), await endRun()];
  await tracing.close();
  expect(exported).toEqual(runs);
  expect(isClosed()).toBe(true);
  expect(clock.pending()).toBe(0);
  await endRun();
  expect(exported).toEqual(runs);
});

test('a collector that fails loses one trace and not the next', async () => {
  const { tracing, exported, endRun, setCollector } = createRecording();
  setCollector(async () => {
    setCollector(async () => undefined);
    throw new Error('away');
  });
  await endRun();
  const second = await endRun();
  await tracing.close();
  expect(exported).toEqual([second]);
});

test('a collector that hangs keeps a bounded queue, and does not hold up the stop of the server', async () => {
  const { tracing, clock, exported, endRun, setCollector, isClosed } = createRecording({ queueLength: 2 });
  setCollector(() => new Promise(() => undefined));
  for (let index = 0; index < 10; index += 1) await endRun();
  const closing = tracing.close();
  await clock.advance(10_000);
  await closing;
  expect(exported).toEqual([]);
  expect(isClosed()).toBe(true);
});
