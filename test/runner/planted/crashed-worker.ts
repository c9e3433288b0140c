import { test } from 'vitest';

test('the planted test', () => {
  // `process.exit` is replaced by vitest and fails the test; this ends the worker.
  process.kill(process.pid, 'SIGKILL');
});
