import type { Clock } from '../clock.ts';
import type { ConfigurationIssue } from '../config/configuration-issue.ts';
import {
  checkModels,
  isPackaged,
  type ModelEntry,
  type ModelsConfig,
  modelEntrySchema,
  SCRIPTED_MODEL,
} from '../config/model-config.ts';
import type { Catalogue, CatalogueEntry } from './catalogue.ts';
import { alwaysClosed, withCircuit } from './circuit.ts';
import type { Model } from './model.ts';
import { secretsOf } from './provider/failure.ts';
import { withRetry } from './retry.ts';
import { createScriptedModel } from './scripted/scripted-model.ts';

export interface CatalogueDependencies {
  clock: Clock;
  env: Readonly<Record<string, string | undefined>>;
  /** 0 ≤ value < 1; spreads retries. */
  random: () => number;
}

/** The configured models, or every problem of their configuration. Disposing the catalogue closes its connections. */
export type CatalogueOutcome =
  | { ok: true; catalogue: Catalogue & AsyncDisposable }
  | { ok: false; issues: ConfigurationIssue[] };

/**
 * Creates every configured model, and the scripted one in any case. Opens no connection. Provider packages are loaded
 * here, and only those that a model names.
 */
export async function createCatalogue(
  config: ModelsConfig,
  dependencies: CatalogueDependencies,
): Promise<CatalogueOutcome> {
  const issues = checkModels(config, dependencies.env);
  if (issues.length > 0) return { ok: false, issues };
  const connected: AsyncDisposable[] = [];
  const entries = new Map<string, CatalogueEntry>();
  const scripted = modelEntrySchema.parse({ provider: 'scripted' });
  for (const [name, modelConfig] of Object.entries({ [SCRIPTED_MODEL]: scripted, ...config.models })) {
    const created = await createModel(name, modelConfig, dependencies);
    if (!created.ok) {
      issues.push({ path: ['models', name, created.field], message: created.problem });
      continue;
    }
    if (Symbol.asyncDispose in created.model) connected.push(created.model);
    entries.set(name, entryOf(name, modelConfig, created.model, dependencies));
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

function entryOf(name: string, config: ModelEntry, model: Model, dependencies: CatalogueDependencies): CatalogueEntry {
  const { provider, contextTokens, fallbacks, attachments, structuredOutput, price = null } = config;
  // A script that requests a failure gets it at once, every time.
  const guarded =
    provider === 'scripted'
      ? { model, circuit: alwaysClosed }
      : withCircuit(withRetry(model, dependencies), { clock: dependencies.clock, name });
  const maxOutputTokens = 'maxOutputTokens' in config ? (config.maxOutputTokens ?? null) : null;
  return {
    name,
    provider,
    ...guarded,
    contextTokens,
    maxOutputTokens,
    fallbacks,
    attachments,
    structuredOutput,
    price,
  };
}

/** A model, or the field of its configuration that is wrong and why. */
type CreatedModel =
  | { ok: true; model: Model | (Model & AsyncDisposable) }
  | { ok: false; field: string; problem: string };

async function createModel(
  name: string,
  config: ModelEntry,
  dependencies: CatalogueDependencies,
): Promise<CreatedModel> {
  if (isPackaged(config))
    return createPackagedModel(name, config, config.provider, config.factory ?? null, dependencies);
  const { clock } = dependencies;
  switch (config.provider) {
    case 'scripted':
      return { ok: true, model: createScriptedModel({ clock, paceMilliseconds: config.paceMilliseconds }) };
    case 'openai-compatible': {
      const { createOpenAiCompatibleModel } = await import('./openai-compatible/chat-model.ts');
      const { baseURL, model, headers, maxOutputTokens, options } = config;
      const apiKey = apiKeyOf(config, dependencies) ?? null;
      return {
        ok: true,
        model: createOpenAiCompatibleModel({ baseURL, model, headers, maxOutputTokens, options, apiKey, clock }),
      };
    }
    case 'anthropic':
      return createPackagedModel(name, config, '@ai-sdk/anthropic', 'createAnthropic', dependencies);
    case 'openai':
      return createPackagedModel(name, config, '@ai-sdk/openai', 'createOpenAI', dependencies);
    default:
      return config satisfies never;
  }
}

/** Imports the AI SDK with the first model that needs it, so that other servers start without it. */
async function createPackagedModel(
  name: string,
  config: Exclude<ModelEntry, { provider: 'scripted' | 'openai-compatible' }>,
  packageName: string,
  factory: string | null,
  dependencies: CatalogueDependencies,
): Promise<CreatedModel> {
  const { model, baseURL, headers, maxOutputTokens, options } = config;
  const apiKey = apiKeyOf(config, dependencies);
  const [{ loadSdkModel }, { createSdkModel }] = await Promise.all([
    import('./ai-sdk/load.ts'),
    import('./ai-sdk/sdk-model.ts'),
  ]);
  const settings = { ...(apiKey && { apiKey }), ...(baseURL && { baseURL }), headers };
  const loaded = await loadSdkModel({ packageName, factory, model, settings });
  if (!loaded.ok) return loaded;
  const host = baseURL === undefined ? null : new URL(baseURL).host;
  return {
    ok: true,
    model: createSdkModel(loaded.model, {
      name,
      clock: dependencies.clock,
      maxOutputTokens,
      providerOptions: options,
      secrets: secretsOf([apiKey, host], headers),
    }),
  };
}

function apiKeyOf({ apiKeyEnv }: { apiKeyEnv?: string }, { env }: CatalogueDependencies): string | undefined {
  return apiKeyEnv === undefined ? undefined : env[apiKeyEnv];
}
