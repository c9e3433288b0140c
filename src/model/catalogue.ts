import type { Clock } from '../clock.ts';
import {
  type ConfigurationIssue,
  checkModels,
  type ModelEntry,
  type ModelsConfig,
  modelEntrySchema,
  SCRIPTED_MODEL,
} from '../config/model-config.ts';
import type { Catalogue, CatalogueEntry, Model } from './model.ts';
import { createOpenAiCompatibleModel } from './openai-compatible.ts';
import { withRetry } from './retry.ts';
import { createScriptedModel } from './scripted.ts';

export interface CatalogueDependencies {
  clock: Clock;
  /** 0 ≤ value < 1; spreads retries. */
  random: () => number;
  env: Readonly<Record<string, string | undefined>>;
}

/** The models of a configuration, or everything that is wrong with it. Disposing closes their connections. */
export type CatalogueOutcome =
  | { ok: true; catalogue: Catalogue & AsyncDisposable }
  | { ok: false; issues: ConfigurationIssue[] };

/** Makes every model that is configured, and the scripted one in any case. Connects to none of them. */
export function createCatalogue(config: ModelsConfig, dependencies: CatalogueDependencies): CatalogueOutcome {
  const issues = checkModels(config, dependencies.env);
  if (issues.length > 0) return { ok: false, issues };
  const connected: AsyncDisposable[] = [];
  const entries = new Map<string, CatalogueEntry>();
  const embedded = modelEntrySchema.parse({ provider: 'scripted' });
  const configured = Object.entries({ [SCRIPTED_MODEL]: embedded, ...config.models });
  for (const [name, entry] of configured) {
    const model = createModel(entry, dependencies);
    if (Symbol.asyncDispose in model) connected.push(model);
    const isRemote = entry.provider !== 'scripted';
    entries.set(name, {
      name,
      // A script that asks for a failure is to see it at once.
      model: isRemote ? withRetry(model, dependencies) : model,
      contextTokens: entry.contextTokens,
      price: entry.price ?? null,
    });
  }
  return {
    ok: true,
    catalogue: {
      defaultName: config.defaultModel,
      names: [...entries.keys()],
      find: (name) => entries.get(name) ?? null,
      async [Symbol.asyncDispose]() {
        await Promise.all(connected.map((model) => model[Symbol.asyncDispose]()));
      },
    },
  };
}

function createModel(entry: ModelEntry, { clock, env }: CatalogueDependencies): Model | (Model & AsyncDisposable) {
  switch (entry.provider) {
    case 'scripted':
      return createScriptedModel({ clock, paceMilliseconds: entry.paceMilliseconds });
    case 'openai-compatible':
      return createOpenAiCompatibleModel({
        baseURL: entry.baseURL,
        model: entry.model,
        apiKey: entry.apiKeyEnv === undefined ? null : (env[entry.apiKeyEnv] ?? null),
        headers: entry.headers,
        maxOutputTokens: entry.maxOutputTokens,
        clock,
      });
    default:
      return entry satisfies never;
  }
}
