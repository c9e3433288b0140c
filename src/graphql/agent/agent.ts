import { isConfigured } from '../../application/agents.ts';
import type { ClientToolDeclaration } from '../../domain/events.ts';
import type { AgentLimits } from '../../domain/run-limits.ts';
import { storableText } from '../../domain/storable-text.ts';
import { agentByName, pageAgents } from '../../repositories/agents.ts';
import { builder } from '../builder.ts';
import { connectionArguments, defineConnection, defineEdge } from '../connection/connections.ts';
import { connectionOfRows, pageArguments } from '../connection/paging.ts';
import { Node } from '../node.ts';
import { AgentType } from '../object-types.ts';
import { badUserInput } from '../public-errors.ts';

export const AgentLimitsType = builder.objectRef<AgentLimits>('AgentLimits').implement({
  description:
    "Limits of one run. They can only be tighter than the gateway's limits. Where a field is null, the gateway's limit applies.",
  fields: (t) => ({
    maxSteps: t.exposeInt('maxSteps', { nullable: true, description: 'Number of model calls.' }),
    maxToolCalls: t.exposeInt('maxToolCalls', { nullable: true, description: 'Number of tool calls.' }),
    runSeconds: t.exposeFloat('runSeconds', {
      nullable: true,
      description: 'Execution time in seconds, without the time spent waiting for people.',
    }),
    maxTokens: t.exposeInt('maxTokens', {
      nullable: true,
      description: 'Number of tokens, input and output of all steps together.',
    }),
    maxCost: t.exposeFloat('maxCost', { nullable: true, description: 'Cost in the currency of the catalogue.' }),
  }),
});

AgentType.implement({
  description: 'A named configuration for runs: instructions, model, tools and limits.',
  interfaces: [Node],
  fields: (t) => ({
    name: t.exposeString('name', { description: "Unique among the viewer's agents." }),
    instructions: t.exposeString('instructions', { description: 'What the model is told before the conversation.' }),
    model: t.string({
      description: 'Name of its model; the default model if none was chosen.',
      resolve: ({ model }, _args, { gateway }) => model ?? gateway.models[0] ?? '',
    }),
    tools: t.stringList({
      description:
        'The tools that it may call: names, and `source/*` for all tools of one source. If none were chosen, the names of all available tools.',
      resolve: ({ tools }, _args, { commands }) => tools ?? commands.toolbox.list().map(({ name }) => name),
    }),
    version: t.exposeInt('version', {
      description:
        'Increases with each change of name, instructions, model, tools, limits, output schema or client tools. `Run.agentVersion` refers to it.',
    }),
    limits: t.expose('limits', {
      type: AgentLimitsType,
      nullable: true,
      description: "Its own limits for a run; null if only the gateway's limits apply.",
    }),
    outputSchema: t.expose('outputSchema', {
      type: 'JSON',
      nullable: true,
      description: 'JSON Schema of the results of its runs; null if they are text.',
    }),
    isDefault: t.exposeBoolean('isDefault', {
      description: 'Whether it is used when neither message nor session names an agent.',
    }),
    isConfigured: t.boolean({
      description:
        'Whether the configuration file of the gateway defines it. Then it cannot be changed or deleted through the API.',
      resolve: (agent, _args, { commands }) => isConfigured(commands, agent),
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was created.' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it was last changed.' }),
  }),
});

export const ClientTool = builder.objectRef<ClientToolDeclaration>('ClientTool').implement({
  description: 'A tool that the client runs.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Name of the tool.' }),
    description: t.exposeString('description', { description: 'What the tool does, for the model.' }),
    inputSchema: t.field({
      type: 'JSON',
      description: 'JSON Schema of its input, an object.',
      resolve: ({ inputSchema }) => inputSchema,
    }),
    timeoutSeconds: t.exposeInt('timeoutSeconds', {
      nullable: true,
      description: 'How long a run waits for a result; null for `approvals.expiresAfterSeconds` of the configuration.',
    }),
  }),
});

builder.objectField(AgentType, 'clientTools', (t) =>
  t.field({
    type: [ClientTool],
    description: 'Tools that the clients of its runs offer. Those of a message come first if they have the same names.',
    resolve: ({ clientTools }) => clientTools ?? [],
  }),
);

const AgentEdge = defineEdge('Agent', 'agents', AgentType);

const AgentConnection = defineConnection('Agent', 'agents', AgentType, AgentEdge);

builder.queryFields((t) => ({
  agent: t.field({
    type: AgentType,
    nullable: true,
    description: 'One agent of the viewer, by id or by name; give exactly one of them. Null if there is none.',
    args: {
      id: t.arg.id({ description: 'Id of the agent.' }),
      name: t.arg.string({ description: 'Name of the agent.' }),
    },
    resolve(_root, { id, name }, { loaders, commands, viewer }) {
      if (id != null && name == null) return loaders.agent.load(id);
      if (id == null && name != null) {
        return agentByName(commands.database.reader, viewer.principal, storableText(name));
      }
      throw badUserInput('Give exactly one of `id` and `name`.');
    },
  }),
  agents: t.field({
    type: AgentConnection,
    description: "The viewer's agents, oldest first.",
    args: connectionArguments,
    resolve: async (_root, args, { commands, viewer }) =>
      connectionOfRows(await pageAgents(commands.database.reader, viewer.principal, pageArguments('agent', args))),
  }),
}));
