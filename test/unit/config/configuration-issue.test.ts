import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { explainIssue, formatIssue, independentIssues } from '../../../src/config/configuration-issue.ts';

describe('a check of zod is worded', () => {
  test.each<[z.ZodType, unknown, string]>([
    [z.array(z.int()).min(1), [], 'must have at least 1 entry'],
    [z.array(z.int()).min(2), [1], 'must have at least 2 entries'],
    [z.array(z.int()).max(2), [1, 2, 3], 'must have at most 2 entries'],
    [z.string().min(1), '', 'must not be empty'],
    [z.string().min(2), 'a', 'must have at least 2 characters'],
    [z.string().max(2), 'abc', 'must have at most 2 characters'],
    [z.number().min(1), 0, 'must be at least 1'],
    [z.number().gt(1), 1, 'must be greater than 1'],
    [z.number().max(1), 2, 'must be at most 1'],
    [z.number().lt(1), 1, 'must be less than 1'],
    [z.enum(['a', 'b', 'c']), 'd', 'must be "a", "b" or "c"'],
    [z.literal('a'), 'b', 'must be "a"'],
  ])('%#', (schema, value, message) => {
    const { error } = schema.safeParse(value, { error: explainIssue });
    expect(error?.issues.map((issue) => issue.message)).toEqual([message]);
  });
});

describe('the line for a problem', () => {
  const root = { text: 'x', none: null, object: {}, array: [], url: 'http://host?key=secret', long: 'y'.repeat(81) };
  const lineOf = (...path: string[]) => formatIssue('file', { path, message: 'must be right' }, root);

  test('shows the value, of a long text the first 80 characters', () => {
    expect(lineOf('text')).toBe('file: text: must be right, not "x"');
    expect(lineOf('none')).toBe('file: none: must be right, not null');
    expect(lineOf('object')).toBe('file: object: must be right, not an object');
    expect(lineOf('array')).toBe('file: array: must be right, not an array');
    expect(lineOf('long')).toBe(`file: long: must be right, not "${'y'.repeat(80)}…"`);
    expect(formatIssue('', { path: [], message: 'must be right' }, 'y'.repeat(80))).toBe(
      `must be right, not "${'y'.repeat(80)}"`,
    );
  });

  test('does not show an address that can contain a credential', () => {
    expect(lineOf('url')).toBe('file: url: must be right');
  });

  test.each([['absent'], ['none.member'], ['text.length'], ['object.toString']])('says that %s is missing', (path) => {
    expect(lineOf(...path.split('.'))).toBe(`file: ${path}: is missing. It must be right`);
  });
});

test('of several problems of one value the first is reported, and unknown keys in any case', () => {
  const unknown = { path: ['a', 0], message: 'unknown key "b"' };
  const [first, second] = [
    { path: ['a', 0], message: 'must be right' },
    { path: ['a', '0'], message: 'must be greater' },
  ];
  const other = { path: ['a'], message: 'must be right' };
  expect(independentIssues([unknown, first, second, unknown, other])).toEqual([unknown, first, unknown, other]);
});
