import { describe, expect, test } from 'vitest';
import { keysetQuery, type PageArguments, pageOf } from '../../../src/domain/page.ts';

const page = (given: Partial<PageArguments>): PageArguments => ({
  size: 2,
  from: 'start',
  after: null,
  before: null,
  ...given,
});

describe('B5: a page says whether the list goes on', () => {
  test.each<[string, Partial<PageArguments>, string[], string[], boolean, boolean]>([
    ['the first of several pages', {}, ['a', 'b', 'c'], ['a', 'b'], true, false],
    ['the only page', {}, ['a', 'b'], ['a', 'b'], false, false],
    ['a page after a cursor', { after: 'x' }, ['a', 'b', 'c'], ['a', 'b'], true, true],
    ['the last page, forwards', { after: 'x' }, ['a'], ['a'], false, true],
    ['an empty page after the last item', { after: 'x' }, [], [], false, true],
    ['the last page, backwards', { from: 'end' }, ['c', 'b', 'a'], ['b', 'c'], false, true],
    ['a page before a cursor', { from: 'end', before: 'x' }, ['c', 'b', 'a'], ['b', 'c'], true, true],
    ['the first page, backwards', { from: 'end', before: 'x' }, ['b', 'a'], ['a', 'b'], true, false],
  ])('%s', (_name, given, found, rows, hasNextPage, hasPreviousPage) => {
    expect(pageOf(found, page(given))).toEqual({ rows, hasNextPage, hasPreviousPage });
  });
});

describe('the query for a page starts at the requested end', () => {
  test.each([
    ['newest-first', {}, { where: {}, orderBy: { id: 'desc' } }],
    ['newest-first', { after: 'm' }, { where: { id: { lt: 'm' } }, orderBy: { id: 'desc' } }],
    ['newest-first', { from: 'end', before: 'm' }, { where: { id: { gt: 'm' } }, orderBy: { id: 'asc' } }],
    ['oldest-first', { after: 'm' }, { where: { id: { gt: 'm' } }, orderBy: { id: 'asc' } }],
    ['oldest-first', { from: 'end', before: 'm' }, { where: { id: { lt: 'm' } }, orderBy: { id: 'desc' } }],
    ['oldest-first', { after: 'd', before: 'm' }, { where: { id: { gt: 'd', lt: 'm' } }, orderBy: { id: 'asc' } }],
  ] as const)('%s %j', (order, given, query) => {
    expect(keysetQuery(page(given), order)).toEqual({ ...query, take: 3 });
  });
});
