import { expect, test } from 'vitest';
import {
  type EmbeddingWorkerDependencies,
  startEmbeddingWorker,
} from '../../../src/context/memory/embedding-worker.ts';
import { createFakeClock } from '../fake-clock.ts';

test('closing during a search for memories does not wait for the next poll', async () => {
  const clock = createFakeClock();
  let answer = (_rows: never[]) => {};
  const pending = new Promise<never[]>((resolve) => {
    answer = resolve;
  });
  const worker = startEmbeddingWorker({
    database: { reader: { memory: { findMany: () => pending } } },
    embedder: { model: 'simulated' },
    clock,
    outageLog: { failed: (error: unknown) => expect.unreachable(String(error)), worked: () => undefined },
  } as unknown as EmbeddingWorkerDependencies);
  await clock.advance(0);
  const closed = worker.close();
  answer([]);
  await closed;
  expect(clock.pending()).toBe(0);
});
