import { builder } from '../builder.ts';
import { connectionArguments } from '../connection/connections.ts';
import { RunConnection, RunType } from './run.ts';
import { RunFilter, runPage } from './run-page.ts';

builder.queryFields((t) => ({
  run: t.field({
    type: RunType,
    nullable: true,
    description: 'One run; null where there is none with this id.',
    args: { id: t.arg.id({ required: true, description: 'Id of the run.' }) },
    resolve: (_root, { id }, { loaders }) => loaders.run.load(id),
  }),
  runs: t.field({
    type: RunConnection,
    description: 'Runs of all sessions, newest first.',
    args: {
      ...connectionArguments,
      filter: t.arg({ type: RunFilter, description: 'Which runs; all of them without it.' }),
    },
    resolve: (_root, args, context) => runPage(context, args),
  }),
}));
