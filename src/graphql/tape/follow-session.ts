import { FOLLOW_PAGE_EVENTS } from '../../config/limits.ts';
import type { EventType } from '../../domain/events.ts';
import { nextRunId } from '../../projections/session-runs.ts';
import { sessionById } from '../../repositories/sessions.ts';
import { CursorError, parseCursor, seqOnTape, type TapePosition } from '../../streams/cursor.ts';
import type { FollowBatch } from '../../streams/follow-run.ts';
import { followSession } from '../../streams/follow-session.ts';
import type { LiveStream } from '../../streams/live-stream.ts';
import { flattenStream } from '../../streams/transformed-stream.ts';
import { builder } from '../builder.ts';
import type { GraphqlContext } from '../context.ts';
import { batchSize } from '../execution/batch-size.ts';
import { notFoundError } from '../public-errors.ts';
import { selectedTypes, TapeEvent, typesArgument } from './tape-event.ts';
import { maxBatchArgument, TapeEventBatch } from './tape-event-batch.ts';

interface SessionArguments {
  sessionId: string;
  after?: string | null;
  types?: readonly EventType[] | null;
}

/** Throws a CursorError if the cursor is not a position on a tape of the session. */
async function positionInSession(
  { loaders }: GraphqlContext,
  sessionId: string,
  cursor: string,
): Promise<TapePosition> {
  const { runId } = parseCursor(cursor);
  const run = await loaders.run.load(runId);
  if (run?.sessionId !== sessionId) throw new CursorError(cursor, `belongs to no run of session ${sessionId}`);
  return { runId, seq: seqOnTape(cursor, { runId, head: await loaders.head.load(runId) }) };
}

/** Throws if the viewer has no such session, or a CursorError. */
async function followTapes(
  context: GraphqlContext,
  args: SessionArguments,
  maxBatch: number,
): Promise<LiveStream<FollowBatch>> {
  const types = selectedTypes(args.types);
  const { commands, follow, loaders, signal, viewer } = context;
  const session = await loaders.session.load(args.sessionId);
  if (!session) throw notFoundError('session', args.sessionId);
  const cursor = context.lastEventId ?? args.after ?? null;
  const after = cursor === null ? null : await positionInSession(context, session.id, cursor);
  const runs = {
    next: (sessionId: string, runId: string | null) => nextRunId(commands.database.reader, sessionId, runId),
    async isArchived(sessionId: string) {
      const current = await sessionById(commands.database, viewer.principal, sessionId);
      return current === null || current.archivedAt !== null;
    },
  };
  const reader = viewer.principal;
  return followSession(follow, runs, { reader, sessionId: session.id, after, types, maxBatch, signal });
}

builder.subscriptionFields((t) => ({
  sessionEvents: t.field({
    type: TapeEvent,
    description: 'The events of all runs of the session, run after run. Completes when the session is archived.',
    args: {
      sessionId: t.arg.id({ required: true, description: 'The session to follow.' }),
      after: t.arg.string({
        description: 'Cursor of the last event the client has seen. Without it, events start from the first run.',
      }),
      types: typesArgument,
    },
    subscribe: async (_root, args, context) =>
      flattenStream(await followTapes(context, args, FOLLOW_PAGE_EVENTS), ({ events }) => events),
    resolve: (event) => event,
  }),
  sessionEventBatches: t.field({
    type: TapeEventBatch,
    description:
      'The same events in batches of as many as are available, each of one run. Costs less for a session with many events.',
    args: {
      sessionId: t.arg.id({ required: true, description: 'The session to follow.' }),
      after: t.arg.string({
        description:
          'Cursor of the last batch the client has seen, or `Session.cursor`. Without it, events start from the first run.',
      }),
      types: typesArgument,
      maxBatch: maxBatchArgument,
    },
    subscribe: (_root, { maxBatch, ...args }, context) => followTapes(context, args, batchSize(maxBatch)),
    resolve: (batch) => batch,
  }),
}));
