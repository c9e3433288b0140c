import { expect, test } from 'vitest';
import type { Span } from '../../../src/observation/spans.ts';
import { createTracing } from '../../../src/observation/tracing.ts';
import { append, ending, newRunId, opening } from '../../contract/appends.ts';
import { createMemoryJournal } from '../../memory-journal.ts';
import { recordedTape, status } from '../domain/given.ts';
import { createFakeClock } from '../fake-clock.ts';

function createRecording({ queueLength = 1000 } = {}) {
  const clock = createFakeClock();
  const requests: string[][] = [];
  const warnings: unknown[][] = [];
  let collector: () => Promise<void> = async () => undefined;
  let isClosed = false;
  const tracing = createTracing({
    exporter: {
      async export(spans) {
        await collector();
        requests.push(spans.map(({ traceId }) => traceId));
      },
      async close() {
        isClosed = true;
      },
    },
    // Only the id of the run is looked at.
    spansOf: async (runId) => [{ traceId: runId } as Span],
    clock,
    logger: { info: () => undefined, warn: (...warning: unknown[]) => void warnings.push(warning) } as never,
    queueLength,
  });
  const endRun = async () => {
    const runId = newRunId();
    const journal = createMemoryJournal(({ events }) => tracing.appended(events));
    await append(journal, runId, 0, ...opening);
    await append(journal, runId, opening.length, ending);
    return runId;
  };
  const endRuns = (count: number) => {
    for (let index = 0; index < count; index += 1) tracing.appended(recordedTape(status('IN_PROGRESS', 'DONE')));
  };
  const setCollector = (next: () => Promise<void>) => {
    collector = next;
  };
  return { tracing, clock, requests, warnings, endRun, endRuns, setCollector, isClosed: () => isClosed };
}

test('each run is exported once, when it has ended, and close waits for the rest', async () => {
  const { tracing, requests, endRun, isClosed, clock } = createRecording();
  const runs = [await endRun(), await endRun()];
  await tracing.close();
  expect(requests).toEqual([runs]);
  expect(isClosed()).toBe(true);
  expect(clock.pending()).toBe(0);
  await endRun();
  await clock.advance(1000);
  expect(requests).toEqual([runs]);
});

test('a run that has not ended is not exported', async () => {
  const { tracing, requests, clock } = createRecording();
  const journal = createMemoryJournal(({ events }) => tracing.appended(events));
  await append(journal, newRunId(), 0, ...opening);
  tracing.appended([]);
  await clock.advance(1000);
  expect(requests).toEqual([]);
  await tracing.close();
});

test('runs that end within a second share a request', async () => {
  const { tracing, requests, endRun, clock } = createRecording();
  const first = [await endRun(), await endRun()];
  await clock.advance(999);
  expect(requests).toEqual([]);
  await clock.advance(1);
  expect(requests).toEqual([first]);
  const later = await endRun();
  await clock.advance(1000);
  expect(requests).toEqual([first, [later]]);
  await tracing.close();
});

test('many runs do not wait for the second to pass', async () => {
  const { tracing, requests, endRun, clock } = createRecording();
  const runs: string[] = [];
  for (let index = 0; index < 100; index += 1) runs.push(await endRun());
  await clock.advance(0);
  expect(requests).toEqual([runs]);
  await tracing.close();
});

test('enough runs that ended during an export do not wait either, nor do the last ones of a server that stops', async () => {
  const { tracing, requests, endRuns, clock, setCollector } = createRecording();
  let finish = () => {};
  setCollector(() => {
    setCollector(async () => undefined);
    return new Promise((resolve) => {
      finish = resolve;
    });
  });
  endRuns(1);
  await clock.advance(1000);
  endRuns(100);
  finish();
  await clock.advance(0);
  expect(requests.map((runs) => runs.length)).toEqual([1, 100]);
  endRuns(150);
  await tracing.close();
  expect(requests.map((runs) => runs.length)).toEqual([1, 100, 100, 50]);
});

test('a collector that fails loses the traces of one request and not the next', async () => {
  const { tracing, clock, requests, warnings, endRun, setCollector } = createRecording();
  setCollector(async () => {
    setCollector(async () => undefined);
    throw new Error('away');
  });
  await endRun();
  await endRun();
  await clock.advance(1000);
  expect(warnings).toEqual([
    [{ err: new Error('away') }, 'exporting traces failed; retrying until it succeeds'],
    [{ runs: 2 }, 'traces were not exported; `runtape trace <run>` exports one later'],
  ]);
  const second = await endRun();
  await tracing.close();
  expect(requests).toEqual([[second]]);
  expect(warnings).toHaveLength(2);
});

test('runs that find the queue full are left out, and counted', async () => {
  const { tracing, clock, requests, warnings, endRun } = createRecording({ queueLength: 2 });
  const runs = [await endRun(), await endRun(), await endRun(), await endRun()];
  await clock.advance(1000);
  expect(requests).toEqual([runs.slice(0, 2)]);
  expect(warnings).toEqual([[{ runs: 2 }, expect.stringContaining('traces were not exported')]]);
  await tracing.close();
});

test('a collector that hangs keeps a bounded queue, and does not hold up the stop of the server', async () => {
  const { tracing, clock, requests, endRun, setCollector, isClosed } = createRecording({ queueLength: 2 });
  setCollector(() => new Promise(() => undefined));
  for (let index = 0; index < 10; index += 1) await endRun();
  const closing = tracing.close();
  await clock.advance(9999);
  expect(isClosed()).toBe(false);
  await clock.advance(1);
  await closing;
  expect(requests).toEqual([]);
  expect(isClosed()).toBe(true);
});
