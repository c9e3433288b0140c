import { FOLLOW_PAGE_EVENTS } from '../../config/limits.ts';
import { formatCursor } from '../../streams/cursor.ts';
import type { FollowBatch } from '../../streams/follow-run.ts';
import { builder } from '../builder.ts';
import { MAX_BATCH } from '../execution/batch-size.ts';
import { TapeEvent } from './tape-event.ts';

export const TapeEventBatch = builder.objectRef<FollowBatch>('TapeEventBatch').implement({
  description: 'Consecutive events of one tape, as many as were available at once.',
  fields: (t) => ({
    events: t.expose('events', {
      type: [TapeEvent],
      description: 'The events in order. Empty only in a batch that sets `caughtUp` or `closed`.',
    }),
    cursor: t.string({
      description: 'The position after this batch, which also covers the events that `types` leaves out.',
      resolve: formatCursor,
    }),
    caughtUp: t.exposeBoolean('caughtUp', {
      description:
        'True once: in the batch that reaches the newest event at the time when the subscription started. Of a session: everything that could be delivered by then, up to the newest event of its first run that has not ended; if it had no events, in the first batch.',
    }),
    closed: t.exposeBoolean('closed', {
      description:
        'True in the last batch: the run has ended, or the session was archived and its runs have ended, and no event follows.',
    }),
  }),
});

export const { maxBatch: maxBatchArgument } = builder.args((t) => ({
  maxBatch: t.int({
    description: `The largest number of events in a batch, from 1 to ${MAX_BATCH}; ${FOLLOW_PAGE_EVENTS} by default.`,
  }),
}));
