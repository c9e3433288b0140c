import { z } from 'zod';

const NAME_CHARACTERS = 100;
export const modelName = z.string().min(1).max(NAME_CHARACTERS);

const perMillion = z.number().nonnegative();
const price = z.strictObject({
  inputPerMillion: perMillion,
  outputPerMillion: perMillion,
  cachedInputPerMillion: perMillion.optional().describe('of the input, what the provider had in its cache'),
});

/** What every model has, whoever provides it. */
const common = {
  contextTokens: z.int().positive().default(32_000).describe('what it can be shown at once, its answer included'),
  price: price.optional(),
  fallbacks: z.array(modelName).default([]).describe('models to ask in its place, in this order'),
};

const httpAddress = z.url({ protocol: /^https?$/, error: 'Must be an http or https address.' });
const openAddress = httpAddress.refine((text) => !URL.canParse(text) || new URL(text).username === '', {
  error: 'Must hold no user and password: use apiKeyEnv or headers.',
});

/** What every model has that is asked over the network. */
const remote = {
  model: z.string().min(1).describe("the provider's name for it"),
  headers: z.record(z.string(), z.string()).default({}),
  maxOutputTokens: z.int().positive().optional(),
  ...common,
};

const scripted = z.strictObject({
  provider: z.literal('scripted'),
  paceMilliseconds: z.int().nonnegative().max(60_000).default(15).describe('wait between pieces'),
  ...common,
});

const openAiCompatible = z.strictObject({
  provider: z.literal('openai-compatible'),
  baseURL: httpAddress,
  apiKeyEnv: z.string().min(1).optional().describe('the environment variable that holds the key'),
  options: z.record(z.string(), z.json()).default({}).describe("more fields of the request's body"),
  ...remote,
});

/** What every model has that is asked through a provider package of the AI SDK. */
const packaged = {
  baseURL: openAddress.optional(),
  options: z
    .record(z.string(), z.record(z.string(), z.json()))
    .default({})
    .describe('by provider, as its own documentation has them'),
  ...remote,
};

const anthropic = z.strictObject({
  provider: z.literal('anthropic'),
  apiKeyEnv: z.string().min(1).default('ANTHROPIC_API_KEY'),
  ...packaged,
});

const openai = z.strictObject({
  provider: z.literal('openai'),
  apiKeyEnv: z.string().min(1).default('OPENAI_API_KEY'),
  ...packaged,
});

const known = [scripted, openAiCompatible, anthropic, openai] as const;
const knownProviders = known.flatMap(({ shape }) => [...shape.provider.values]).join(', ');

const ofPackage = z.strictObject({
  provider: z
    .string()
    .regex(
      /^(@[a-z0-9~-][\w.~-]*\/)?[a-z0-9~-][\w.~-]*$/,
      `must be one of ${knownProviders}, or the name of a package.`,
    ),
  factory: z.string().min(1).optional().describe('the function of the package that makes the provider'),
  apiKeyEnv: z.string().min(1).optional(),
  ...packaged,
});

/** A model by way of any other package that the operator installed. */
export type PackagedEntry = z.infer<typeof ofPackage>;
type KnownEntry = z.infer<(typeof known)[number]>;
export type ModelEntry = KnownEntry | PackagedEntry;

/** One model. The provider says which fields there are, so a mistake is reported against those alone. */
export const modelEntrySchema = z.unknown().transform((input, context): ModelEntry => {
  const provider = typeof input === 'object' && input !== null && 'provider' in input ? input.provider : undefined;
  if (provider === undefined) {
    const message = `A provider is missing. Known are: ${knownProviders}, and the names of installed packages.`;
    context.addIssue({ code: 'custom', path: ['provider'], message });
    return z.NEVER;
  }
  const schema = known.find(({ shape }) => shape.provider.value === provider) ?? ofPackage;
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  for (const { path, message } of parsed.error.issues) context.addIssue({ code: 'custom', path, message });
  return z.NEVER;
});

const builtIn: ReadonlySet<string> = new Set(known.map(({ shape }) => shape.provider.value));

export function isPackaged(entry: ModelEntry): entry is PackagedEntry {
  return !builtIn.has(entry.provider);
}
