import { visibleWaits } from '../../application/wait/wait-access.ts';
import { pageWaits } from '../../projections/waits.ts';
import { builder } from '../builder.ts';
import { connectionArguments } from '../connection/connections.ts';
import { emptyConnection } from '../connection/paging.ts';
import { RunType, SessionType } from '../object-types.ts';
import { Wait } from './wait-interface.ts';
import { connectionOfWaits, WaitConnection, WaitFilter, waitPageArguments, waitsFilter } from './wait-lists.ts';

builder.queryFields((t) => ({
  wait: t.field({
    type: Wait,
    nullable: true,
    description:
      'One wait of the viewer, or an approval or budget request of any principal with the scope `approve:any`; null if there is none with this id.',
    args: { id: t.arg.id({ required: true, description: 'Id of the wait.' }) },
    resolve: (_root, { id }, { loaders }) => loaders.wait.load(id),
  }),
  waits: t.field({
    type: WaitConnection,
    description:
      "Everything that the viewer's runs wait for, newest first. With the scope `approve:any`, the approvals and budget requests of all principals too.",
    args: {
      ...connectionArguments,
      filter: t.arg({ type: WaitFilter, description: 'Which waits to list; all if omitted.' }),
    },
    resolve: async (_root, { filter, ...args }, { commands, viewer }) =>
      connectionOfWaits(
        await pageWaits(commands.database.reader, visibleWaits(viewer), waitsFilter(filter), waitPageArguments(args)),
      ),
  }),
}));

builder.objectField(RunType, 'pendingWaits', (t) =>
  t.field({
    type: [Wait],
    description: 'What it waits for now, oldest first.',
    resolve: ({ id }, _args, { loaders }) => loaders.openWaits.load(id),
  }),
);

builder.objectField(SessionType, 'waits', (t) =>
  t.field({
    type: WaitConnection,
    description: 'What its runs wait or waited for, newest first.',
    args: {
      ...connectionArguments,
      filter: t.arg({ type: WaitFilter, description: 'Which waits to list; all if omitted.' }),
    },
    resolve: async ({ id: sessionId }, { filter, ...args }, { loaders }) => {
      const { sessionId: filteredId, ...others } = waitsFilter(filter);
      const page = waitPageArguments(args);
      if (filteredId !== undefined && filteredId !== sessionId) return emptyConnection;
      return connectionOfWaits(await loaders.sessionWaits.load({ sessionId, filter: others, page }));
    },
  }),
);
