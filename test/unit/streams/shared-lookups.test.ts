import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createSharedLookups } from '../../../src/streams/shared-lookups.ts';

test('requests of one turn share a lookup; a request during a lookup starts another one', async () => {
  const lookups = createSharedLookups<string>();
  const finish: ((result: string) => void)[] = [];
  const lookup = () => new Promise<string>((resolve) => finish.push(resolve));
  const early = [lookups('a', lookup), lookups('a', lookup), lookups('b', lookup)];
  await setImmediate();
  expect(finish).toHaveLength(2);
  const late = lookups('a', lookup);
  await setImmediate();
  expect(finish).toHaveLength(3);
  for (const [index, resolve] of finish.entries()) resolve(`${index}`);
  expect(await Promise.all([...early, late])).toEqual(['0', '0', '1', '2']);
});

test('a failed lookup fails every request that shares it, and no later one', async () => {
  const lookups = createSharedLookups<string>();
  const fail = () => Promise.reject(new Error('the store is down'));
  const both = await Promise.allSettled([lookups('a', fail), lookups('a', fail)]);
  expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(await lookups('a', async () => 'found')).toBe('found');
});
