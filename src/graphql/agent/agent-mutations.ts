import {
  type ChangedAgent,
  createAgent,
  type DeletedAgent,
  deleteAgent,
  updateAgent,
} from '../../application/agents.ts';
import { builder } from '../builder.ts';
import { ClientToolInput } from '../client-tool/client-tool-input.ts';
import { loadRequired } from '../loaders.ts';
import { AgentType } from '../object-types.ts';
import { defineResult, idempotencyKeyDescription, perform } from '../refusals.ts';

const AgentLimitsInput = builder.inputType('AgentLimitsInput', {
  description:
    "Limits of one run. They can only be tighter than the gateway's limits, which apply where a field is omitted.",
  fields: (t) => ({
    maxSteps: t.int({ description: 'Number of model calls, at least 1.' }),
    maxToolCalls: t.int({ description: 'Number of tool calls, at least 1.' }),
    runSeconds: t.float({ description: 'Execution time in seconds, without the time spent waiting for people.' }),
    maxTokens: t.int({ description: 'Number of tokens, input and output of all steps together, at least 1.' }),
    maxCost: t.float({ description: 'Cost in the currency of the catalogue.' }),
  }),
});

const CreateAgentInput = builder.inputType('CreateAgentInput', {
  description: 'A new agent.',
  fields: (t) => ({
    name: t.string({ required: true, description: "Name of the agent, unique among the caller's agents." }),
    instructions: t.string({ required: true, description: 'What the model is told before the conversation.' }),
    model: t.string({ description: 'Name of a configured model; the default model if omitted.' }),
    tools: t.stringList({
      description:
        'The tools that it may call: names, and `source/*` for all tools of one source, for example `builtin/*`. All available tools if omitted.',
    }),
    limits: t.field({ type: AgentLimitsInput, description: "Limits of its runs; only the gateway's if omitted." }),
    outputSchema: t.field({
      type: 'JSON',
      description: 'JSON Schema of the results of its runs; they are text if omitted.',
    }),
    clientTools: t.field({
      type: [ClientToolInput],
      description: 'Tools that the clients of its runs offer, at most 32 and 64 KiB.',
    }),
    makeDefault: t.boolean({
      defaultValue: false,
      description: 'Whether it becomes the agent that is used when neither message nor session names one.',
    }),
    idempotencyKey: t.string({ description: idempotencyKeyDescription }),
  }),
});

const CreateAgentSuccess = builder.objectRef<ChangedAgent>('CreateAgentSuccess').implement({
  description: 'The agent was created.',
  fields: (t) => ({
    agent: t.field({
      type: AgentType,
      description: 'The new agent.',
      resolve: ({ agentId }, _args, { loaders }) => loadRequired(loaders, 'agent', agentId),
    }),
  }),
});

const CreateAgentResult = defineResult('CreateAgentResult', CreateAgentSuccess, [
  'conflict',
  'invalid-input',
  'limit-exceeded',
]);

const UpdateAgentInput = builder.inputType('UpdateAgentInput', {
  description: 'Changes to an agent. Fields that are omitted or null stay unchanged.',
  fields: (t) => ({
    agentId: t.id({ required: true, description: 'Id of the agent.' }),
    name: t.string({ description: "New name, unique among the caller's agents." }),
    instructions: t.string({ description: 'What the model is told before the conversation.' }),
    model: t.string({ description: 'Name of a configured model.' }),
    tools: t.stringList({
      description: 'The tools that it may call: names, and `source/*` for all tools of one source.',
    }),
    limits: t.field({
      type: AgentLimitsInput,
      description: 'Replaces all its limits; an empty object removes them.',
    }),
    outputSchema: t.field({
      type: 'JSON',
      description: 'JSON Schema of the results of its runs; an empty object makes them text.',
    }),
    clientTools: t.field({
      type: [ClientToolInput],
      description: 'Replaces all its client tools; an empty list removes them.',
    }),
    makeDefault: t.boolean({
      description: 'Whether it is the agent that is used when neither message nor session names one.',
    }),
  }),
});

const UpdateAgentSuccess = builder.objectRef<ChangedAgent>('UpdateAgentSuccess').implement({
  description: 'The agent was changed. The change applies from its next run on.',
  fields: (t) => ({
    agent: t.field({
      type: AgentType,
      description: 'The changed agent.',
      resolve: ({ agentId }, _args, { loaders }) => loadRequired(loaders, 'agent', agentId),
    }),
  }),
});

const UpdateAgentResult = defineResult('UpdateAgentResult', UpdateAgentSuccess, [
  'not-found',
  'conflict',
  'invalid-input',
  'limit-exceeded',
]);

const DeleteAgentInput = builder.inputType('DeleteAgentInput', {
  description: 'The agent to delete.',
  fields: (t) => ({
    agentId: t.id({ required: true, description: 'Id of an agent that is not the default agent.' }),
  }),
});

const DeleteAgentSuccess = builder.objectRef<DeletedAgent>('DeleteAgentSuccess').implement({
  description: 'The agent was deleted. Sessions that used it now use the default agent, if there is one.',
  fields: (t) => ({
    deletedAgentId: t.id({ description: 'Id of the deleted agent.', resolve: ({ agentId }) => agentId }),
  }),
});

const DeleteAgentResult = defineResult('DeleteAgentResult', DeleteAgentSuccess, ['not-found', 'conflict']);

builder.mutationFields((t) => ({
  createAgent: t.field({
    type: CreateAgentResult,
    description: 'Creates an agent.',
    args: { input: t.arg({ type: CreateAgentInput, required: true, description: 'The new agent.' }) },
    resolve: (_root, { input }, context) => perform(context, createAgent(context.commands, context.viewer, input)),
  }),
  updateAgent: t.field({
    type: UpdateAgentResult,
    description: 'Changes an agent.',
    args: { input: t.arg({ type: UpdateAgentInput, required: true, description: 'The changes.' }) },
    resolve: (_root, { input }, context) => perform(context, updateAgent(context.commands, context.viewer, input)),
  }),
  deleteAgent: t.field({
    type: DeleteAgentResult,
    description:
      'Deletes an agent. Its earlier runs stay unchanged, and messages that are queued for it still run with its last version.',
    args: { input: t.arg({ type: DeleteAgentInput, required: true, description: 'The agent to delete.' }) },
    resolve: (_root, { input }, context) => perform(context, deleteAgent(context.commands, context.viewer, input)),
  }),
}));
