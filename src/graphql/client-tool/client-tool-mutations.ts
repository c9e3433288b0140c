import { type SubmittedToolResult, submitToolResult } from '../../application/wait/submit-tool-result.ts';
import { builder } from '../builder.ts';
import { loadRequired } from '../loaders.ts';
import { ClientToolCallType, RunType } from '../object-types.ts';
import { defineResult, perform } from '../refusals.ts';

const SubmitToolResultInput = builder.inputType('SubmitToolResultInput', {
  description: 'What a client tool returned: give either `output` or `error`.',
  fields: (t) => ({
    clientToolCallId: t.id({ required: true, description: 'Id of the client tool call.' }),
    output: t.field({
      type: 'JSON',
      description: 'Output of the tool, at most 1 MiB as JSON. Null is an output; omit the field with `error`.',
    }),
    error: t.string({ description: 'Why the tool failed, for the model; at most 2,000 characters.' }),
  }),
});

const SubmitToolResultSuccess = builder.objectRef<SubmittedToolResult>('SubmitToolResultSuccess').implement({
  description: 'The result is stored durably.',
  fields: (t) => ({
    call: t.field({
      type: ClientToolCallType,
      description: 'The settled call.',
      resolve: ({ clientToolCallId }, _args, { loaders }) => loadRequired(loaders, 'clientToolCall', clientToolCallId),
    }),
    run: t.field({
      type: RunType,
      nullable: true,
      description: 'The run that made the call, which resumes once it waits for nothing else.',
      resolve: ({ runId }, _args, { loaders }) => loaders.run.load(runId),
    }),
  }),
});

const SubmitToolResultResult = defineResult('SubmitToolResultResult', SubmitToolResultSuccess, [
  'not-found',
  'invalid-input',
  'wait-settled',
]);

builder.mutationField('submitToolResult', (t) =>
  t.field({
    type: SubmitToolResultResult,
    description:
      'Gives the result of a client tool call. The first result wins; repeating the same result succeeds. Only the principal who started the run can do this.',
    args: { input: t.arg({ type: SubmitToolResultInput, required: true, description: 'The result.' }) },
    resolve: (_root, { input }, context) => perform(context, submitToolResult(context.commands, context.viewer, input)),
  }),
);
