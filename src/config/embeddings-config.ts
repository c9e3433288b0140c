import { z } from 'zod';
import type { ConfigurationIssue } from './model-config.ts';

/** The part of the configuration file that is about finding memories by what they mean. */
export const embeddingsConfigSchema = z.object({
  embeddings: z
    .strictObject({
      provider: z.literal('openai-compatible'),
      baseURL: z.url({ protocol: /^https?$/, error: 'Must be an http or https address.' }),
      model: z.string().min(1).max(200).describe("the provider's name for it"),
      apiKeyEnv: z.string().min(1).optional().describe('the environment variable that holds the key'),
      headers: z.record(z.string(), z.string()).default({}),
    })
    .optional(),
});

export function checkEmbeddings(
  { embeddings }: z.infer<typeof embeddingsConfigSchema>,
  env: Readonly<Record<string, string | undefined>>,
): ConfigurationIssue[] {
  const name = embeddings?.apiKeyEnv;
  if (name === undefined || env[name]) return [];
  return [{ path: ['embeddings', 'apiKeyEnv'], message: `The environment variable ${name} is not set.` }];
}
