import { expect, it } from 'vitest';
import { costOf } from '../../../src/models/catalogue.ts';

const usage = { input: 1_000_000, output: 500_000, cachedInput: null, reasoning: null };
const price = { inputPerMillion: 2, outputPerMillion: 8 };

it('counts input and output', () => {
  expect(costOf(usage, price)).toBe(6);
});

it('counts what was cached at its own price, or as the rest where it has none', () => {
  const cached = { ...usage, cachedInput: 750_000 };
  expect(costOf(cached, { ...price, cachedInputPerMillion: 0.4 })).toBeCloseTo(0.5 + 0.3 + 4);
  expect(costOf(cached, price)).toBe(6);
});
