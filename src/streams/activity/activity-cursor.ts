import { kindOfId } from '../../ids.ts';
import { CursorError } from '../cursor.ts';

/** A position in the feed, after the change that has it. */
export interface ActivityPosition {
  position: number;
  /**
   * Within the list of open approvals that `approvalEvents` begins with: the last approval that was sent. The changes after
   * `position` follow the rest of the list.
   */
  approvalId: string | null;
}

/** Some changes after the cursor were deleted after the retention period. */
export class CursorExpiredError extends CursorError {
  constructor(cursor: string) {
    super(cursor, 'is older than the retention period. Read the lists again, and follow without a cursor');
    this.name = 'CursorExpiredError';
  }
}

const PREFIX = 'activity';

export function formatActivityCursor(position: number, approvalId: string | null = null): string {
  const text = approvalId === null ? `${PREFIX}/${position}` : `${PREFIX}/${position}/${approvalId}`;
  return Buffer.from(text).toString('base64url');
}

/** Throws a CursorError if `formatActivityCursor` could not have returned this text. */
function parseActivityCursor(cursor: string): ActivityPosition {
  const match = /^activity\/(\d{1,15})(?:\/(apr_[0-9A-Z]{26}))?$/.exec(Buffer.from(cursor, 'base64url').toString());
  const [, digits, approvalId = null] = match ?? [];
  const position = Number(digits);
  const isKnown = approvalId === null || kindOfId(approvalId) === 'approval';
  if (match === null || !isKnown || formatActivityCursor(position, approvalId) !== cursor) {
    throw new CursorError(cursor, 'is malformed or belongs to another list');
  }
  return { position, approvalId };
}

/** What of the feed exists. */
export interface FeedBounds {
  /** Newest position that was deleted. */
  prunedUpTo: number;
  newest: number;
}

/** The position of a cursor. Throws a CursorError if it lies outside the feed, and a CursorExpiredError if changes after it were deleted. */
export function positionInFeed(cursor: string, { prunedUpTo, newest }: FeedBounds): ActivityPosition {
  const parsed = parseActivityCursor(cursor);
  if (parsed.position < prunedUpTo) throw new CursorExpiredError(cursor);
  if (parsed.position > newest) throw new CursorError(cursor, 'lies beyond the newest change');
  return parsed;
}
