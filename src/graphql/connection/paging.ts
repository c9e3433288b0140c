import { DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE } from '../../config/limits.ts';
import type { PageArguments, RowPage } from '../../domain/page.ts';
import { type IdKind, kindOfId } from '../../ids.ts';
import { badUserInput } from '../public-errors.ts';

export interface ConnectionArguments {
  first?: number | null;
  last?: number | null;
  after?: string | null;
  before?: string | null;
}

/** How many items, and from which end. Throws where the size is none that a page can have. */
export function pageSize({ first, last, after, before }: ConnectionArguments): Pick<PageArguments, 'size' | 'from'> {
  if (first != null && last != null) {
    throw badUserInput(
      '`first` and `last` do not go together: give `first` to page forwards or `last` to page backwards.',
    );
  }
  const [name, size] = last == null ? ['first', first ?? DEFAULT_PAGE_SIZE] : ['last', last];
  if (size < 1 || size > MAX_PAGE_SIZE) {
    throw badUserInput(
      `\`${name}\` must be from 1 to ${MAX_PAGE_SIZE}; it is ${size}. Page with \`after\` or \`before\` for more.`,
    );
  }
  // With nothing but `before`, the page that ends there is meant.
  const backwards = last != null || (first == null && after == null && before != null);
  return { size, from: backwards ? 'end' : 'start' };
}

/** Opaque to clients; says by the prefix of the id which list it is of. */
export function formatListCursor(id: string): string {
  return Buffer.from(id).toString('base64url');
}

function parseListCursor(kind: IdKind, cursor: string): string {
  const id = Buffer.from(cursor, 'base64url').toString();
  if (kindOfId(id) !== kind || formatListCursor(id) !== cursor) {
    const shown = JSON.stringify(cursor.slice(0, 100));
    throw badUserInput(
      `${shown} is not a cursor of this list; give one that \`edges\` or \`pageInfo\` of it returned.`,
    );
  }
  return id;
}

/** The arguments of a list whose items have ids of this kind. Throws where they can not be meant so. */
export function pageArguments(kind: IdKind, args: ConnectionArguments): PageArguments {
  return {
    ...pageSize(args),
    after: args.after == null ? null : parseListCursor(kind, args.after),
    before: args.before == null ? null : parseListCursor(kind, args.before),
  };
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

export function connectionOfRows<Row extends { id: string }>({ rows, ...page }: RowPage<Row>): Connection<Edge<Row>> {
  const edges = rows.map((node) => ({ cursor: formatListCursor(node.id), node }));
  return connectionOf(edges, page);
}

export const emptyConnection: Connection<never> = connectionOf([], { hasNextPage: false, hasPreviousPage: false });
