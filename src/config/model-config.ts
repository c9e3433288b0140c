import { z } from 'zod';
import { modelEntrySchema, modelName } from './provider-config.ts';

/** The name under which the embedded model can always be asked for. */
export const SCRIPTED_MODEL = 'scripted';

/** A problem of the configuration file. */
export interface ConfigurationIssue {
  path: (string | number)[];
  message: string;
}

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
