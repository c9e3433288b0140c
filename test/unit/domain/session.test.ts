import { describe, expect, test } from 'vitest';
import { titleFrom } from '../../../src/domain/session.ts';

describe('B9: the title made of a first message', () => {
  test.each([
    ['Hello', 'Hello'],
    ['  Hello there \n and the rest', 'Hello there'],
    ['\n\nAfter empty lines', 'After empty lines'],
    ['One\r\nTwo', 'One'],
    [' \n\t ', ''],
    ['', ''],
  ])('of %j is %j', (text, title) => {
    expect(titleFrom(text)).toBe(title);
  });

  test('has at most 80 characters', () => {
    expect(titleFrom('x'.repeat(80))).toBe('x'.repeat(80));
    expect(titleFrom('x'.repeat(81))).toBe(`${'x'.repeat(79)}…`);
  });

  test('is cut at a word', () => {
    expect(titleFrom('word '.repeat(20))).toBe(`${'word '.repeat(15).trimEnd()}…`);
    expect(titleFrom(`${'a'.repeat(10)} ${'b'.repeat(100)}`)).toHaveLength(80);
  });

  test('does not split an emoji', () => {
    const title = titleFrom('😀'.repeat(100));
    expect([...title]).toHaveLength(80);
    expect(title.isWellFormed()).toBe(true);
  });
});
