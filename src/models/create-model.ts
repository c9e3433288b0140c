import type { Clock } from '../clock.ts';
import { isPackaged, type ModelEntry } from '../config/provider-config.ts';
import { secretHeaders, secretsOf } from './call/secrets.ts';
import type { Model } from './model.ts';
import { createOpenAiCompatibleModel } from './openai-compatible/chat-model.ts';
import { createScriptedModel } from './scripted/scripted-model.ts';

export interface ModelDependencies {
  clock: Clock;
  env: Readonly<Record<string, string | undefined>>;
}

export type Made =
  | { ok: true; model: Model | (Model & AsyncDisposable) }
  | { ok: false; field: string; problem: string };

type Sdk = Exclude<ModelEntry, { provider: 'scripted' | 'openai-compatible' }>;

/** Makes the model of an entry, or says which field of it is wrong and why. */
export async function createModel(name: string, entry: ModelEntry, dependencies: ModelDependencies): Promise<Made> {
  if (isPackaged(entry)) return createPackaged(name, entry, entry.provider, entry.factory ?? null, dependencies);
  switch (entry.provider) {
    case 'scripted':
      return {
        ok: true,
        model: createScriptedModel({ clock: dependencies.clock, paceMilliseconds: entry.paceMilliseconds }),
      };
    case 'openai-compatible': {
      const { baseURL, model, headers, maxOutputTokens, options } = entry;
      const apiKey = keyOf(entry, dependencies) ?? null;
      const made = { baseURL, model, headers, maxOutputTokens, options, apiKey, clock: dependencies.clock };
      return { ok: true, model: createOpenAiCompatibleModel(made) };
    }
    case 'anthropic':
      return createPackaged(name, entry, '@ai-sdk/anthropic', 'createAnthropic', dependencies);
    case 'openai':
      return createPackaged(name, entry, '@ai-sdk/openai', 'createOpenAI', dependencies);
    default:
      return entry satisfies never;
  }
}

/** The AI SDK is loaded with the first model that needs it: a server that has none pays nothing for it. */
async function createPackaged(
  name: string,
  entry: Sdk,
  packageName: string,
  factory: string | null,
  dependencies: ModelDependencies,
): Promise<Made> {
  const { model, baseURL, headers, maxOutputTokens, options } = entry;
  const apiKey = keyOf(entry, dependencies);
  const [{ loadSdkModel }, { createSdkModel }] = await Promise.all([
    import('./ai-sdk/load.ts'),
    import('./ai-sdk/sdk-model.ts'),
  ]);
  const settings = { ...(apiKey && { apiKey }), ...(baseURL && { baseURL }), headers };
  const loaded = await loadSdkModel({ packageName, factory, model, settings });
  if (!loaded.ok) return loaded;
  const address = baseURL === undefined ? null : new URL(baseURL).host;
  const secrets = secretsOf([apiKey, address], secretHeaders(headers));
  const made = { name, clock: dependencies.clock, maxOutputTokens, providerOptions: options, secrets };
  return { ok: true, model: createSdkModel(loaded.model, made) };
}

function keyOf({ apiKeyEnv }: { apiKeyEnv?: string }, { env }: ModelDependencies): string | undefined {
  return apiKeyEnv === undefined ? undefined : env[apiKeyEnv];
}
