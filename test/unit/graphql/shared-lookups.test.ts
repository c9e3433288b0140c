import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createSharedLookups } from '../../../src/graphql/execution/shared-lookups.ts';

test('who asks in one turn looks once; who asks while somebody looks gets a look of its own', async () => {
  const look = createSharedLookups();
  let begun = 0;
  const answers: ((answer: string) => void)[] = [];
  const begin = () => {
    begun += 1;
    return new Promise<string>((resolve) => answers.push(resolve));
  };
  const early = [look('a', begin), look('a', begin), look('b', begin)];
  await setImmediate();
  expect(begun).toBe(2);
  const late = look('a', begin);
  await setImmediate();
  expect(begun).toBe(3);
  for (const [index, answer] of answers.entries()) answer(`${index}`);
  expect(await Promise.all([...early, late])).toEqual(['0', '0', '1', '2']);
});

test('a look that fails fails for those who asked with it', async () => {
  const look = createSharedLookups();
  const fail = async () => Promise.reject(new Error('the store is gone'));
  const both = await Promise.allSettled([look('a', fail), look('a', fail)]);
  expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(await look('a', async () => 'back')).toBe('back');
});
