import { expect, it } from 'vitest';
import { shorten } from '../../../src/models/shorten.ts';

it('a text that is shortened has the given length, without blanks before its ellipsis', () => {
  expect(shorten('abcd', 4)).toBe('abcd');
  expect(shorten('abcde', 4)).toBe('abcd…');
  expect(shorten(' ab cd', 4)).toBe(' ab…');
});
