import { z } from 'zod';
import { fileSchema } from './configuration.ts';
import { modelSchemas } from './model-config.ts';
import { mcpServerSchemas } from './tools-config.ts';

type JsonSchema = z.core.JSONSchema.JSONSchema;

/**
 * The JSON Schema of the configuration file, from which editors complete and check it. It allows what the program allows, except for
 * rules between keys.
 *
 * @param page the text of docs/configuration.md, whose tables have the meaning of each key
 */
export function configurationJsonSchema(page: string): JsonSchema {
  const { package: packaged, ...builtIn } = modelSchemas;
  const providerPackage = packaged.extend({
    provider: packaged.shape.provider.meta({ not: { enum: Object.keys(builtIn) } }),
  });
  const { models, mcpServers } = fileSchema.shape;
  const model = z.union([...Object.values(builtIn), providerPackage]);
  const whole = fileSchema.extend({
    // The entries of these are checked one by one, so their own schemas do not show what they have.
    models: z.record(models.unwrap().keyType, model).prefault({}),
    mcpServers: z.record(mcpServers.unwrap().keyType, z.union(Object.values(mcpServerSchemas))).prefault({}),
  });
  const schema = z.toJSONSchema(whole, { io: 'input', target: 'draft-7', override: simplify });
  describe(schema, '', meaningsIn(page));
  return { ...schema, title: 'Configuration of Runtape' };
}

function simplify({ jsonSchema }: { jsonSchema: JsonSchema }): void {
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
  // `${NAME}` can stand in the place of an address. Other formats are known to zod alone.
  if (jsonSchema.format !== 'date-time') delete jsonSchema.format;
}

/** The meanings of the keys, as plain text. */
function meaningsIn(page: string): ReadonlyMap<string, string> {
  const [, filePart = ''] = page.split(/^## File$/m);
  const rows = filePart.matchAll(/^\| `([^`]+)` \| .+? \| .+? \| (.+) \|$/gm);
  return new Map([...rows].map(([, key = '', meaning = '']) => [key, withoutLinks(meaning)]));
}

/** A link after the last sentence names another page. */
function withoutLinks(text: string): string {
  return text.replace(/\. \[[^\]]*\]\([^)]*\)$/, '.').replace(/\[([^\]]*)\]\([^)]*\)/g, '$1');
}

/** Adds the meaning to each key. Entries of a record have the path `<name>`, those of an array `[]`. */
function describe(schema: JsonSchema, path: string, meanings: ReadonlyMap<string, string>): void {
  for (const option of [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])]) describe(option, path, meanings);
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const key = path === '' ? name : `${path}.${name}`;
    const meaning = meanings.get(key);
    if (meaning === undefined) throw new Error(`docs/configuration.md has no row for ${key}.`);
    if (typeof property !== 'object') continue;
    property.description = meaning;
    describe(property, key, meanings);
  }
  const { additionalProperties, items } = schema;
  if (typeof additionalProperties === 'object') describe(additionalProperties, `${path}.<name>`, meanings);
  if (typeof items === 'object' && !Array.isArray(items)) describe(items, `${path}[]`, meanings);
}
