import { storableText } from '../../domain/storable-text.ts';
import { pageRuns, type RunRow } from '../../projections/runs.ts';
import { builder } from '../builder.ts';
import {
  type Connection,
  type ConnectionArguments,
  connectionOfRows,
  type Edge,
  pageArguments,
} from '../connection/paging.ts';
import type { GraphqlContext } from '../context.ts';
import { RunState } from './run.ts';

export const RunFilter = builder.inputType('RunFilter', {
  description: 'Which runs a list shows; all conditions hold together.',
  fields: (t) => ({
    states: t.field({ type: [RunState], description: 'Only runs in one of these states.' }),
    sessionId: t.id({ description: 'Only runs of this session.' }),
    createdAfter: t.field({ type: 'DateTime', description: 'Only runs created after this instant.' }),
    createdBefore: t.field({ type: 'DateTime', description: 'Only runs created before this instant.' }),
  }),
});

interface RunPageArguments extends ConnectionArguments {
  filter?: typeof RunFilter.$inferInput | null;
}

/** Runs of the viewer, newest first. */
export async function runPage(
  { commands, viewer }: GraphqlContext,
  args: RunPageArguments,
): Promise<Connection<Edge<RunRow>>> {
  const page = pageArguments('run', args);
  const { states, sessionId, createdAfter, createdBefore } = args.filter ?? {};
  const query = {
    owner: viewer.principal,
    states: states ?? undefined,
    sessionId: sessionId == null ? undefined : storableText(sessionId),
    createdAfter: createdAfter ?? undefined,
    createdBefore: createdBefore ?? undefined,
  };
  return connectionOfRows(await pageRuns(commands.database.reader, query, page));
}
