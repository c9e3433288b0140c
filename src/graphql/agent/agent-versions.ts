import { agentVersions, type StoredAgentVersion } from '../../repositories/agent-versions.ts';
import { builder } from '../builder.ts';
import { connectionArguments, defineConnection, defineEdge } from '../connection/connections.ts';
import { connectionOf, createCursorFormat, parsePage } from '../connection/paging.ts';
import { AgentType } from '../object-types.ts';
import { AgentLimitsType, ClientTool } from './agent.ts';

const AgentVersion = builder.objectRef<StoredAgentVersion>('AgentVersion').implement({
  description: 'What the runs of an agent used from one change to the next. `Run.agentVersion` names it by its number.',
  fields: (t) => ({
    version: t.exposeInt('version', { description: 'Its number: 1 when the agent was created.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When the change was made.' }),
    name: t.exposeString('name', { description: 'Name of the agent in this version.' }),
    instructions: t.exposeString('instructions', { description: 'What the model was told before the conversation.' }),
    model: t.exposeString('model', {
      nullable: true,
      description: 'Name of its model; null if none was chosen, so that runs used the default model.',
    }),
    tools: t.stringList({
      nullable: true,
      description: 'The tools that it was allowed to call, as in `Agent.tools`; null if none were chosen: all tools.',
      resolve: ({ tools }) => tools,
    }),
    limits: t.expose('limits', {
      type: AgentLimitsType,
      nullable: true,
      description: "Its own limits for a run; null if only the gateway's limits applied.",
    }),
    outputSchema: t.expose('outputSchema', {
      type: 'JSON',
      nullable: true,
      description: 'JSON Schema of the results of its runs; null if they were text.',
    }),
    clientTools: t.field({
      type: [ClientTool],
      description: 'Tools that the clients of its runs offered.',
      resolve: ({ clientTools }) => clientTools ?? [],
    }),
  }),
});

const AgentVersionConnection = defineConnection(
  'AgentVersion',
  'versions of an agent',
  AgentVersion,
  defineEdge('AgentVersion', 'versions of an agent', AgentVersion),
);

const versionCursors = createCursorFormat<number>(String, (text) =>
  /^[1-9]\d{0,8}$/.test(text) ? Number(text) : null,
);

builder.objectField(AgentType, 'versions', (t) =>
  t.field({
    type: AgentVersionConnection,
    description: 'Its versions, newest first. The first one of the whole list is what new runs use.',
    args: connectionArguments,
    async resolve({ id }, args, { commands }) {
      const page = parsePage(args, versionCursors, 'is not a cursor of this list.');
      const { rows, ...rest } = await agentVersions(commands.database.reader, id, page);
      return connectionOf(
        rows.map((node) => ({ cursor: versionCursors.format(node.version), node })),
        rest,
      );
    },
  }),
);
