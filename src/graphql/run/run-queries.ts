import { storableText } from '../../domain/storable-text.ts';
import { countRuns, pageRuns } from '../../projections/run-lists.ts';
import type { RunRow } from '../../projections/runs.ts';
import { builder } from '../builder.ts';
import { connectionArguments } from '../connection/connections.ts';
import { type ConnectionArguments, connectionOfRows, type Edge, pageArguments } from '../connection/paging.ts';
import { type CountedConnection, withCount } from '../connection/total-count.ts';
import type { GraphqlContext } from '../context.ts';
import { metadataArgument } from '../metadata.ts';
import { RunType } from '../object-types.ts';
import { RunConnection, RunErrorCode, RunState } from './run.ts';

export const RunFilter = builder.inputType('RunFilter', {
  description: 'Selects runs of a list. A run must meet all conditions that are given.',
  fields: (t) => ({
    states: t.field({ type: [RunState], description: 'Only runs in one of these states.' }),
    sessionId: t.id({ description: 'Only runs of this session.' }),
    createdAfter: t.field({ type: 'DateTime', description: 'Only runs created after this instant.' }),
    createdBefore: t.field({ type: 'DateTime', description: 'Only runs created before this instant.' }),
    metadata: t.field({
      type: 'JSON',
      description: 'Only runs whose metadata has each of these keys with this value: an object of strings.',
    }),
    agentId: t.id({ description: 'Only runs of this agent, also if it was deleted.' }),
    model: t.string({ description: 'Only runs whose `model` is this one.' }),
    errorCodes: t.field({ type: [RunErrorCode], description: 'Only runs that failed with one of these codes.' }),
  }),
});

interface RunPageArguments extends ConnectionArguments {
  filter?: typeof RunFilter.$inferInput | null;
}

/** The viewer's runs, newest first. */
export async function runPage(
  { commands, viewer }: GraphqlContext,
  { filter, ...args }: RunPageArguments,
): Promise<CountedConnection<Edge<RunRow>>> {
  const { states, sessionId, createdAfter, createdBefore, metadata, agentId, model, errorCodes } = filter ?? {};
  const query = {
    owner: viewer.principal,
    states: states ?? undefined,
    sessionId: sessionId == null ? undefined : storableText(sessionId),
    createdAfter: createdAfter ?? undefined,
    createdBefore: createdBefore ?? undefined,
    metadata: metadataArgument(metadata),
    agentId: agentId == null ? undefined : storableText(agentId),
    model: model == null ? undefined : storableText(model),
    errorCodes: errorCodes ?? undefined,
  };
  const { database, settings } = commands;
  const page = connectionOfRows(await pageRuns(database, query, pageArguments('run', args)));
  return withCount<Edge<RunRow>>(settings.countedItems, (maximum) => countRuns(database, query, maximum))(page);
}

builder.queryFields((t) => ({
  run: t.field({
    type: RunType,
    nullable: true,
    description: 'One run of the viewer; null if there is none with this id.',
    args: { id: t.arg.id({ required: true, description: 'Id of the run.' }) },
    resolve: (_root, { id }, { loaders }) => loaders.run.load(id),
  }),
  runs: t.field({
    type: RunConnection,
    description: "The viewer's runs of all sessions, newest first.",
    args: {
      ...connectionArguments,
      filter: t.arg({ type: RunFilter, description: 'Which runs to list; all if omitted.' }),
    },
    resolve: (_root, args, context) => runPage(context, args),
  }),
}));
