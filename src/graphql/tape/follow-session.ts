import { FOLLOW_PAGE_EVENTS } from '../../config/limits.ts';
import type { EventType } from '../../domain/events.ts';
import { nextRunId } from '../../projections/runs.ts';
import { sessionById } from '../../repositories/sessions.ts';
import { CursorError, parseCursor, seqOnTape } from '../../streams/cursor.ts';
import { followSession, type SessionRuns } from '../../streams/follow-session.ts';
import { builder } from '../builder.ts';
import type { GraphqlContext } from '../context.ts';
import { eachOf, sourceOf } from '../execution/event-source.ts';
import { createSharedLookups } from '../execution/shared-lookups.ts';
import { notFoundError } from '../public-errors.ts';
import { selectedTypes, TapeEvent, typesArgument } from './tape-event.ts';

const looksOf = new WeakMap<GraphqlContext['commands']['database'], ReturnType<typeof createSharedLookups>>();

/** Of a session that many follow, each looks for the next run whenever it has grown. */
function runsOf({ commands, viewer: { principal } }: GraphqlContext): SessionRuns {
  const { database } = commands;
  const look = looksOf.get(database) ?? createSharedLookups();
  looksOf.set(database, look);
  return {
    next: (sessionId, runId) =>
      look(JSON.stringify(['next', sessionId, runId]), () => nextRunId(database.reader, sessionId, runId)),
    isArchived: (sessionId) =>
      look(JSON.stringify(['archived', sessionId, principal]), async () => {
        const session = await sessionById(database, principal, sessionId);
        // A session that was purged has no next run either.
        return session === null || session.archivedAt !== null;
      }),
  };
}

/** Throws a CursorError where the cursor is not one of a run of the session. */
async function positionIn({ loaders }: GraphqlContext, sessionId: string, cursor: string) {
  const { runId } = parseCursor(cursor);
  const run = await loaders.run.load(runId);
  if (run?.sessionId !== sessionId) throw new CursorError(cursor, `is of no run of session ${sessionId}`);
  return { runId, seq: seqOnTape(cursor, { runId, head: await loaders.head.load(runId) }) };
}

interface SessionArguments {
  sessionId: string;
  after?: string | null;
  types?: readonly EventType[] | null;
}

async function openSession(context: GraphqlContext, args: SessionArguments) {
  const types = selectedTypes(args.types);
  const session = await context.loaders.session.load(args.sessionId);
  if (!session) throw notFoundError('session', args.sessionId);
  const cursor = context.lastEventId ?? args.after ?? null;
  return followSession(context.follow, runsOf(context), {
    sessionId: session.id,
    after: cursor === null ? null : await positionIn(context, session.id, cursor),
    types,
    maxBatch: FOLLOW_PAGE_EVENTS,
    signal: context.signal,
  });
}

builder.subscriptionField('sessionEvents', (t) =>
  t.field({
    type: TapeEvent,
    description: 'All runs of the session in order, one after the other; stays open until the session is archived.',
    args: {
      sessionId: t.arg.id({ required: true, description: 'Which session.' }),
      after: t.arg.string({ description: 'Cursor of the last event that was seen; without it from the first run on.' }),
      types: typesArgument,
    },
    subscribe: async (_root, args, context) =>
      eachOf(await openSession(context, args), (events) => events.map(sourceOf)),
    resolve: ({ value }) => value,
  }),
);
