import { FOLLOW_PAGE_EVENTS } from '../../config/limits.ts';
import type { EventType } from '../../domain/events.ts';
import { formatCursor, seqOnTape } from '../../streams/cursor.ts';
import { type FollowBatch, followRun } from '../../streams/follow-run.ts';
import type { Following } from '../../streams/following.ts';
import { builder } from '../builder.ts';
import type { GraphqlContext } from '../context.ts';
import { eachOf, type SourceEvent, sourceOf } from '../execution/event-source.ts';
import { badUserInput, notFoundError } from '../public-errors.ts';
import { selectedTypes, TapeEvent, typesArgument } from './tape-event.ts';

/** The largest batch that one result may hold. */
const MAX_BATCH = 1000;

interface RunArguments {
  runId: string;
  after?: string | null;
  types?: readonly EventType[] | null;
}

interface RunBatch extends FollowBatch {
  runId: string;
}

const TapeEventBatch = builder.objectRef<RunBatch>('TapeEventBatch').implement({
  description: 'Events that became ready together.',
  fields: (t) => ({
    events: t.expose('events', {
      type: [TapeEvent],
      description:
        'In order. Empty only in the batch that says `caughtUp` or `closed` when there is nothing else to say.',
    }),
    cursor: t.string({
      description: 'Where to continue. Events left out by `types` are behind it too.',
      resolve: formatCursor,
    }),
    caughtUp: t.exposeBoolean('caughtUp', {
      description: 'True once, in the batch that reaches what was the head of the tape when the subscription began.',
    }),
    closed: t.exposeBoolean('closed', {
      description: 'True in the last batch: the run has ended and no event will follow.',
    }),
  }),
});

/** Throws where the run is not the viewer's or the cursor is not one of its tape. */
async function openTape(
  { follow, loaders, signal, lastEventId }: GraphqlContext,
  args: RunArguments,
  maxBatch: number,
): Promise<Following<FollowBatch>> {
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
      "The run's tape after `after`, then live; completes after the run's last event. No gap, no duplicate, nothing that is not yet durable.",
    args: {
      runId: t.arg.id({ required: true, description: 'Which run.' }),
      after: t.arg.string({ description: 'Cursor of the last event that was seen; without it from the beginning.' }),
      types: typesArgument,
    },
    subscribe: async (_root, args, context) =>
      eachOf(await openTape(context, args, FOLLOW_PAGE_EVENTS), ({ events }) => events.map(sourceOf)),
    resolve: ({ value }) => value,
  }),
  runEventBatches: t.field({
    type: TapeEventBatch,
    description: 'The same events, as many at a time as are ready. The cheap way to follow a fast run.',
    args: {
      runId: t.arg.id({ required: true, description: 'Which run.' }),
      after: t.arg.string({ description: 'Cursor of the last batch that was seen; without it from the beginning.' }),
      types: typesArgument,
      maxBatch: t.arg.int({
        description: `The most events that a batch holds: 1 to ${MAX_BATCH}, ${FOLLOW_PAGE_EVENTS} without it.`,
      }),
    },
    subscribe: async (_root, { maxBatch, ...args }, context) => {
      const most = maxBatch ?? FOLLOW_PAGE_EVENTS;
      if (most < 1 || most > MAX_BATCH)
        throw badUserInput(`\`maxBatch\` must be from 1 to ${MAX_BATCH}; it is ${most}.`);
      const { runId } = args;
      return eachOf(await openTape(context, args, most), (batch): SourceEvent<RunBatch>[] => [
        { value: { ...batch, runId }, cursor: formatCursor({ runId, seq: batch.seq }) },
      ]);
    },
    resolve: ({ value }) => value,
  }),
}));
