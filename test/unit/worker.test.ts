import { expect, onTestFinished, test } from 'vitest';
import { startWorker } from '../../src/worker.ts';

// Other tests start bundles of these modules.
test('a thread compiles its module when the program runs from its sources', async () => {
  const importedBy = new URL('../../src/tools/json-schema/schema-worker.ts', import.meta.url).href;
  const worker = await startWorker('schema-worker', importedBy, {});
  onTestFinished(async () => void (await worker.terminate()));
  expect(worker.threadId).toBeGreaterThan(0);
});
