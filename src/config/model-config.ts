import { z } from 'zod';

/** The name under which the embedded model can always be asked for. */
export const SCRIPTED_MODEL = 'scripted';

/** A problem of the configuration file. */
export interface ConfigurationIssue {
  path: (string | number)[];
  message: string;
}

const NAME_CHARACTERS = 100;
const modelName = z.string().min(1).max(NAME_CHARACTERS);
const price = z.strictObject({ inputPerMillion: z.number().nonnegative(), outputPerMillion: z.number().nonnegative() });

/** What every model has, whoever provides it. */
const common = {
  contextTokens: z.int().positive().default(32_000).describe('what it can be shown at once, its answer included'),
  price: price.optional(),
  fallbacks: z.array(modelName).default([]).describe('models to ask in its place, in this order'),
};

const scripted = z.strictObject({
  provider: z.literal('scripted'),
  paceMilliseconds: z.int().nonnegative().max(60_000).default(15).describe('wait between pieces'),
  ...common,
});

const openAiCompatible = z.strictObject({
  provider: z.literal('openai-compatible'),
  baseURL: z.url({ protocol: /^https?$/, error: 'Must be an http or https address.' }),
  model: z.string().min(1),
  apiKeyEnv: z.string().min(1).optional().describe('the environment variable that holds the key'),
  headers: z.record(z.string(), z.string()).default({}),
  maxOutputTokens: z.int().positive().optional(),
  ...common,
});

const providers = [scripted, openAiCompatible] as const;
const knownProviders = providers.flatMap(({ shape }) => [...shape.provider.values]).join(', ');

export const modelEntrySchema = z.discriminatedUnion('provider', providers, {
  error: ({ code, input }) => (code === 'invalid_union' ? unknownProvider(input) : undefined),
});
export type ModelEntry = z.infer<typeof modelEntrySchema>;

/** The part of the configuration file that is about models. */
export const modelsConfigSchema = z.object({
  defaultModel: modelName.default(SCRIPTED_MODEL),
  models: z.record(modelName, modelEntrySchema).default({}),
});
export type ModelsConfig = z.infer<typeof modelsConfigSchema>;

/** Problems that no entry shows by itself: names that lead nowhere, and keys that are not set. */
export function checkModels(
  { defaultModel, models }: ModelsConfig,
  env: Readonly<Record<string, string | undefined>>,
): ConfigurationIssue[] {
  const names = new Set([SCRIPTED_MODEL, ...Object.keys(models)]);
  const issues: ConfigurationIssue[] = [];
  const known = [...names].join(', ');
  if (!names.has(defaultModel)) {
    issues.push({ path: ['defaultModel'], message: `There is no model "${defaultModel}". There is: ${known}.` });
  }
  for (const [name, entry] of Object.entries(models)) {
    const at = (...rest: (string | number)[]) => ['models', name, ...rest];
    if (name === SCRIPTED_MODEL && entry.provider !== 'scripted') {
      issues.push({ path: at('provider'), message: `The name "${name}" is kept for the embedded model.` });
    }
    if ('apiKeyEnv' in entry && entry.apiKeyEnv !== undefined && !env[entry.apiKeyEnv]) {
      issues.push({ path: at('apiKeyEnv'), message: `The environment variable ${entry.apiKeyEnv} is not set.` });
    }
    for (const [index, fallback] of entry.fallbacks.entries()) {
      if (fallback === name) {
        issues.push({ path: at('fallbacks', index), message: 'A model is no fallback for itself.' });
      } else if (!names.has(fallback)) {
        issues.push({
          path: at('fallbacks', index),
          message: `There is no model "${fallback}". There is: ${known}.`,
        });
      }
    }
  }
  return issues;
}

function unknownProvider(input: unknown): string {
  const given = typeof input === 'object' && input !== null && 'provider' in input ? input.provider : undefined;
  const found = typeof given === 'string' ? `"${given}" is not a known provider` : 'A provider is missing';
  return `${found}. Known are: ${knownProviders}.`;
}
