import { type IdKind, kindOfId } from '../../ids.ts';
import type { RankedPageArguments, RankedPosition } from '../../repositories/search/search-sessions.ts';
import { badUserInput } from '../public-errors.ts';
import { type ConnectionArguments, pageSize } from './paging.ts';

/** Opaque to clients: where an item stood in a ranked list, which is made anew for each page. */
export function formatRankedCursor({ id, rank }: RankedPosition): string {
  return Buffer.from(`${rank}:${id}`).toString('base64url');
}

function parseRankedCursor(kind: IdKind, cursor: string): RankedPosition {
  const [, rank, id] = /^(\d{1,9}):(.+)$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  const place = { id: id ?? '', rank: Number(rank) };
  if (id === undefined || kindOfId(id) !== kind || formatRankedCursor(place) !== cursor) {
    const shown = JSON.stringify(cursor.slice(0, 100));
    throw badUserInput(`${shown} is not a cursor of a search; give one that this search returned.`);
  }
  return place;
}

/** The arguments of a ranked list whose items have ids of this kind. Throws where they can not be meant so. */
export function rankedPageArguments(kind: IdKind, args: ConnectionArguments): RankedPageArguments {
  return {
    ...pageSize(args),
    after: args.after == null ? null : parseRankedCursor(kind, args.after),
    before: args.before == null ? null : parseRankedCursor(kind, args.before),
  };
}
