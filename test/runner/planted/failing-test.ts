import { expect, test } from 'vitest';

test('the planted test', () => {
  expect('the planted value').toBe('another value');
});
