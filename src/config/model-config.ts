import { z } from 'zod';
import { type ConfigurationIssue, explainIssue } from './configuration-issue.ts';
import { httpUrl, urlWithoutCredentials } from './http-url.ts';
import { MODEL_NAME_CHARACTERS } from './limits.ts';

/** What a model can be shown beside text. Text files reach every model. */
const fileKinds = z.array(z.enum(['image', 'pdf']));

type Environment = Readonly<Record<string, string | undefined>>;

/** The built-in offline model. The name always refers to it and cannot be given to another model. */
export const SCRIPTED_MODEL = 'scripted';

const modelName = z.string().min(1).max(MODEL_NAME_CHARACTERS);
const perMillion = z.number().nonnegative();
const price = z.strictObject({
  inputPerMillion: perMillion,
  outputPerMillion: perMillion,
  /** For input tokens that the provider served from its cache; `inputPerMillion` when absent. */
  cachedInputPerMillion: perMillion.optional(),
});

const everyModel = {
  /** Size of the window, output included. */
  contextTokens: z.int().positive().default(32_000),
  price: price.optional(),
  /** Names of other models, tried in order when this one is unavailable. */
  fallbacks: z.array(modelName).default([]),
};

const remoteUrl = urlWithoutCredentials('Use apiKeyEnv or headers');

const remoteModel = {
  /** The name that the provider has for the model. */
  model: z.string().min(1),
  headers: z.record(z.string(), z.string()).default({}),
  maxOutputTokens: z.int().positive().optional(),
  ...everyModel,
};

/** Unknown models get text only, and are asked for results in words. */
const unknownAbilities = { attachments: fileKinds.default([]), structuredOutput: z.boolean().default(false) };

const scripted = z.strictObject({
  provider: z.literal('scripted'),
  /** Pause between two pieces of output. */
  paceMilliseconds: z.int().nonnegative().max(60_000).default(15),
  attachments: fileKinds.default(['image', 'pdf']),
  structuredOutput: z.boolean().default(false),
  ...everyModel,
});

const openAiCompatible = z.strictObject({
  provider: z.literal('openai-compatible'),
  baseURL: httpUrl,
  apiKeyEnv: z.string().min(1).optional(),
  /** Additional fields of the request body. */
  options: z.record(z.string(), z.json()).default({}),
  ...unknownAbilities,
  ...remoteModel,
});

const aiSdkModel = {
  baseURL: remoteUrl.optional(),
  /** `providerOptions` of the AI SDK: options by provider name. */
  options: z.record(z.string(), z.record(z.string(), z.json())).default({}),
  ...remoteModel,
};

const anthropic = z.strictObject({
  provider: z.literal('anthropic'),
  apiKeyEnv: z.string().min(1).default('ANTHROPIC_API_KEY'),
  attachments: fileKinds.default(['image', 'pdf']),
  structuredOutput: z.boolean().default(false),
  ...aiSdkModel,
});

const openai = z.strictObject({
  provider: z.literal('openai'),
  apiKeyEnv: z.string().min(1).default('OPENAI_API_KEY'),
  attachments: fileKinds.default(['image', 'pdf']),
  structuredOutput: z.boolean().default(true),
  ...aiSdkModel,
});

const builtInProviders = { scripted, 'openai-compatible': openAiCompatible, anthropic, openai };
const providerNames = Object.keys(builtInProviders).join(', ');

const packagedProvider = z.strictObject({
  provider: z
    .string()
    .regex(
      /^(@[a-z0-9~-][\w.~-]*\/)?[a-z0-9~-][\w.~-]*$/,
      `must be one of ${providerNames} or the name of an installed package`,
    ),
  /** The exported function that creates the provider, for packages that export several. */
  factory: z.string().min(1).optional(),
  apiKeyEnv: z.string().min(1).optional(),
  ...unknownAbilities,
  ...aiSdkModel,
});

/** A model behind an AI SDK provider package that the operator installed. */
export type PackagedEntry = z.infer<typeof packagedProvider>;
type BuiltInEntry = z.infer<(typeof builtInProviders)[keyof typeof builtInProviders]>;
export type ModelEntry = BuiltInEntry | PackagedEntry;

/** The fields of an entry of `models` by its `provider`; any other provider is a package. */
export const modelSchemas = { ...builtInProviders, package: packagedProvider };

