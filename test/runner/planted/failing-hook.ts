import { afterAll, test } from 'vitest';

test('the planted test', () => undefined);

afterAll(() => {
  throw new Error('the planted error of a hook');
});
