import { expect, test } from 'vitest';
import { serverFolder } from '../fixtures.ts';

const inlinedCall = new URL('inlined-call.mjs', import.meta.url).pathname;

test('deoptimising code during an inlined WebAssembly call does not abort the process', async () => {
  const { runCommand } = await serverFolder({}, inlinedCall);
  const result = await runCommand(['help']);
  expect(result).toMatchObject({ code: 0, stderr: '' });
  expect(result.stdout).toMatch(/^Usage: runtape [\s\S]*\nalive\n$/);
});
