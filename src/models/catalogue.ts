import type { Catalogue, CatalogueEntry, ModelError } from './model.ts';

/** The models that may answer in place of this one: itself, then its own fallbacks; theirs are not asked. */
export function modelsInOrder(catalogue: Catalogue, asked: CatalogueEntry): CatalogueEntry[] {
  return [asked, ...asked.fallbacks.flatMap((name) => catalogue.find(name) ?? [])];
}

/**
 * Whether a failure before the first word is one that another model can make good. What is wrong with a key, a request
 * that a provider refused, or a conversation that is too long is told to whoever can do something about it instead.
 */
export function isForFallback({ code }: ModelError): boolean {
  return code === 'MODEL_UNAVAILABLE';
}
