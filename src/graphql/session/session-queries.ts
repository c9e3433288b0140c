import { storableText } from '../../domain/storable-text.ts';
import { sessionByKey } from '../../repositories/sessions.ts';
import { builder } from '../builder.ts';
import { connectionArguments } from '../connection/connections.ts';
import { metadataArgument } from '../metadata.ts';
import { SessionType } from '../object-types.ts';
import { badUserInput } from '../public-errors.ts';
import { RunState } from '../run/run.ts';
import { SessionConnection } from './session.ts';
import { listSessionsByActivity, listSessionsByCreation, searchSessionPage } from './session-lists.ts';

const SessionFilter = builder.inputType('SessionFilter', {
  description: 'Selects sessions of a list. A session must meet all conditions that are given.',
  fields: (t) => ({
    includeArchived: t.boolean({ defaultValue: false, description: 'Whether to include archived sessions.' }),
    search: t.string({
      description:
        'Full-text search in titles, messages and answers. Finds sessions that contain all words or, if there are none, some of them. The last word may be a prefix. The best match comes first. Each page ranks the sessions again and continues after the session of its cursor.',
    }),
    agentId: t.id({ description: 'Only sessions of this agent.' }),
    states: t.field({ type: [RunState], description: 'Only sessions whose newest run is in one of these states.' }),
    metadata: t.field({
      type: 'JSON',
      description: 'Only sessions whose metadata has each of these keys with this value: an object of strings.',
    }),
  }),
});

const SessionOrder = builder.enumType('SessionOrder', {
  description: 'Order of a list of sessions. A cursor is valid only in the order of the list that returned it.',
  values: {
    CREATED: { description: 'The newest session first. The position of a session never changes.' },
    LAST_ACTIVITY: {
      description:
        'The most recently active session first. A session moves to the front when it is created, and when a message, tool result, approval request, decision or end of a run is recorded. Other events of a run do not move it, so `lastActivityAt` of a session with a run in progress may be later than its position suggests. While you page, a session that does not move is returned exactly once; one that moves to the front may be returned again or skipped.',
    },
  } as const,
});

builder.queryFields((t) => ({
  session: t.field({
    type: SessionType,
    nullable: true,
    description: 'One session of the viewer, by id or by key; give exactly one of them. Null if there is none.',
    args: {
      id: t.arg.id({ description: 'Id of the session.' }),
      key: t.arg.string({ description: 'Key of a session that is not archived.' }),
    },
    resolve(_root, { id, key }, { loaders, commands, viewer }) {
      if (id != null && key == null) return loaders.session.load(id);
      if (id == null && key != null) {
        return sessionByKey(commands.database, viewer.principal, storableText(key));
      }
      throw badUserInput('Give exactly one of `id` and `key`.');
    },
  }),
  sessions: t.field({
    type: SessionConnection,
    description:
      "The viewer's sessions: newest first, in the order of `orderBy`, or with `search` the best match first.",
    args: {
      ...connectionArguments,
      filter: t.arg({
        type: SessionFilter,
        description: 'Which sessions to list; all that are not archived if omitted.',
      }),
      orderBy: t.arg({
        type: SessionOrder,
        description: 'Order of the list; CREATED if omitted. Not together with `search`.',
      }),
    },
    resolve: (_root, { filter, orderBy, ...args }, context) => {
      const query = {
        owner: context.viewer.principal,
        includeArchived: filter?.includeArchived ?? false,
        agentId: filter?.agentId == null ? undefined : storableText(filter.agentId),
        states: filter?.states ?? undefined,
        metadata: metadataArgument(filter?.metadata),
      };
      if (filter?.search != null) {
        if (orderBy == null) return searchSessionPage(context, query, filter.search, args);
        throw badUserInput('`orderBy` and `search` cannot be combined, because a search returns the best match first.');
      }
      return orderBy === 'LAST_ACTIVITY'
        ? listSessionsByActivity(context, query, args)
        : listSessionsByCreation(context, query, args);
    },
  }),
}));
