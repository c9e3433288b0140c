import { builder } from '../builder.ts';
import type { CatalogueModelFacts } from '../context.ts';

const states = {
  CLOSED: { description: 'It is asked.' },
  OPEN: { description: 'It failed too often in a row and is not asked for a moment.' },
  HALF_OPEN: { description: 'The next call finds out whether it is there again.' },
} as const satisfies Record<CatalogueModelFacts['circuit'], { description: string }>;

const CircuitState = builder.enumType('CircuitState', {
  description: 'Whether a model is asked.',
  values: states,
});

/** A model as the gateway shows it. */
export const CatalogueModel = builder.objectRef<CatalogueModelFacts>('CatalogueModel').implement({
  description: 'A model that agents and messages can ask for.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'The name by which it is asked for.' }),
    provider: t.exposeString('provider', { description: 'What stands behind it, as the configuration names it.' }),
    contextTokens: t.exposeInt('contextTokens', {
      description: 'What it can be shown at once, its answer included, in tokens.',
    }),
    fallbacks: t.exposeStringList('fallbacks', {
      description: 'Names of the models that are asked where it is not to be had, in this order.',
    }),
    circuit: t.expose('circuit', {
      type: CircuitState,
      description: 'Whether this server asks it now. Each server finds out for itself.',
    }),
  }),
});
