import { FOLLOW_PAGE_EVENTS } from '../../config/limits.ts';
import type { EventType } from '../../domain/events.ts';
import { headOfRun } from '../../projections/runs.ts';
import { seqOnTape } from '../../streams/cursor.ts';
import { type FollowBatch, followRun } from '../../streams/follow-run.ts';
import type { LiveStream } from '../../streams/live-stream.ts';
import { flattenStream } from '../../streams/transformed-stream.ts';
import { builder } from '../builder.ts';
import type { GraphqlContext } from '../context.ts';
import { batchSize } from '../execution/batch-size.ts';
import { notFoundError } from '../public-errors.ts';
import { selectedTypes, TapeEvent, typesArgument } from './tape-event.ts';
import { maxBatchArgument, TapeEventBatch } from './tape-event-batch.ts';

interface RunArguments {
  runId: string;
  after?: string | null;
  types?: readonly EventType[] | null;
}

/** Throws if the viewer has no such run, or a CursorError if the cursor is not a position on its tape. */
async function followTape(
  { follow, commands, viewer, signal, lastEventId }: GraphqlContext,
  args: RunArguments,
  maxBatch: number,
): Promise<LiveStream<FollowBatch>> {
  const types = selectedTypes(args.types);
  const { runId } = args;
  const head = await headOfRun(commands.database, viewer.principal, runId);
  if (head === null) throw notFoundError('run', runId);
  const cursor = lastEventId ?? args.after ?? null;
  const after = cursor === null ? 0 : seqOnTape(cursor, { runId, head });
  return followRun(follow, { reader: viewer.principal, runId, after, types, maxBatch, signal });
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
      maxBatch: maxBatchArgument,
    },
    subscribe: (_root, { maxBatch, ...args }, context) => followTape(context, args, batchSize(maxBatch)),
    resolve: (batch) => batch,
  }),
}));
