import { describe, expect, test } from 'vitest';
import { connectionOfRows, formatIdCursor, pageArguments } from '../../../src/graphql/connection/paging.ts';

const id = 'run_01ARZ3NDEKTSV4RRFFQ69G5FAV';
const cursor = formatIdCursor(id);

describe('page arguments', () => {
  test.each([
    ['without arguments', {}, { size: 25, from: 'start', after: null, before: null }],
    ['with null arguments', { first: null, after: null, last: null, before: null }, { size: 25, from: 'start' }],
    ['the largest page', { first: 100 }, { size: 100, from: 'start' }],
    ['the smallest page', { last: 1 }, { size: 1, from: 'end' }],
    ['forwards', { first: 2, after: cursor }, { size: 2, from: 'start', after: id, before: null }],
    ['backwards', { last: 2, before: cursor }, { size: 2, from: 'end', after: null, before: id }],
    ['the page that ends at a cursor', { before: cursor }, { size: 25, from: 'end', before: id }],
    ['the start of the list up to a cursor', { first: 5, before: cursor }, { size: 5, from: 'start', before: id }],
  ])('%s', (_name, args, page) => expect(pageArguments('run', args)).toMatchObject(page));

  test.each([
    ['both sizes', { first: 1, last: 1 }, '`first` and `last` cannot be combined'],
    ['a size of zero', { first: 0 }, '`first` must be from 1 to 100, but is 0'],
    ['a negative size', { last: -5 }, '`last` must be from 1 to 100, but is -5'],
    ['too large a size', { last: 101 }, '`last` must be from 1 to 100, but is 101'],
    ['an empty cursor', { after: '' }, '"" is not a cursor of this list'],
    ['an id instead of a cursor', { after: id }, 'is not a cursor of this list'],
    ['a cursor with a character appended', { before: `${cursor}=` }, 'is not a cursor of this list'],
    ['a cursor of another list', { after: formatIdCursor(id.replace('run', 'ses')) }, 'is not a cursor of this list'],
  ])('%s is rejected', (_name, args, message) => {
    expect(() => pageArguments('run', args)).toThrow(message);
    expect(() => pageArguments('run', args)).toThrow(
      expect.objectContaining({ extensions: { code: 'BAD_USER_INPUT' } }),
    );
  });
});

test('a page has the cursors of its first and last item', () => {
  const flags = { hasNextPage: true, hasPreviousPage: false };
  const other = id.replace(/.$/, 'W');
  expect(connectionOfRows({ rows: [{ id }, { id: other }], ...flags })).toEqual({
    edges: [
      { cursor, node: { id } },
      { cursor: formatIdCursor(other), node: { id: other } },
    ],
    pageInfo: { ...flags, startCursor: cursor, endCursor: formatIdCursor(other) },
  });
  expect(connectionOfRows({ rows: [], ...flags }).pageInfo).toMatchObject({ startCursor: null, endCursor: null });
});