/** Reports problems against the fields of the entry's own provider. A plain union would report them against all. */
export const modelEntrySchema = z.unknown().transform((entry, context): ModelEntry => {
  if (typeof entry !== 'object' || entry === null) {
    context.addIssue({ code: 'custom', message: 'must be an object with "provider"' });
    return z.NEVER;
  }
  const provider = 'provider' in entry ? entry.provider : undefined;
  if (provider === undefined) {
    const message = `must be one of ${providerNames} or the name of an installed package`;
    context.addIssue({ code: 'custom', path: ['provider'], message });
    return z.NEVER;
  }
  const schema = isBuiltIn(provider) ? builtInProviders[provider] : packagedProvider;
  const parsed = schema.safeParse(entry, { error: explainIssue });
  if (parsed.success) return parsed.data;
  for (const { path, message } of parsed.error.issues) context.addIssue({ code: 'custom', path, message });
  return z.NEVER;
});

function isBuiltIn(provider: unknown): provider is keyof typeof builtInProviders {
  return typeof provider === 'string' && Object.hasOwn(builtInProviders, provider);
}

export function isPackaged(entry: ModelEntry): entry is PackagedEntry {
  return !isBuiltIn(entry.provider);
}

/** The part of the configuration file about models. */
export const modelsConfigSchema = z.object({
  defaultModel: modelName.default(SCRIPTED_MODEL),
  models: z.record(modelName, modelEntrySchema).prefault({}),
});
export type ModelsConfig = z.infer<typeof modelsConfigSchema>;

/** The part of the configuration file about finding memories by meaning. */
export const embeddingsConfigSchema = z.object({
  embeddings: z
    .strictObject({
      provider: z.literal('openai-compatible'),
      baseURL: httpUrl,
      model: z.string().min(1).max(200),
      apiKeyEnv: z.string().min(1).optional(),
      headers: z.record(z.string(), z.string()).default({}),
      /** In the currency of the prices of models. */
      price: z.strictObject({ inputPerMillion: z.number().nonnegative() }).optional(),
    })
    .optional(),
});

/** The names of models, whether or not the entries are valid. */
const modelNamesSchema = z.object({
  defaultModel: modelsConfigSchema.shape.defaultModel,
  models: z.record(z.string(), z.unknown()).default({}),
});

/** The names that the file can refer to; null if its models have no names. */
export function knownModels(file: unknown): ReadonlySet<string> | null {
  const parsed = modelNamesSchema.safeParse(file);
  return parsed.success ? new Set([SCRIPTED_MODEL, ...Object.keys(parsed.data.models)]) : null;
}

export function unknownModel(name: string, known: ReadonlySet<string>): string {
  return `there is no model "${name}". Configured models: ${[...known].join(', ')}`;
}

/** Problems between entries: names of models that do not exist, and environment variables that are not set. */
export function checkModels(file: unknown, environment: Environment): ConfigurationIssue[] {
  const parsed = modelNamesSchema.safeParse(file);
  if (!parsed.success) return [];
  const { defaultModel, models } = parsed.data;
  const names = new Set([SCRIPTED_MODEL, ...Object.keys(models)]);
  const issues: ConfigurationIssue[] = [];
  if (!names.has(defaultModel)) issues.push({ path: ['defaultModel'], message: unknownModel(defaultModel, names) });
  for (const [name, value] of Object.entries(models)) {
    const path = ['models', name];
    const { success, data: entry } = modelEntrySchema.safeParse(value);
    if (!success) continue;
    if (name === SCRIPTED_MODEL && entry.provider !== 'scripted') {
      const message = `the name "${name}" is reserved for the built-in model. Give the entry another name`;
      issues.push({ path: [...path, 'provider'], message });
    }
    if ('apiKeyEnv' in entry) issues.push(...checkApiKey(entry.apiKeyEnv, environment, path));
    for (const [index, fallback] of entry.fallbacks.entries()) {
      const fallbackPath = [...path, 'fallbacks', index];
      if (fallback === name) issues.push({ path: fallbackPath, message: 'a model cannot be its own fallback' });
      else if (!names.has(fallback)) issues.push({ path: fallbackPath, message: unknownModel(fallback, names) });
    }
  }
  return issues;
}

export function checkEmbeddings(
  { embeddings }: z.infer<typeof embeddingsConfigSchema>,
  environment: Environment,
): ConfigurationIssue[] {
  return checkApiKey(embeddings?.apiKeyEnv, environment, ['embeddings']);
}

function checkApiKey(name: string | undefined, environment: Environment, path: string[]): ConfigurationIssue[] {
  if (name === undefined || environment[name]) return [];
  const message = `the environment variable ${name} is not set. Set it to the API key, or name another variable`;
  return [{ path: [...path, 'apiKeyEnv'], message }];
}
