import { FOLLOW_PAGE_EVENTS } from '../../config/limits.ts';
import type { ActivityItem } from '../../domain/activity.ts';
import { formatActivityCursor } from '../../streams/activity/activity-cursor.ts';
import { CursorError } from '../../streams/cursor.ts';
import { createLiveStream } from '../../streams/live-stream.ts';
import { flattenStream } from '../../streams/transformed-stream.ts';
import { builder } from '../builder.ts';
import { batchSize, MAX_BATCH } from '../execution/batch-size.ts';
import { Activity, ActivityFilter, feedFilter } from './activity.ts';
import { followChanges, positionOf } from './feed-access.ts';

interface Batch {
  items: readonly ActivityItem[];
  cursor: string;
  caughtUp: boolean;
}

const ActivityBatch = builder.objectRef<Batch>('ActivityBatch').implement({
  description: 'Consecutive changes, as many as were available at once.',
  fields: (t) => ({
    items: t.field({
      type: [Activity],
      description: 'The changes in order. Empty only in a batch that sets `caughtUp`.',
      resolve: ({ items }) => items,
    }),
    cursor: t.exposeString('cursor', {
      description: 'The position after this batch, which also covers the changes that `filter` leaves out.',
    }),
    caughtUp: t.exposeBoolean('caughtUp', {
      description: 'True once: in the batch that reaches the newest change at the time when the subscription started.',
    }),
  }),
});

builder.subscriptionField('activity', (t) =>
  t.field({
    type: ActivityBatch,
    description:
      'Changes to everything that the viewer can see, in commit order: those after `after`, then each new one when it is durable. Never completes. Without `after` it starts now: the first batch is empty, and has the cursor to resume from. A cursor that is older than the retention period fails with the code CURSOR_EXPIRED; read the lists again then, and start without `after`. With the scope `approve:any` the waits of all principals are included.',
    args: {
      after: t.arg.string({ description: 'Cursor of the last batch or change that the client has seen.' }),
      filter: t.arg({ type: ActivityFilter, description: 'Which changes to receive; all if omitted.' }),
      maxBatch: t.arg.int({
        description: `The largest number of changes in a batch, from 1 to ${MAX_BATCH}; ${FOLLOW_PAGE_EVENTS} by default.`,
      }),
    },
    async subscribe(_root, { after, filter, maxBatch }, context) {
      const { activity, follow, signal, lastEventId } = context;
      const wanted = feedFilter(filter);
      const size = batchSize(maxBatch);
      const startPosition = await activity.catchUp();
      const cursor = lastEventId ?? after ?? null;
      const start = cursor === null ? null : await positionOf(context, cursor);
      if (cursor !== null && start?.approvalId != null) {
        throw new CursorError(cursor, 'is one of `approvalEvents`, within its list of open approvals');
      }
      const source = followChanges(context, wanted, {
        after: start?.position ?? startPosition,
        startPosition,
        maxBatch: size,
      });
      const changes = createLiveStream(source, { ...follow, signal });
      return flattenStream(changes, ({ items, position, caughtUp }): Batch[] => [
        { items, cursor: formatActivityCursor(position), caughtUp },
      ]);
    },
    resolve: (batch) => batch,
  }),
);
