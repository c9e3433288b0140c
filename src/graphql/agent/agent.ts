import type { AgentLimits } from '../../domain/agent-limits.ts';
import { storableText } from '../../domain/storable-text.ts';
import { type AgentRow, agentByName, pageAgents } from '../../repositories/agents.ts';
import { builder } from '../builder.ts';
import { connectionArguments, defineConnection, defineEdge } from '../connection/connections.ts';
import { connectionOfRows, pageArguments } from '../connection/paging.ts';
import { Node } from '../node.ts';
import { badUserInput } from '../public-errors.ts';

const AgentLimitsType = builder.objectRef<AgentLimits>('AgentLimits').implement({
  description: "Bounds of one run. They only tighten the gateway's; what is null is the gateway's.",
  fields: (t) => ({
    maxSteps: t.exposeInt('maxSteps', { nullable: true, description: 'Model calls.' }),
    maxToolCalls: t.exposeInt('maxToolCalls', { nullable: true, description: 'Tool calls.' }),
    runSeconds: t.exposeFloat('runSeconds', {
      nullable: true,
      description: 'Time at work, without waiting for people.',
    }),
    maxTokens: t.exposeInt('maxTokens', { nullable: true, description: 'Input and output of all steps together.' }),
    maxCost: t.exposeFloat('maxCost', { nullable: true, description: "In the catalogue's currency." }),
  }),
});

export const AgentType = builder.objectRef<AgentRow>('Agent');

AgentType.implement({
  description: 'A named way of running: instructions, model, tools, limits.',
  interfaces: [Node],
  fields: (t) => ({
    name: t.exposeString('name', { description: "Unique among the viewer's agents." }),
    instructions: t.exposeString('instructions', { description: 'What the model is told before the conversation.' }),
    model: t.string({
      description: 'The model that it runs on; the default one where none was chosen.',
      resolve: ({ model }, _args, { gateway }) => model ?? gateway.models[0] ?? '',
    }),
    tools: t.stringList({
      description:
        'The tools that it may ask for, by name or as `source/*`; the names of all that there are where none were chosen.',
      resolve: ({ tools }, _args, { commands }) => tools ?? commands.toolbox.list().map(({ name }) => name),
    }),
    version: t.exposeInt('version', {
      description: 'Goes up with each change of what its runs are given. Runs say which one they were made with.',
    }),
    limits: t.expose('limits', {
      type: AgentLimitsType,
      nullable: true,
      description: "Bounds of its runs that are tighter than the gateway's; null where those alone hold.",
    }),
    isDefault: t.exposeBoolean('isDefault', { description: 'Whether it runs where nobody names another.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was created.' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it was last changed.' }),
  }),
});

const AgentEdge = defineEdge('Agent', 'agents', AgentType);

const AgentConnection = defineConnection('Agent', 'agents', AgentType, AgentEdge);

builder.queryFields((t) => ({
  agent: t.field({
    type: AgentType,
    nullable: true,
    description: 'One agent, by its id or by its name; exactly one of them is given. Null where there is none.',
    args: {
      id: t.arg.id({ description: 'Id of the agent.' }),
      name: t.arg.string({ description: 'Name of the agent.' }),
    },
    resolve(_root, { id, name }, { loaders, commands, viewer }) {
      if (id != null && name == null) return loaders.agent.load(id);
      if (id == null && name != null) {
        return agentByName(commands.database.reader, viewer.principal, storableText(name));
      }
      throw badUserInput('`agent` takes `id` or `name`: give exactly one of them.');
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
