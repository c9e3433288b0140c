/** Which part of a list is requested. Bounds are exclusive: ids, unless the list has another order. */
export interface PageArguments<Bound = string> {
  /** Most rows of the page. */
  size: number;
  /** The end of the range that the page is taken from. */
  from: 'start' | 'end';
  after: Bound | null;
  before: Bound | null;
}

export interface RowPage<Row> {
  rows: Row[];
  hasNextPage: boolean;
  hasPreviousPage: boolean;
}

/**
 * Builds a page from rows that were read from the requested end.
 *
 * @param found up to `page.size + 1` rows, the first of the requested end first; the extra one shows that there are more
 */
export function pageOf<Row>(found: readonly Row[], page: PageArguments<unknown>): RowPage<Row> {
  const more = found.length > page.size;
  const rows = found.slice(0, page.size);
  return page.from === 'start'
    ? { rows, hasNextPage: more, hasPreviousPage: page.after !== null }
    : { rows: rows.reverse(), hasNextPage: page.before !== null, hasPreviousPage: more };
}

/** The part of a Prisma query that selects one page by id. */
interface KeysetQuery {
  where: { id?: { lt?: string; gt?: string } };
  orderBy: { id: 'asc' | 'desc' };
  take: number;
}

/**
 * Builds the query for one page of a list that is ordered by id. It asks for one row more than the page holds, which shows
 * whether there are more. A row that is inserted or deleted between two pages is never returned twice, and none is skipped.
 */
export function keysetQuery(page: PageArguments, order: 'oldest-first' | 'newest-first'): KeysetQuery {
  const ascending = (order === 'oldest-first') === (page.from === 'start');
  const [low, high] = order === 'oldest-first' ? [page.after, page.before] : [page.before, page.after];
  const bounds = { ...(low === null ? {} : { gt: low }), ...(high === null ? {} : { lt: high }) };
  return {
    where: low === null && high === null ? {} : { id: bounds },
    orderBy: { id: ascending ? 'asc' : 'desc' },
    take: page.size + 1,
  };
}
