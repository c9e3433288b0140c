import { storableText } from '../../domain/storable-text.ts';
import { pageSessions, sessionByKey } from '../../projections/sessions.ts';
import { builder } from '../builder.ts';
import { connectionArguments } from '../connection/connections.ts';
import { connectionOfRows, pageArguments } from '../connection/paging.ts';
import { badUserInput, notAvailable } from '../public-errors.ts';
import { SessionConnection, SessionType } from './session.ts';

const SessionFilter = builder.inputType('SessionFilter', {
  description: 'Which sessions a list shows; all conditions hold together.',
  fields: (t) => ({
    includeArchived: t.boolean({ defaultValue: false, description: 'Whether archived sessions are shown too.' }),
    search: t.string({ description: 'Full-text search over titles and messages.' }),
    agentId: t.id({ description: 'Only sessions of this agent.' }),
  }),
});

builder.queryFields((t) => ({
  session: t.field({
    type: SessionType,
    nullable: true,
    description: 'One session, by its id or by its key; exactly one of them is given. Null where there is none.',
    args: {
      id: t.arg.id({ description: 'Id of the session.' }),
      key: t.arg.string({ description: 'Key of a session that is not archived.' }),
    },
    resolve(_root, { id, key }, { loaders, commands, viewer }) {
      if (id != null && key == null) return loaders.session.load(id);
      if (id == null && key != null) {
        return sessionByKey(commands.database.reader, viewer.principal, storableText(key));
      }
      throw badUserInput('`session` takes `id` or `key`: give exactly one of them.');
    },
  }),
  sessions: t.field({
    type: SessionConnection,
    description: "The viewer's sessions, newest first.",
    args: {
      ...connectionArguments,
      filter: t.arg({ type: SessionFilter, description: 'Which sessions; without it all that are not archived.' }),
    },
    resolve: async (_root, { filter, ...args }, { commands, viewer }) => {
      if (filter?.search != null) throw notAvailable('`search` over sessions');
      const query = {
        owner: viewer.principal,
        includeArchived: filter?.includeArchived ?? false,
        agentId: filter?.agentId == null ? undefined : storableText(filter.agentId),
      };
      return connectionOfRows(await pageSessions(commands.database.reader, query, pageArguments('session', args)));
    },
  }),
}));
