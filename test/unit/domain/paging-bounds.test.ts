import { describe, expect, test } from 'vitest';
import { keysetQuery, type PageArguments, pageOf } from '../../../src/domain/page.ts';

const page = (more: Partial<PageArguments> = {}): PageArguments => ({
  size: 2,
  from: 'start',
  after: null,
  before: null,
  ...more,
});

describe('a page of the rows that were read', () => {
  test('has no next page if there is no extra row', () => {
    expect(pageOf(['a', 'b'], page())).toEqual({ rows: ['a', 'b'], hasNextPage: false, hasPreviousPage: false });
    expect(pageOf([], page())).toEqual({ rows: [], hasNextPage: false, hasPreviousPage: false });
  });

  test('has a next page if there is an extra row, which it leaves out', () => {
    expect(pageOf(['a', 'b', 'c'], page())).toEqual({ rows: ['a', 'b'], hasNextPage: true, hasPreviousPage: false });
  });

  test('has a previous page if it begins after a position', () => {
    expect(pageOf(['c'], page({ after: 'b' }))).toEqual({ rows: ['c'], hasNextPage: false, hasPreviousPage: true });
    expect(pageOf(['c'], page({ before: 'd' }))).toMatchObject({ hasNextPage: false, hasPreviousPage: false });
  });

  test('from the end has its rows in the order of the list', () => {
    expect(pageOf(['c', 'b', 'a'], page({ from: 'end' }))).toEqual({
      rows: ['b', 'c'],
      hasNextPage: false,
      hasPreviousPage: true,
    });
  });

  test('from the end has a next page if it ends before a position', () => {
    expect(pageOf(['a'], page({ from: 'end', before: 'b' }))).toEqual({
      rows: ['a'],
      hasNextPage: true,
      hasPreviousPage: false,
    });
    expect(pageOf(['c'], page({ from: 'end', after: 'b' }))).toMatchObject({
      hasNextPage: false,
      hasPreviousPage: false,
    });
  });
});

describe('the query for a page', () => {
  test('without bounds reads one row more than the page holds', () => {
    expect(keysetQuery(page(), 'oldest-first')).toEqual({ where: {}, orderBy: { id: 'asc' }, take: 3 });
  });

  test('reads from the requested end of the list', () => {
    const order = (from: 'start' | 'end', list: 'oldest-first' | 'newest-first') =>
      keysetQuery(page({ from }), list).orderBy.id;
    expect(order('start', 'oldest-first')).toBe('asc');
    expect(order('end', 'oldest-first')).toBe('desc');
    expect(order('start', 'newest-first')).toBe('desc');
    expect(order('end', 'newest-first')).toBe('asc');
  });

  test('has exclusive bounds, which follow the order of the list', () => {
    const where = (bounds: Partial<PageArguments>, list: 'oldest-first' | 'newest-first') =>
      keysetQuery(page(bounds), list).where;
    expect(where({ after: 'b' }, 'oldest-first')).toEqual({ id: { gt: 'b' } });
    expect(where({ before: 'y' }, 'oldest-first')).toEqual({ id: { lt: 'y' } });
    expect(where({ after: 'b', before: 'y' }, 'oldest-first')).toEqual({ id: { gt: 'b', lt: 'y' } });
    expect(where({ after: 'y' }, 'newest-first')).toEqual({ id: { lt: 'y' } });
    expect(where({ before: 'b' }, 'newest-first')).toEqual({ id: { gt: 'b' } });
    expect(where({ after: 'y', before: 'b' }, 'newest-first')).toEqual({ id: { gt: 'b', lt: 'y' } });
  });
});
