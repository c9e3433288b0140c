import { kindOfId } from '../../ids.ts';
import {
  type ActivityPosition,
  pageActiveSessions,
  pageSessions,
  type SessionRow,
  type SessionsQuery,
} from '../../repositories/sessions.ts';
import { builder } from '../builder.ts';
import {
  type Connection,
  type ConnectionArguments,
  connectionOf,
  connectionOfRows,
  type Edge,
  pageArguments,
  pageSize,
} from '../connection/paging.ts';
import type { GraphqlContext } from '../context.ts';
import { badUserInput } from '../public-errors.ts';

export const SessionOrder = builder.enumType('SessionOrder', {
  description: 'How a list of sessions is ordered. A cursor belongs to the order of the list that returned it.',
  values: {
    CREATED: { description: 'The newest session first. Sessions keep their places.' },
    LAST_ACTIVITY: {
      description:
        'The last active session first: the order of `lastActivityAt` while no run is at work. Its creation, messages, tool results, questions, decisions and ends of runs move a session to the front; what a run writes in between does not, so that `lastActivityAt` of a session with a run at work may be later than its place says. While somebody pages, sessions that do not move are met exactly once; one that moves goes to the front, and is met again, or not at all, by whoever reads on from a cursor.',
    },
  } as const,
});

/** A page of sessions in the order of their activity, or else in that of their creation. */
export async function orderedSessions(
  { commands: { database } }: GraphqlContext,
  query: SessionsQuery,
  order: typeof SessionOrder.$inferType,
  args: ConnectionArguments,
): Promise<Connection<Edge<SessionRow>>> {
  if (order === 'CREATED') {
    refuseOtherOrder(args);
    return connectionOfRows(await pageSessions(database.reader, query, pageArguments('session', args)));
  }
  const { rows, ...page } = await pageActiveSessions(database.reader, query, {
    ...pageSize(args),
    after: args.after == null ? null : parseActivityCursor(args.after),
    before: args.before == null ? null : parseActivityCursor(args.before),
  });
  const edges = rows.map((node) => ({ cursor: formatActivityCursor(node), node }));
  return connectionOf(edges, page);
}

/** Opaque to clients: where a session stood when it was listed. */
function formatActivityCursor({ activeAt, id }: ActivityPosition): string {
  return Buffer.from(`active:${activeAt.getTime()}:${id}`).toString('base64url');
}

function readActivityCursor(cursor: string): ActivityPosition | null {
  const [, time, id = ''] = /^active:(\d{1,15}):(.+)$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  if (time === undefined || kindOfId(id) !== 'session') return null;
  const place = { activeAt: new Date(Number(time)), id };
  return formatActivityCursor(place) === cursor ? place : null;
}

function parseActivityCursor(cursor: string): ActivityPosition {
  const place = readActivityCursor(cursor);
  if (place) return place;
  const shown = JSON.stringify(cursor.slice(0, 100));
  throw badUserInput(
    `${shown} is not a cursor of \`orderBy: LAST_ACTIVITY\`; give one that a list in this order returned.`,
  );
}

function refuseOtherOrder({ after, before }: ConnectionArguments): void {
  const other = [after, before].find((cursor) => cursor != null && readActivityCursor(cursor) !== null);
  if (other == null) return;
  const shown = JSON.stringify(other.slice(0, 100));
  throw badUserInput(`${shown} is a cursor of \`orderBy: LAST_ACTIVITY\`; go on in that order, or without the cursor.`);
}
