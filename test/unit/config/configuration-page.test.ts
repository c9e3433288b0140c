import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { environmentSchema, fileSchema } from '../../../src/config/configuration.ts';
import { modelSchemas } from '../../../src/config/model-config.ts';
import { mcpServerSchemas } from '../../../src/config/tools-config.ts';

const root = join(import.meta.dirname, '../../..');
const page = readFileSync(join(root, 'docs/configuration.md'), 'utf8');

/** Type and default of a key, as the page writes them. */
interface Key {
  type: string;
  default: string;
}
type Keys = Record<string, Key>;

type JsonSchema = z.core.JSONSchema.JSONSchema;
type Format = (value: unknown) => string;

/** What one variant, such as a provider, says about a key. Null if the key does not depend on a variant. */
interface Declaration {
  variant: string | null;
  schema: JsonSchema;
  isRequired: boolean;
}

const asJson: Format = (value) => `\`${JSON.stringify(value)}\``;
const asText: Format = (value) => `\`${value}\``;

function jsonSchema(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, { io: 'input' });
}

/** Schemas that hide behind a transform, by the path of the record whose entries have them. */
const entrySchemas: Readonly<Record<string, Record<string, z.ZodType>>> = {
  models: modelSchemas,
  mcpServers: mcpServerSchemas,
};

/** Every named key of a schema. Entries of a record have the path `<name>`, those of an array `[]`. */
function declarationsOf(schema: JsonSchema): { keys: Map<string, Declaration[]>; variants: Map<string, number> } {
  const keys = new Map<string, Declaration[]>();
  const variants = new Map<string, number>();

  function visitVariants(options: Record<string, JsonSchema>, path: string): void {
    variants.set(path, Object.keys(options).length);
    for (const [variant, option] of Object.entries(options)) visit(option, path, variant);
  }

  function visit(current: JsonSchema, path: string, variant: string | null): void {
    const hidden = entrySchemas[path.replace(/\.<name>$/, '')];
    if (hidden && path.endsWith('.<name>') && variant === null) {
      const options = Object.entries(hidden).map(([name, option]) => [name, jsonSchema(option)]);
      visitVariants(Object.fromEntries(options), path);
      return;
    }
    if (current.oneOf) {
      const options = current.oneOf.map((option) => [discriminatorOf(option as JsonSchema), option]);
      visitVariants(Object.fromEntries(options), path);
      return;
    }
    for (const [name, property] of Object.entries(current.properties ?? {})) {
      const key = path === '' ? name : `${path}.${name}`;
      const isRequired = current.required?.includes(name) ?? false;
      keys.set(key, [...(keys.get(key) ?? []), { variant, schema: property as JsonSchema, isRequired }]);
      visit(property as JsonSchema, key, variant);
    }
    if (typeof current.additionalProperties === 'object')
      visit(current.additionalProperties, `${path}.<name>`, variant);
    if (typeof current.items === 'object') visit(current.items as JsonSchema, `${path}[]`, variant);
  }

  visit(schema, '', null);
  return { keys, variants };
}

function discriminatorOf({ properties = {} }: JsonSchema): string {
  const constant = Object.values(properties).find((property) => typeof property === 'object' && 'const' in property);
  return String((constant as JsonSchema | undefined)?.const);
}

function keysOf(schema: z.ZodType, format: Format): Keys {
  const { keys, variants } = declarationsOf(jsonSchema(schema));
  return Object.fromEntries(
    [...keys].map(([path, declarations]) => {
      const parent = [...variants].find(([prefix]) => path.startsWith(`${prefix}.`));
      const isInAll = parent === undefined || declarations.length === parent[1];
      return [path, { type: typeText(declarations, format), default: defaultText(declarations, isInAll, format) }];
    }),
  );
}

function typeText(declarations: readonly Declaration[], format: Format): string {
  return alternatives([...new Set(declarations.flatMap(({ schema }) => typesOf(schema, format)))]);
}

