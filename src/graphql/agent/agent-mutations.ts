import {
  type ChangedAgent,
  createAgent,
  type DeletedAgent,
  deleteAgent,
  updateAgent,
} from '../../application/agents.ts';
import { builder } from '../builder.ts';
import { present } from '../public-errors.ts';
import { defineResult, perform } from '../refusals.ts';
import { AgentType } from './agent.ts';

const AgentLimitsInput = builder.inputType('AgentLimitsInput', {
  description: "Bounds of one run. They only tighten the gateway's; what is left out is the gateway's.",
  fields: (t) => ({
    maxSteps: t.int({ description: 'Model calls.' }),
    maxToolCalls: t.int({ description: 'Tool calls.' }),
    runSeconds: t.float({ description: 'Time at work, without waiting for people.' }),
    maxTokens: t.int({ description: 'Input and output of all steps together.' }),
    maxCost: t.float({ description: "In the catalogue's currency." }),
  }),
});

const CreateAgentInput = builder.inputType('CreateAgentInput', {
  description: 'A new agent.',
  fields: (t) => ({
    name: t.string({ required: true, description: "Unique among the caller's agents." }),
    instructions: t.string({ required: true, description: 'What the model is told before the conversation.' }),
    model: t.string({ description: 'A model of the catalogue; without it the default one.' }),
    tools: t.stringList({
      description:
        'The tools that it may ask for: names, and `source/*` for all that come from one source, such as `builtin/*`; without it all that there are.',
    }),
    limits: t.field({ type: AgentLimitsInput, description: 'Bounds of its runs; without it those of the gateway.' }),
    makeDefault: t.boolean({
      defaultValue: false,
      description: 'Whether it runs from now on where nobody names another.',
    }),
  }),
});

const CreateAgentSuccess = builder.objectRef<ChangedAgent>('CreateAgentSuccess').implement({
  description: 'The agent exists.',
  fields: (t) => ({
    agent: t.field({
      type: AgentType,
      description: 'The new agent.',
      resolve: ({ agentId: id }, _args, { loaders }) => present(loaders.agent.load(id), 'agent', id),
    }),
  }),
});

const CreateAgentResult = defineResult('CreateAgentResult', CreateAgentSuccess, ['conflict', 'invalid-input']);

const UpdateAgentInput = builder.inputType('UpdateAgentInput', {
  description: 'What to change of an agent; what is left out stays as it is.',
  fields: (t) => ({
    agentId: t.id({ required: true, description: 'Which agent.' }),
    name: t.string({ description: "Unique among the caller's agents." }),
    instructions: t.string({ description: 'What the model is told before the conversation.' }),
    model: t.string({ description: 'A model of the catalogue.' }),
    tools: t.stringList({ description: 'The tools that it may ask for: names, and `source/*`.' }),
    limits: t.field({
      type: AgentLimitsInput,
      description: 'Takes the place of all that were set before; an empty object takes them away.',
    }),
    makeDefault: t.boolean({ description: 'Whether it runs from now on where nobody names another.' }),
  }),
});

const UpdateAgentSuccess = builder.objectRef<ChangedAgent>('UpdateAgentSuccess').implement({
  description: 'The agent is changed, from its next run on.',
  fields: (t) => ({
    agent: t.field({
      type: AgentType,
      description: 'The agent as it is now.',
      resolve: ({ agentId: id }, _args, { loaders }) => present(loaders.agent.load(id), 'agent', id),
    }),
  }),
});

const UpdateAgentResult = defineResult('UpdateAgentResult', UpdateAgentSuccess, [
  'not-found',
  'conflict',
  'invalid-input',
]);

const DeleteAgentInput = builder.inputType('DeleteAgentInput', {
  description: 'Which agent to delete.',
  fields: (t) => ({ agentId: t.id({ required: true, description: 'An agent that is not the default one.' }) }),
});

const DeleteAgentSuccess = builder.objectRef<DeletedAgent>('DeleteAgentSuccess').implement({
  description: 'The agent is gone; sessions that had it run without it.',
  fields: (t) => ({ deletedAgentId: t.id({ description: 'The id that it had.', resolve: ({ agentId }) => agentId }) }),
});

const DeleteAgentResult = defineResult('DeleteAgentResult', DeleteAgentSuccess, ['not-found', 'conflict']);

builder.mutationFields((t) => ({
  createAgent: t.field({
    type: CreateAgentResult,
    description: 'Creates an agent.',
    args: { input: t.arg({ type: CreateAgentInput, required: true, description: 'The agent.' }) },
    resolve: (_root, { input }, context) => perform(context, createAgent(context.commands, context.viewer, input)),
  }),
  updateAgent: t.field({
    type: UpdateAgentResult,
    description: 'Changes an agent.',
    args: { input: t.arg({ type: UpdateAgentInput, required: true, description: 'What to change.' }) },
    resolve: (_root, { input }, context) => perform(context, updateAgent(context.commands, context.viewer, input)),
  }),
  deleteAgent: t.field({
    type: DeleteAgentResult,
    description: 'Deletes an agent. The runs that it made stay as they are.',
    args: { input: t.arg({ type: DeleteAgentInput, required: true, description: 'Which agent.' }) },
    resolve: (_root, { input }, context) => perform(context, deleteAgent(context.commands, context.viewer, input)),
  }),
}));
