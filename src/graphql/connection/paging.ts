import { DEFAULT_PAGE_ITEMS, MAX_PAGE_ITEMS } from '../../config/limits.ts';
import type { PageArguments, RowPage } from '../../domain/page.ts';
import { type IdKind, kindOfId } from '../../ids.ts';
import { badUserInput } from '../public-errors.ts';

export interface ConnectionArguments {
  first?: number | null;
  last?: number | null;
  after?: string | null;
  before?: string | null;
}

/** Returns the size of the page and the end that it is counted from. Throws BAD_USER_INPUT if the size is not allowed. */
export function pageSize({ first, last, after, before }: ConnectionArguments): Pick<PageArguments, 'size' | 'from'> {
  if (first != null && last != null) {
    throw badUserInput(
      '`first` and `last` cannot be combined. Use `first` to page forwards, or `last` to page backwards.',
    );
  }
  const [name, size] = last == null ? ['first', first ?? DEFAULT_PAGE_ITEMS] : ['last', last];
  if (size < 1 || size > MAX_PAGE_ITEMS) {
    throw badUserInput(
      `\`${name}\` must be from 1 to ${MAX_PAGE_ITEMS}, but is ${size}. Use \`after\` or \`before\` to read more pages.`,
    );
  }
  // `before` on its own requests the page that ends at the cursor.
  const isBackwards = last != null || (first == null && after == null && before != null);
  return { size, from: isBackwards ? 'end' : 'start' };
}

/** Reads and writes the cursors of one list, which are opaque to clients. */
export interface CursorFormat<Position> {
  format(position: Position): string;
  /** Null if the text is not a cursor that `format` returned. */
  parse(cursor: string): Position | null;
}

/** @param read returns null if the text cannot come from `write` */
export function createCursorFormat<Position>(
  write: (position: Position) => string,
  read: (text: string) => Position | null,
): CursorFormat<Position> {
  const format = (position: Position) => Buffer.from(write(position)).toString('base64url');
  return {
    format,
    parse(cursor) {
      const position = read(Buffer.from(cursor, 'base64url').toString());
      return position !== null && format(position) === cursor ? position : null;
    },
  };
}

/** Throws BAD_USER_INPUT if the size is not allowed or a cursor cannot be parsed; `problem` completes "<cursor> …". */
export function parsePage<Position>(
  args: ConnectionArguments,
  { parse }: Pick<CursorFormat<Position>, 'parse'>,
  problem: string,
): PageArguments<Position> {
  const parseBound = (cursor: string | null | undefined): Position | null => {
    if (cursor == null) return null;
    const position = parse(cursor);
    if (position === null) throw invalidCursor(cursor, problem);
    return position;
  };
  return { ...pageSize(args), after: parseBound(args.after), before: parseBound(args.before) };
}

/** @param problem completes "<cursor> …" */
export const invalidCursor = (cursor: string, problem: string) =>
  badUserInput(`${JSON.stringify(cursor.slice(0, 100))} ${problem}`);

/** Cursors of lists that are ordered by id; the prefix of the id shows which list a cursor belongs to. */
const idCursors = createCursorFormat<string>(
  (id) => id,
  (text) => text,
);

export const formatIdCursor = idCursors.format;

/** The arguments of a list whose items have ids of this kind. Throws BAD_USER_INPUT if they are not valid. */
export function pageArguments(kind: IdKind, args: ConnectionArguments): PageArguments {
  const parse = (cursor: string) => {
    const id = idCursors.parse(cursor);
    return id !== null && kindOfId(id) === kind ? id : null;
  };
  return parsePage(
    args,
    { parse },
    'is not a cursor of this list. Use a cursor that its `edges` or `pageInfo` returned.',
  );
}

export interface Edge<Item> {
  cursor: string;
  node: Item;
}

export interface Connection<AnyEdge> {
  edges: AnyEdge[];
  pageInfo: {
    hasNextPage: boolean;
    hasPreviousPage: boolean;
    startCursor: string | null;
    endCursor: string | null;
  };
}

export function connectionOf<AnyEdge extends { cursor: string }>(
  edges: AnyEdge[],
  { hasNextPage, hasPreviousPage }: { hasNextPage: boolean; hasPreviousPage: boolean },
): Connection<AnyEdge> {
  const startCursor = edges[0]?.cursor ?? null;
  const endCursor = edges.at(-1)?.cursor ?? null;
  return { edges, pageInfo: { hasNextPage, hasPreviousPage, startCursor, endCursor } };
}

/** The connection of a list that is ordered by id. */
export function connectionOfRows<Row extends { id: string }>({ rows, ...page }: RowPage<Row>): Connection<Edge<Row>> {
  const edges = rows.map((node) => ({ cursor: formatIdCursor(node.id), node }));
  return connectionOf(edges, page);
}

export const emptyConnection: Connection<never> = connectionOf([], { hasNextPage: false, hasPreviousPage: false });