function typesOf(schema: JsonSchema, format: Format): string[] {
  if (schema.const !== undefined) return [format(schema.const)];
  if (schema.enum) return schema.enum.map(format);
  const options = schema.anyOf ?? schema.oneOf;
  if (options) return options.flatMap((option) => typesOf(option as JsonSchema, format));
  if (schema.type === 'integer') return [`whole number${rangeOf(schema)}`];
  if (schema.type === 'number') return [`number${rangeOf(schema)}`];
  if (schema.type === 'array') return [`array${elementsOf(schema, format)}`];
  if (schema.format === 'uri') return ['URL'];
  if (schema.format === 'date-time') return ['time'];
  return [String(schema.type)];
}

/** Only for elements with fixed values. */
function elementsOf({ items }: JsonSchema, format: Format): string {
  const values = typeof items === 'object' && !Array.isArray(items) ? items.enum : undefined;
  return values === undefined ? '' : ` of ${alternatives(values.map(format))}`;
}

function rangeOf({ minimum, maximum, exclusiveMinimum }: JsonSchema): string {
  const most = maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum;
  if (minimum !== undefined && most !== undefined) return ` from ${minimum} to ${most}`;
  const least = minimum === undefined ? ` > ${exclusiveMinimum}` : ` ≥ ${minimum}`;
  return most === undefined ? least : `${least}, ≤ ${most}`;
}

function alternatives(texts: readonly string[]): string {
  return texts.length < 2 ? texts.join('') : `${texts.slice(0, -1).join(', ')} or ${texts.at(-1)}`;
}

function defaultText(declarations: readonly Declaration[], isInAll: boolean, format: Format): string {
  const variantsByDefault = new Map<string, (string | null)[]>();
  for (const { variant, schema, isRequired } of declarations) {
    const value = schema.default === undefined ? '—' : format(schema.default);
    const text = isRequired ? 'required' : value;
    variantsByDefault.set(text, [...(variantsByDefault.get(text) ?? []), variant]);
  }
  if (isInAll && variantsByDefault.size === 1) return [...variantsByDefault.keys()].join('');
  return [...variantsByDefault].map(([text, variants]) => `${text} (${variants.join(', ')})`).join(', ');
}

/** The rows of all tables in a part of the page. */
function rowsOf(text: string): Keys {
  const rows = [...text.matchAll(/^\| `([^`]+)` \| (.+?) \| (.+?) \| .+ \|$/gm)];
  return Object.fromEntries(rows.map(([, key = '', type = '', value = '']) => [key, { type, default: value }]));
}

/** Environment variables that the source code names, with the defaults that it assigns. */
function variablesInSources(): Keys {
  const paths = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' });
  const sources = paths.filter((path) => path.endsWith('.ts') && !path.includes('generated'));
  const texts = sources.map((path) => readFileSync(join(root, 'src', path), 'utf8'));
  const names = texts.flatMap((text) =>
    [...text.matchAll(/\b(?:process\.env|environment|env)\.([A-Z][A-Z0-9_]+)\b|\b(RUNTAPE_[A-Z0-9_]+)\b/g)].map(
      ([, member, name]) => member ?? name ?? '',
    ),
  );
  const defaults = texts.flatMap((text) => [...text.matchAll(/process\.env\.([A-Z_]+) \?\?= '([^']*)'/g)]);
  const assignedDefault = (name: string) => defaults.find(([, assigned]) => assigned === name)?.[2];
  return Object.fromEntries(
    [...new Set(names)].map((name) => {
      const value = assignedDefault(name);
      return [name, { type: 'string', default: value === undefined ? '—' : asText(value) }];
    }),
  );
}

describe('docs/configuration.md', () => {
  const [environmentPart = '', filePart = ''] = page.split(/^## File$/m);

  test('has every environment variable with its type and default, and no other', () => {
    const expected = { ...variablesInSources(), ...keysOf(environmentSchema, asText) };
    expect(rowsOf(environmentPart)).toEqual(expected);
  });

  test('has every key of the file with its type and default, and no other', () => {
    expect(rowsOf(filePart)).toEqual(keysOf(fileSchema, asJson));
  });

  test('has a meaning for every key, and each key once', () => {
    const keys = [...page.matchAll(/^\| `([^`]+)` \|/gm)].map(([, key]) => key);
    expect(keys).toEqual([...new Set(keys)]);
    expect(keys).toHaveLength(Object.keys({ ...rowsOf(environmentPart), ...rowsOf(filePart) }).length);
  });
});
