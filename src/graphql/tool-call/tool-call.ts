import type { ToolCallState as State, ToolCallFold } from '../../domain/tool-calls.ts';
import { allToolCalls } from '../../projections/tool-calls.ts';
import { builder } from '../builder.ts';
import { ApprovalType, RunType } from '../object-types.ts';
import { Wait } from '../wait/wait-interface.ts';

const ToolCallState = builder.enumType('ToolCallState', {
  description: 'How far a tool call has come. SUCCEEDED, FAILED, DENIED and CANCELLED are final.',
  values: {
    REQUESTED: { description: 'The model requested it, and it has not been started.' },
    WAITING: { description: 'It waits for a person or a client; `waits` has what for.' },
    RUNNING: { description: 'It was started and has no result yet.' },
    SUCCEEDED: { description: 'The tool returned an output.' },
    FAILED: { description: 'It has an error: the tool failed, or the call could not be made.' },
    DENIED: { description: 'Policy or a person denied it, or nobody decided in time.' },
    CANCELLED: { description: 'The run ended before it had a result.' },
  } as const satisfies Record<State, { description: string }>,
});

const dateOf = (time: number | null) => (time === null ? null : new Date(time));

export const ToolCall = builder.objectRef<ToolCallFold>('ToolCall').implement({
  description: 'One tool call that a model requested, from its request to its end, folded from the tape.',
  fields: (t) => ({
    callId: t.exposeID('callId', { description: 'Id of the tool call, as in the events of the tape.' }),
    step: t.exposeInt('step', {
      description: 'Number of the model call that requested it: 1, 2, 3, … within the run.',
    }),
    tool: t.exposeString('tool', { description: 'Name of the tool.' }),
    input: t.field({
      type: 'JSON',
      description:
        'Input of the call, as the model wrote it or an approver changed it; credentials are replaced by placeholders. If the model did not write valid JSON, its text as a string.',
      resolve: ({ input }) => input,
    }),
    state: t.expose('state', { type: ToolCallState, description: 'How far it has come.' }),
    approval: t.field({
      type: ApprovalType,
      nullable: true,
      description: 'The approval that was requested last; null if none was requested.',
      resolve: ({ waits }, _args, { loaders }) => {
        const last = waits.findLast(({ kind }) => kind === 'APPROVAL');
        return last ? loaders.approval.load(last.id) : null;
      },
    }),
    waits: t.field({
      type: [Wait],
      description: 'Everything that it waits or waited for, oldest first.',
      resolve: async ({ waits }, _args, { loaders }) => {
        const rows = await Promise.all(waits.map(({ id }) => loaders.wait.load(id)));
        return rows.filter((row) => row !== null);
      },
    }),
    output: t.field({
      type: 'JSON',
      nullable: true,
      description: 'Output of the tool, truncated if it is very long; null unless SUCCEEDED.',
      resolve: ({ output }) => output,
    }),
    error: t.exposeString('error', {
      nullable: true,
      description: 'Why it has no output, as the model is told; null unless FAILED or DENIED.',
    }),
    attempts: t.exposeInt('attempts', { description: 'How often it was started; more than once after a crash.' }),
    requestedAt: t.field({
      type: 'DateTime',
      description: 'When the model requested it.',
      resolve: ({ requestedAt }) => new Date(requestedAt),
    }),
    startedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it was started last; null if it was not.',
      resolve: ({ startedAt }) => dateOf(startedAt),
    }),
    endedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it reached its final state; null until then.',
      resolve: ({ endedAt }) => dateOf(endedAt),
    }),
  }),
});

builder.objectField(RunType, 'toolCalls', (t) =>
  t.field({
    type: [ToolCall],
    description: 'All its tool calls, in the order of the tape.',
    async resolve({ id }, _args, { loaders, nextTurn }) {
      const calls = await loaders.toolCalls.load(allToolCalls(id));
      // A run can have hundreds.
      await nextTurn?.();
      return calls;
    },
  }),
);
