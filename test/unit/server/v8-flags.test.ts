import { expect, test } from 'vitest';
import { v8FlagsFor } from '../../../src/server/v8-flags.ts';

const memoryFlags = ['--liftoff-only', '--heap-growing-percent=50'];
const inliningFlag = '--no-turbo-inline-js-wasm-calls';

test.each(['20.19.0', '22.23.3', '23.11.1'])('Node %s does not inline WebAssembly calls', (version) => {
  expect(v8FlagsFor(version)).toEqual([...memoryFlags, inliningFlag]);
});

test.each(['24.0.0', '24.21.0', '26.10.0'])('Node %s only saves memory', (version) => {
  expect(v8FlagsFor(version)).toEqual(memoryFlags);
});

test.each(['27.0.0', 'unknown'])('Node %s gets no flags, because its V8 is unknown', (version) => {
  expect(v8FlagsFor(version)).toEqual([]);
});
