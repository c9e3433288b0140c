/** Which part of a list somebody asks for. Bounds are exclusive; ids, unless the order is another one. */
export interface PageArguments<Bound = string> {
  size: number;
  from: 'start' | 'end';
  after: Bound | null;
  before: Bound | null;
}

export interface RowPage<Row> {
  rows: Row[];
  hasNextPage: boolean;
  hasPreviousPage: boolean;
}

interface KeysetQuery {
  where: { id?: { lt?: string; gt?: string } };
  orderBy: { id: 'asc' | 'desc' };
  take: number;
}

/** A page by id: rows that come or go meanwhile are never met twice, and none that stays is left out. */
export async function keysetPage<Row extends { id: string }>(
  page: PageArguments,
  order: 'oldest-first' | 'newest-first',
  find: (query: KeysetQuery) => Promise<Row[]>,
): Promise<RowPage<Row>> {
  const ascending = (order === 'oldest-first') === (page.from === 'start');
  const [low, high] = order === 'oldest-first' ? [page.after, page.before] : [page.before, page.after];
  const bounds = { ...(low === null ? {} : { gt: low }), ...(high === null ? {} : { lt: high }) };
  const found = await find({
    where: low === null && high === null ? {} : { id: bounds },
    orderBy: { id: ascending ? 'asc' : 'desc' },
    take: page.size + 1,
  });
  return pageOf(found, page);
}

/** Of rows that were read from the end that the page is at, one more than its size where there are so many. */
export function pageOf<Row>(found: readonly Row[], page: PageArguments<unknown>): RowPage<Row> {
  const more = found.length > page.size;
  const rows = found.slice(0, page.size);
  return page.from === 'start'
    ? { rows, hasNextPage: more, hasPreviousPage: page.after !== null }
    : { rows: rows.reverse(), hasNextPage: page.before !== null, hasPreviousPage: more };
}
