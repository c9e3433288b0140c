import { systemClock } from '../../../src/clock.ts';
import type { Catalogue, CatalogueEntry } from '../../../src/models/catalogue.ts';
import type { Model } from '../../../src/models/model.ts';
import { createScriptedModel } from '../../../src/models/scripted/scripted-model.ts';

/** A catalogue with one model, the scripted one, whose `stream` the test overrides. */
export function overridingCatalogue(contextTokens: number, stream: (inner: Model) => Model['stream']): Catalogue {
  const inner = createScriptedModel({ clock: systemClock, paceMilliseconds: 0 });
  const entry: CatalogueEntry = {
    name: 'scripted',
    provider: 'scripted',
    model: { stream: stream(inner) },
    fallbacks: [],
    contextTokens,
    price: null,
    maxOutputTokens: null,
    attachments: [],
    structuredOutput: false,
    circuit: { state: () => 'closed', admits: () => true },
  };
  return { defaultName: 'scripted', names: ['scripted'], find: (name) => (name === 'scripted' ? entry : null) };
}
