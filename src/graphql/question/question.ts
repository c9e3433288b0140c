import type { DelegatedCallRow } from '../../projections/delegated-calls.ts';
import type { GraphqlContext } from '../context.ts';
import { Node } from '../node.ts';
import { QuestionType } from '../object-types.ts';
import { Wait } from '../wait/wait-interface.ts';

const contentOf = (row: DelegatedCallRow, { loaders }: GraphqlContext) => loaders.delegatedCallContent.load(row);

QuestionType.implement({
  description: 'A question of the model to a person. The answer becomes the result of its tool call.',
  interfaces: [Node, Wait],
  fields: (t) => ({
    summary: t.string({
      description: 'The question in one line, shortened in the middle if it is long.',
      resolve: async (row, _args, context) => (await contentOf(row, context)).summary,
    }),
    prompt: t.string({
      description: 'The whole question, as the model wrote it: plain text, not to be trusted.',
      resolve: async (row, _args, context) => (await contentOf(row, context)).question?.prompt ?? '',
    }),
    answerSchema: t.field({
      type: 'JSON',
      description: 'JSON Schema of the answer. Of choices, `{"enum": […]}`.',
      resolve: async (row, _args, context) => (await contentOf(row, context)).question?.answerSchema ?? {},
    }),
    answer: t.field({
      type: 'JSON',
      nullable: true,
      description: 'The answer; null until ANSWERED, and if the answer is null. Credentials are masked.',
      resolve: async (row, _args, context) => (await contentOf(row, context)).answer,
    }),
    source: t.string({
      description: 'Source of the tool that asks: `builtin`.',
      resolve: async (row, _args, context) => (await contentOf(row, context)).question?.source ?? '',
    }),
  }),
});
