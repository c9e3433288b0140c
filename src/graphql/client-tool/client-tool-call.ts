import type { DelegatedCallRow } from '../../projections/delegated-calls.ts';
import type { GraphqlContext } from '../context.ts';
import { Node } from '../node.ts';
import { ClientToolCallType } from '../object-types.ts';
import { Wait } from '../wait/wait-interface.ts';

const contentOf = (row: DelegatedCallRow, { loaders }: GraphqlContext) => loaders.delegatedCallContent.load(row);

ClientToolCallType.implement({
  description: 'A tool call that a client runs: the gateway records the call and waits for `submitToolResult`.',
  interfaces: [Node, Wait],
  fields: (t) => ({
    callId: t.exposeID('callId', { description: 'Id of the tool call.' }),
    tool: t.exposeString('tool', { description: 'Name of the tool, as the message declared it.' }),
    summary: t.string({
      description: 'The call in one line: the tool, its input, and what the tool says about itself.',
      resolve: async (row, _args, context) => (await contentOf(row, context)).summary,
    }),
    input: t.field({
      type: 'JSON',
      description:
        'Input of the call, as the model wrote it or an approver changed it; it fits the schema of the tool. Credentials are replaced by placeholders.',
      resolve: async (row, _args, context) => (await contentOf(row, context)).input,
    }),
    output: t.field({
      type: 'JSON',
      nullable: true,
      description: 'What the client submitted, shortened if it is very long; null unless the outcome is COMPLETED.',
      resolve: async (row, _args, context) => (await contentOf(row, context)).result?.output ?? null,
    }),
    error: t.string({
      nullable: true,
      description: 'The error that the client submitted; null unless the outcome is FAILED.',
      resolve: async (row, _args, context) => (await contentOf(row, context)).result?.error ?? null,
    }),
  }),
});
