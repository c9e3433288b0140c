import { expect, it } from 'vitest';
import { addRefusal, labelOf } from '../../../../src/models/provider/response-values.ts';

it('labels have up to 200 characters, and the words of a refusal 1,000', () => {
  expect(labelOf('x'.repeat(201))).toBe('x'.repeat(200));
  expect(addRefusal('x'.repeat(999), 'yz')).toBe(`${'x'.repeat(999)}y`);
  expect(addRefusal('no', null)).toBe('no');
});
