import { describe, expect, test } from 'vitest';
import { connectionOfRows, formatListCursor, pageArguments } from '../../../src/graphql/connection/paging.ts';

const id = 'run_01ARZ3NDEKTSV4RRFFQ69G5FAV';
const cursor = formatListCursor(id);

describe('page arguments', () => {
  test.each([
    ['nothing', {}, { size: 25, from: 'start', after: null, before: null }],
    ['nulls', { first: null, after: null, last: null, before: null }, { size: 25, from: 'start' }],
    ['the largest page', { first: 100 }, { size: 100, from: 'start' }],
    ['the smallest page', { last: 1 }, { size: 1, from: 'end' }],
    ['forwards', { first: 2, after: cursor }, { size: 2, from: 'start', after: id, before: null }],
    ['backwards', { last: 2, before: cursor }, { size: 2, from: 'end', after: null, before: id }],
    ['the page that ends at a cursor', { before: cursor }, { size: 25, from: 'end', before: id }],
    ['the first ones in front of a cursor', { first: 5, before: cursor }, { size: 5, from: 'start', before: id }],
  ])('%s', (_name, args, page) => expect(pageArguments('run', args)).toMatchObject(page));

  test.each([
    ['both sizes', { first: 1, last: 1 }, '`first` and `last` do not go together'],
    ['none', { first: 0 }, '`first` must be from 1 to 100; it is 0'],
    ['fewer than none', { last: -5 }, '`last` must be from 1 to 100; it is -5'],
    ['too many', { last: 101 }, '`last` must be from 1 to 100; it is 101'],
    ['an empty cursor', { after: '' }, '"" is not a cursor of this list'],
    ['the id itself', { after: id }, 'is not a cursor of this list'],
    ['a cursor with something behind it', { before: `${cursor}=` }, 'is not a cursor of this list'],
    ['a cursor of another list', { after: formatListCursor(id.replace('run', 'ses')) }, 'is not a cursor of this list'],
  ])('refuses %s', (_name, args, message) => {
    expect(() => pageArguments('run', args)).toThrow(message);
    expect(() => pageArguments('run', args)).toThrow(
      expect.objectContaining({ extensions: { code: 'BAD_USER_INPUT' } }),
    );
  });
});

test('a page says where it begins and ends', () => {
  const flags = { hasNextPage: true, hasPreviousPage: false };
  const other = id.replace(/.$/, 'W');
  expect(connectionOfRows({ rows: [{ id }, { id: other }], ...flags })).toEqual({
    edges: [
      { cursor, node: { id } },
      { cursor: formatListCursor(other), node: { id: other } },
    ],
    pageInfo: { ...flags, startCursor: cursor, endCursor: formatListCursor(other) },
  });
  expect(connectionOfRows({ rows: [], ...flags }).pageInfo).toMatchObject({ startCursor: null, endCursor: null });
});
