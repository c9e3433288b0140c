import type { UsageTotals } from '../../projections/runs.ts';
import { builder } from '../builder.ts';

/** The largest `Int` of GraphQL; a figure beyond it is shown as this. */
const MAX_INT = 2 ** 31 - 1;
const int = (figure: number) => Math.min(figure, MAX_INT);

export const Usage = builder.objectRef<UsageTotals>('Usage').implement({
  description: 'What model calls used.',
  fields: (t) => ({
    inputTokens: t.int({ description: 'Tokens that models read.', resolve: ({ inputTokens }) => int(inputTokens) }),
    outputTokens: t.int({ description: 'Tokens that models wrote.', resolve: ({ outputTokens }) => int(outputTokens) }),
    totalTokens: t.int({
      description: 'Both together.',
      resolve: ({ inputTokens, outputTokens }) => int(inputTokens + outputTokens),
    }),
    estimated: t.exposeBoolean('estimated', {
      description: 'True where a provider did not say how much it was and the figure was estimated.',
    }),
    cost: t.exposeFloat('cost', {
      nullable: true,
      description: "In the catalogue's currency; null where no model that was used has a price.",
    }),
  }),
});
