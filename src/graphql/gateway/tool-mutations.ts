import { type AcceptedTool, acceptTool } from '../../application/tool-calls/accept-tool.ts';
import { builder } from '../builder.ts';
import { notFoundError } from '../public-errors.ts';
import { defineResult, perform } from '../refusals.ts';
import { Tool } from './tool.ts';

const AcceptToolInput = builder.inputType('AcceptToolInput', {
  description: 'The definition of a tool to accept.',
  fields: (t) => ({
    name: t.string({ required: true, description: 'Name of the tool.' }),
    definitionHash: t.string({
      required: true,
      description:
        'SHA-256 of the definition that was reviewed, as in `Tool.definitionHash`; another one is a ConflictError.',
    }),
  }),
});

const AcceptToolSuccess = builder.objectRef<AcceptedTool>('AcceptToolSuccess').implement({
  description: 'The definition is accepted, on all servers of the database.',
  fields: (t) => ({
    tool: t.field({
      type: Tool,
      description: 'The tool.',
      resolve: ({ name }, _args, { commands }) => {
        const tool = commands.toolbox.find(name);
        if (!tool) throw notFoundError('tool', name);
        return tool;
      },
    }),
  }),
});

const AcceptToolResult = defineResult('AcceptToolResult', AcceptToolSuccess, ['not-found', 'conflict']);

builder.mutationField('acceptTool', (t) =>
  t.field({
    type: AcceptToolResult,
    description:
      'Accepts the changed definition of a tool, so that policy decides about its calls again. Repeating it succeeds. Needs the scope `approve:any` or `admin`.',
    args: { input: t.arg({ type: AcceptToolInput, required: true, description: 'The definition to accept.' }) },
    resolve: (_root, { input }, context) => perform(context, acceptTool(context.commands, context.viewer, input)),
  }),
);
