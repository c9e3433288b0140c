import { type ActivityItem, activityKinds, type ActivityKind as Kind } from '../../domain/activity.ts';
import { formatActivityCursor } from '../../streams/activity/activity-cursor.ts';
import { builder } from '../builder.ts';
import type { GraphqlContext } from '../context.ts';
import { RunType, SessionType } from '../object-types.ts';
import { badUserInput } from '../public-errors.ts';
import { RunState } from '../run/run.ts';
import { Wait } from '../wait/wait-interface.ts';
import type { FeedFilter } from './feed-access.ts';

const ActivityKind = builder.enumType('ActivityKind', {
  description: 'What has changed.',
  values: {
    SESSION_CREATED: { description: 'A session was created, also as a branch or by its first message.' },
    SESSION_UPDATED: {
      description:
        'Title, agent or settings of a session were changed, a message gave it its title, or it was taken from the archive.',
    },
    SESSION_ARCHIVED: { description: 'A session was archived.' },
    SESSION_PURGED: { description: 'A session was erased. Only its id is left.' },
    RUN_CREATED: { description: 'A message or a retry created a run. It is PENDING.' },
    RUN_STATE_CHANGED: { description: 'A run has reached another state; `state` names it.' },
    WAIT_OPENED: { description: 'A run waits for something, for example for an approval.' },
    WAIT_SETTLED: { description: 'A wait was settled: decided, expired or withdrawn.' },
  } as const satisfies Record<Kind, { description: string }>,
});

export const ActivityFilter = builder.inputType('ActivityFilter', {
  description: 'Selects changes. A change must meet all conditions that are given. Cursors do not depend on it.',
  fields: (t) => ({
    kinds: t.field({ type: [ActivityKind], description: 'Only changes of these kinds.' }),
    sessionId: t.id({ description: 'Only changes of this session, and of its runs and waits.' }),
  }),
});

/** Throws BAD_USER_INPUT if the filter selects no kind. */
export function feedFilter(
  filter: { kinds?: readonly Kind[] | null; sessionId?: string | null } | null | undefined,
): FeedFilter {
  const { kinds, sessionId = null } = filter ?? {};
  if (kinds?.length === 0) throw badUserInput('`filter.kinds` is empty. Omit it to receive changes of all kinds.');
  return { kinds: kinds ?? activityKinds, sessionId };
}

/** Approvers see waits of other principals, and nothing else of their sessions. */
const isOwn = ({ owner }: ActivityItem, { viewer }: GraphqlContext) => owner === viewer.principal;

export const Activity = builder.objectRef<ActivityItem>('Activity').implement({
  description:
    'One change. `session`, `run` and `wait` are the objects as they are when the item is delivered; the ids say what changed, also after it was erased.',
  fields: (t) => ({
    cursor: t.string({
      description: 'Position in the feed. Pass it as `after` to continue with the next change.',
      resolve: ({ position }) => formatActivityCursor(position),
    }),
    kind: t.expose('kind', { type: ActivityKind, description: 'What has changed.' }),
    occurredAt: t.expose('occurredAt', { type: 'DateTime', description: 'When it changed.' }),
    sessionId: t.id({
      nullable: true,
      description: "Id of the session; null if it is another principal's, of which an approver sees only the wait.",
      resolve: (item, _args, context) => (isOwn(item, context) ? item.sessionId : null),
    }),
    runId: t.exposeID('runId', { nullable: true, description: 'Id of the run; null for changes of a session.' }),
    waitId: t.exposeID('waitId', {
      nullable: true,
      description: 'Id of the wait; null for changes of a session or of a run.',
    }),
    session: t.field({
      type: SessionType,
      nullable: true,
      description: "The session as it is now; null if it was erased, and if it is another principal's.",
      resolve: ({ sessionId }, _args, { loaders }) => loaders.session.load(sessionId),
    }),
    run: t.field({
      type: RunType,
      nullable: true,
      description:
        "The run as it is now; null for changes of a session, if it was erased, and if it is another principal's.",
      resolve: ({ runId }, _args, { loaders }) => (runId === null ? null : loaders.run.load(runId)),
    }),
    wait: t.field({
      type: Wait,
      nullable: true,
      description: 'The wait as it is now; null for changes of a session or of a run, and if it was erased.',
      resolve: ({ waitId }, _args, { loaders }) => (waitId === null ? null : loaders.wait.load(waitId)),
    }),
    state: t.expose('state', {
      type: RunState,
      nullable: true,
      description: 'The state that the run has reached; null unless `kind` is RUN_STATE_CHANGED.',
    }),
  }),
});
