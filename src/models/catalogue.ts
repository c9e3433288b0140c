import { SCRIPTED_MODEL } from '../config/model-config.ts';
import type { AttachmentKind } from '../domain/events.ts';
import type { Circuit } from './circuit.ts';
import type { Model, ModelUsage } from './model.ts';

/** Cost per million tokens. The operator chooses the currency, which must be the same for all models. */
export interface Price {
  inputPerMillion: number;
  outputPerMillion: number;
  /** If missing, cached input costs as much as other input. */
  cachedInputPerMillion?: number;
}

/** A model under the name by which agents and clients request it. */
export interface CatalogueEntry {
  name: string;
  /** As the configuration names it. */
  provider: string;
  model: Model;
  circuit: Circuit;
  /** Names of the models that replace this one if it fails, in this order. */
  fallbacks: readonly string[];
  /** Size of the context window in tokens, output included. */
  contextTokens: number;
  /** The longest answer that is requested; null lets the provider decide. */
  maxOutputTokens: number | null;
  /** What it can be shown beside text. */
  attachments: readonly AttachmentKind[];
  /** Whether its provider accepts a JSON Schema for the answer. */
  structuredOutput: boolean;
  /** Null if the configuration has no price: the cost is then unknown. */
  price: Price | null;
}

/** The configured models. */
export interface Catalogue {
  /** The model of runs for which neither the message nor the agent names one. */
  defaultName: string;
  names: readonly string[];
  /** Null if no model has this name. */
  find(name: string): CatalogueEntry | null;
}

/** The price of a model for budgets; null if it is unknown. The built-in model costs nothing. */
export function priceOf({ provider, price }: Pick<CatalogueEntry, 'provider' | 'price'>): Price | null {
  return price ?? (provider === SCRIPTED_MODEL ? { inputPerMillion: 0, outputPerMillion: 0 } : null);
}

/** The cost of one call, in the currency of the price. */
export function costOf({ input, output, cachedInput }: ModelUsage, price: Price): number {
  const cached = cachedInput ?? 0;
  const uncached = (input - cached) * price.inputPerMillion + output * price.outputPerMillion;
  return (uncached + cached * (price.cachedInputPerMillion ?? price.inputPerMillion)) / 1e6;
}

/** The requested model, followed by its fallbacks. The fallbacks of a fallback are not used. */
export function modelsInOrder(catalogue: Catalogue, requested: CatalogueEntry): CatalogueEntry[] {
  return [requested, ...requested.fallbacks.flatMap((name) => catalogue.find(name) ?? [])];
}
