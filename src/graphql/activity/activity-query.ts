import type { ActivityItem } from '../../domain/activity.ts';
import { formatActivityCursor } from '../../streams/activity/activity-cursor.ts';
import { CursorError } from '../../streams/cursor.ts';
import { builder } from '../builder.ts';
import { connectionArguments, defineConnection, defineEdge } from '../connection/connections.ts';
import { connectionOf, pageSize } from '../connection/paging.ts';
import type { GraphqlContext } from '../context.ts';
import { Activity, ActivityFilter, feedFilter } from './activity.ts';
import { positionOf, readChanges } from './feed-access.ts';

const ActivityEdge = defineEdge('Activity', 'changes', Activity);

const ActivityConnection = defineConnection('Activity', 'changes', Activity, ActivityEdge);

/** Throws a CursorError if the cursor is not one of a list of changes. */
async function boundOf(context: GraphqlContext, cursor: string | null | undefined): Promise<number | null> {
  if (cursor == null) return null;
  const { position, approvalId } = await positionOf(context, cursor);
  if (approvalId !== null)
    throw new CursorError(cursor, 'is one of `approvalEvents`, within its list of open approvals');
  return position;
}

const edgeOf = (node: ActivityItem) => ({ cursor: formatActivityCursor(node.position), node });

builder.queryField('activity', (t) =>
  t.field({
    type: ActivityConnection,
    description:
      'The changes that the subscription `activity` delivers, as pages, oldest first. Changes are kept for the retention period; an older cursor fails with the code CURSOR_EXPIRED.',
    args: {
      ...connectionArguments,
      filter: t.arg({ type: ActivityFilter, description: 'Which changes to list; all if omitted.' }),
    },
    async resolve(_root, { filter, ...args }, context) {
      const wanted = feedFilter(filter);
      const size = pageSize(args);
      const upTo = await context.activity.catchUp();
      const after = await boundOf(context, args.after);
      const before = await boundOf(context, args.before);
      const { rows, ...page } = await readChanges(context, wanted, { ...size, after, before }, upTo);
      return connectionOf(rows.map(edgeOf), page);
    },
  }),
);
