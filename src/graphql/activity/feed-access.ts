import { isDecidedByApprovers, visibleWaits } from '../../application/wait/wait-access.ts';
import type { ActivityItem, ActivityKind } from '../../domain/activity.ts';
import type { PageArguments, RowPage } from '../../domain/page.ts';
import { storableText } from '../../domain/storable-text.ts';
import { activityBounds, pageActivity } from '../../repositories/activity.ts';
import {
  type ActivityPosition,
  CursorExpiredError,
  formatActivityCursor,
  positionInFeed,
} from '../../streams/activity/activity-cursor.ts';
import { createActivitySource, type FollowActivityRequest } from '../../streams/activity/follow-activity.ts';
import type { GraphqlContext } from '../context.ts';

type FeedContext = Pick<GraphqlContext, 'viewer' | 'commands' | 'activity'>;

export interface FeedFilter {
  kinds: readonly ActivityKind[];
  /** Null for every session. */
  sessionId: string | null;
}

const seesEveryDecision = (viewer: GraphqlContext['viewer']) => visibleWaits(viewer).kindsOfEverybody.length > 0;

/** The position of a cursor. Throws a CursorError if it is no position in the feed, or older than the retention period. */
export async function positionOf({ commands }: FeedContext, cursor: string): Promise<ActivityPosition> {
  return positionInFeed(cursor, await activityBounds(commands.database));
}

/** A page of the changes that the viewer may see. */
export async function readChanges(
  context: FeedContext,
  { kinds, sessionId }: FeedFilter,
  page: PageArguments<number>,
  upTo: number,
): Promise<RowPage<ActivityItem>> {
  const { viewer, commands } = context;
  const query = {
    owner: viewer.principal,
    everyDecision: seesEveryDecision(viewer),
    kinds,
    sessionId: sessionId === null ? null : storableText(sessionId),
  };
  const found = await pageActivity(commands.database, query, page, upTo);
  // After the read, so that nothing that it lacks was deleted unnoticed.
  const { prunedUpTo } = await activityBounds(commands.database);
  const oldest = page.after ?? page.before;
  if (oldest !== null && oldest < prunedUpTo) throw new CursorExpiredError(formatActivityCursor(oldest));
  return found;
}

/** Follows the changes that the viewer may see. */
export function followChanges(
  context: FeedContext,
  filter: FeedFilter,
  { after, startPosition, maxBatch }: Pick<FollowActivityRequest, 'after' | 'startPosition' | 'maxBatch'>,
) {
  const { viewer, activity } = context;
  const kinds = new Set(filter.kinds);
  const everyDecision = seesEveryDecision(viewer);
  const isVisible = ({ owner, waitId }: ActivityItem) =>
    owner === viewer.principal || (everyDecision && waitId !== null && isDecidedByApprovers(waitId));
  return createActivitySource(activity, {
    after,
    startPosition,
    maxBatch,
    isWanted: (item) =>
      kinds.has(item.kind) && (filter.sessionId === null || item.sessionId === filter.sessionId) && isVisible(item),
    async readPage(position, upTo, size) {
      const page = { size, from: 'start', after: position, before: null } as const;
      return (await readChanges(context, filter, page, upTo)).rows;
    },
  });
}
