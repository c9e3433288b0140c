import type { DelegatedCallRow } from '../../projections/delegated-calls.ts';
import type { GraphqlContext } from '../context.ts';
import { Node } from '../node.ts';
import { QuestionType } from '../object-types.ts';
import { Wait } from '../wait/wait-interface.ts';

const contentOf = (row: DelegatedCallRow, { loaders }: GraphqlContext) => loaders.delegatedCallContent.load(row);

QuestionType.implement({
  description:
    'A question to a person: of the model, whose tool call has the answer as its result, or of an MCP server while one of its tools runs.',
  interfaces: [Node, Wait],
  fields: (t) => ({
    summary: t.string({
      description: 'The question in one line, shortened in the middle if it is long.',
      resolve: async (row, _args, context) => (await contentOf(row, context)).summary,
    }),
    prompt: t.string({
      description: 'The whole question, as the model or the MCP server wrote it: plain text, not to be trusted.',
      resolve: async (row, _args, context) => (await contentOf(row, context)).question?.prompt ?? '',
    }),
    answerSchema: t.field({
      type: 'JSON',
      description: 'JSON Schema of the answer. Of choices, `{"enum": […]}`; of a link, `{"type": "null"}`.',
      resolve: async (row, _args, context) => (await contentOf(row, context)).question?.answerSchema ?? {},
    }),
    answer: t.field({
      type: 'JSON',
      nullable: true,
      description: 'The answer; null until ANSWERED, and if the answer is null. Credentials are masked.',
      resolve: async (row, _args, context) => (await contentOf(row, context)).answer,
    }),
    source: t.string({
      description: 'Source of the tool that asks: `builtin` for the model, or the name of the MCP server.',
      resolve: async (row, _args, context) => (await contentOf(row, context)).question?.source ?? '',
    }),
    url: t.string({
      nullable: true,
      description:
        'A link that the MCP server asks the person to open: http or https, with the host as it is looked up. Not to be trusted; the gateway never fetches it. Null for all other questions.',
      resolve: async (row, _args, context) => (await contentOf(row, context)).question?.url ?? null,
    }),
  }),
});
