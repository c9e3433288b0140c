import { FOLLOW_PAGE_EVENTS } from '../../config/limits.ts';
import type { EventType } from '../../domain/events.ts';
import { formatCursor, seqOnTape } from '../../streams/cursor.ts';
import { type FollowBatch, followRun } from '../../streams/follow-run.ts';
import type { LiveStream } from '../../streams/live-stream.ts';
import { flattenStream } from '../../streams/transformed-stream.ts';
import { builder } from '../builder.ts';
import type { GraphqlContext } from '../context.ts';
import { batchSize, MAX_BATCH } from '../execution/batch-size.ts';
import { notFoundError } from '../public-errors.ts';
import { selectedTypes, TapeEvent, typesArgument } from './tape-event.ts';

interface RunArguments {
  runId: string;
  after?: string | null;
  types?: readonly EventType[] | null;
}

const TapeEventBatch = builder.objectRef<FollowBatch>('TapeEventBatch').implement({
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
      description: 'True once: in the batch that reaches the newest event at the time when the subscription started.',
    }),
    closed: t.exposeBoolean('closed', {
      description: 'True in the last batch: the run has ended and no event follows.',
    }),
  }),
});

/** Throws if the viewer has no such run, or a CursorError if the cursor is not a position on its tape. */
async function followTape(
  { follow, loaders, signal, lastEventId }: GraphqlContext,
  args: RunArguments,
  maxBatch: number,
): Promise<LiveStream<FollowBatch>> {
  const types = selectedTypes(args.types);
  const run = await loaders.run.load(args.runId);
  if (!run) throw notFoundError('run', args.runId);
  const cursor = lastEventId ?? args.after ?? null;
  const after = cursor === null ? 0 : seqOnTape(cursor, { runId: run.id, head: await loaders.head.load(run.id) });
  return followRun(follow, { runId: run.id, after, types, maxBatch, signal });
}

builder.subscriptionFields((t) => ({
  runEvents: t.field({
    type: TapeEvent,
    description:
      'The events of the tape after `after`, then each new event as soon as it is durable, without gaps and without duplicates. Completes after the last event of the run.',
    args: {
      runId: t.arg.id({ required: true, description: 'The run to follow.' }),
      after: t.arg.string({
        description: 'Cursor of the last event the client has seen. Without it, the tape starts from its beginning.',
      }),
      types: typesArgument,
    },
    subscribe: async (_root, args, context) =>
      flattenStream(await followTape(context, args, FOLLOW_PAGE_EVENTS), ({ events }) => events),
    resolve: (event) => event,
  }),
  runEventBatches: t.field({
    type: TapeEventBatch,
    description: 'The same events in batches of as many as are available. Costs less for a run with many events.',
    args: {
      runId: t.arg.id({ required: true, description: 'The run to follow.' }),
      after: t.arg.string({
        description: 'Cursor of the last batch the client has seen. Without it, the tape starts from its beginning.',
      }),
      types: typesArgument,
      maxBatch: t.arg.int({
        description: `The largest number of events in a batch, from 1 to ${MAX_BATCH}; ${FOLLOW_PAGE_EVENTS} by default.`,
      }),
    },
    subscribe: (_root, { maxBatch, ...args }, context) => {
      return followTape(context, args, batchSize(maxBatch));
    },
    resolve: (batch) => batch,
  }),
}));
