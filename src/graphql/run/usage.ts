import type { UsageTotals } from '../../projections/runs.ts';
import { builder } from '../builder.ts';

/** The largest `Int` of GraphQL; a figure beyond it is shown as this. */
const MAX_INT = 2 ** 31 - 1;
const int = (figure: number) => Math.min(figure, MAX_INT);

/** Sums of a run or a session, or the figures of one call, of which a provider may say more. */
type ShownUsage = UsageTotals & { cachedInput?: number | null; reasoning?: number | null };

export const Usage = builder.objectRef<ShownUsage>('Usage').implement({
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
    cachedInputTokens: t.int({
      nullable: true,
      description: 'Of the input, what the provider had in its cache; null where it does not say, and for sums.',
      resolve: ({ cachedInput }) => (typeof cachedInput === 'number' ? int(cachedInput) : null),
    }),
    reasoningTokens: t.int({
      nullable: true,
      description: 'Of the output, what the model thought; null where its provider does not say, and for sums.',
      resolve: ({ reasoning }) => (typeof reasoning === 'number' ? int(reasoning) : null),
    }),
    cost: t.exposeFloat('cost', {
      nullable: true,
      description: "In the catalogue's currency; null where no model that was used has a price.",
    }),
  }),
});
