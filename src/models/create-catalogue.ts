import { type ConfigurationIssue, checkModels, type ModelsConfig, SCRIPTED_MODEL } from '../config/model-config.ts';
import { type ModelEntry, modelEntrySchema } from '../config/provider-config.ts';
import { alwaysClosed, withCircuit } from './circuit.ts';
import { createModel, type ModelDependencies } from './create-model.ts';
import type { Catalogue, CatalogueEntry, Model } from './model.ts';
import { withRetry } from './retry.ts';

export interface CatalogueDependencies extends ModelDependencies {
  /** 0 ≤ value < 1; spreads retries. */
  random: () => number;
}

/** The models of a configuration, or everything that is wrong with it. Disposing closes their connections. */
export type CatalogueOutcome =
  | { ok: true; catalogue: Catalogue & AsyncDisposable }
  | { ok: false; issues: ConfigurationIssue[] };

/**
 * Makes every model that is configured, and the scripted one in any case. Connects to none of them; the packages of
 * providers are loaded here, and only those that a model names.
 */
export async function createCatalogue(
  config: ModelsConfig,
  dependencies: CatalogueDependencies,
): Promise<CatalogueOutcome> {
  const issues = checkModels(config, dependencies.env);
  if (issues.length > 0) return { ok: false, issues };
  const connected: AsyncDisposable[] = [];
  const entries = new Map<string, CatalogueEntry>();
  const embedded = modelEntrySchema.parse({ provider: 'scripted' });
  const configured = Object.entries({ [SCRIPTED_MODEL]: embedded, ...config.models });
  for (const [name, entry] of configured) {
    const made = await createModel(name, entry, dependencies);
    if (!made.ok) {
      issues.push({ path: ['models', name, made.field], message: made.problem });
      continue;
    }
    if (Symbol.asyncDispose in made.model) connected.push(made.model);
    entries.set(name, entryOf(name, entry, made.model, dependencies));
  }
  const close = async () => {
    await Promise.all(connected.map((model) => model[Symbol.asyncDispose]()));
  };
  if (issues.length > 0) {
    await close();
    return { ok: false, issues };
  }
  return {
    ok: true,
    catalogue: {
      defaultName: config.defaultModel,
      names: [...entries.keys()],
      find: (name) => entries.get(name) ?? null,
      [Symbol.asyncDispose]: close,
    },
  };
}

function entryOf(name: string, entry: ModelEntry, model: Model, dependencies: CatalogueDependencies): CatalogueEntry {
  const { provider, contextTokens, fallbacks } = entry;
  // A script that asks for a failure is to see it at once, each time.
  const guarded =
    provider === 'scripted'
      ? { model, circuit: alwaysClosed }
      : withCircuit(withRetry(model, dependencies), { clock: dependencies.clock, name });
  return { name, provider, ...guarded, contextTokens, fallbacks, price: entry.price ?? null };
}
