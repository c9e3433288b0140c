import { expect, onTestFinished, test } from 'vitest';
import { createHome } from '../server-process.ts';

const inlinedCall = new URL('inlined-call.mjs', import.meta.url).pathname;

test('a call of WebAssembly that was inlined, and is given up in the middle, does not end the process', async () => {
  const home = await createHome({}, inlinedCall);
  onTestFinished(() => home[Symbol.asyncDispose]());
  const ended = await home.run(['help']);
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  expect(ended.stdout).toMatch(/^Usage: runtape [\s\S]*\nalive\n$/);
});
