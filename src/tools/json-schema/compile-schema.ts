import { Ajv, type ErrorObject } from 'ajv';
import addFormats from 'ajv-formats';
import { RE2JS } from 're2js';
import {
  JSON_LEVELS,
  SCHEMA_PATTERN_CHARACTERS,
  SCHEMA_TEXT_CHARACTERS,
  TOOL_ERROR_CHARACTERS,
} from '../../config/limits.ts';
import type { Json } from '../../domain/events.ts';

/** Why a value does not match a schema, as a phrase like `input/name must be string`; null if it matches. Never throws. */
export type CompiledSchema = (value: Json) => string | null;

type Schema = Readonly<Record<string, unknown>>;

/**
 * Compiles the JSON Schema of another party. Throws if it is invalid or too deep.
 *
 * A schema is a program: its patterns can take exponential time, and so can its references. Patterns run in linear time, with
 * RE2; for the rest, call it where a deadline can stop it (`schema-worker.ts`). What RE2 does not have (look-around,
 * back-references, more than 1000 repetitions) is left out of the schema, and longer texts than SCHEMA_TEXT_CHARACTERS match every
 * pattern and format: who wrote the schema also checks what it receives.
 *
 * @param subject what the value is, in the phrases of the check
 */
export function compileSchema(schema: Schema, subject: string): CompiledSchema {
  // The validator of such a schema returns a promise.
  if ('$async' in schema) throw new Error('Asynchronous schemas are not supported.');
  // With its own validator and without an id, a schema cannot refer to another schema.
  const { $id: _id, ...schemaWithoutId } = withCheckablePatterns(schema, JSON_LEVELS) as Record<string, unknown>;
  const validate = createAjv().compile(schemaWithoutId);
  return (value) => {
    try {
      return validate(value) ? null : problemsOf(subject, validate.errors ?? []);
    } catch (error) {
      return `${subject} cannot be checked: ${String(error).slice(0, TOOL_ERROR_CHARACTERS)}`;
    }
  };
}

/**
 * Checks the form of every keyword. Throws with a phrase for the author of the schema. A schema with mistakes often compiles, and
 * then means something else.
 */
export function checkForm(schema: Schema): void {
  // Draft 7 describes the keywords of all drafts that the validator knows.
  const { $schema: _draft, $id: _id, ...keywords } = schema;
  const ajv = createAjv();
  if (ajv.validateSchema(keywords) !== true) throw new Error(problemsOf('schema', ajv.errors ?? []));
}

function createAjv(): Ajv {
  const code = { regExp: Object.assign(linearPattern, { code: 'linearPattern' }) };
  const ajv = new Ajv({ strict: false, validateSchema: false, allErrors: true, logger: false, code });
  addFormats.default(ajv);
  // Formats are checked with patterns of the package, in quadratic time.
  for (const [name, format] of Object.entries(ajv.formats)) {
    if (format instanceof RegExp)
      ajv.addFormat(
        name,
        withLimit((text) => format.test(text)),
      );
    else if (typeof format === 'function')
      ajv.addFormat(
        name,
        withLimit((text) => Boolean(format(text))),
      );
  }
  return ajv;
}

function withLimit(test: (text: string) => boolean): (text: string) => boolean {
  return (text) => text.length > SCHEMA_TEXT_CHARACTERS || test(text);
}

function linearPattern(pattern: string) {
  const compiled = RE2JS.compile(RE2JS.translateRegExp(pattern));
  return { test: withLimit((text) => compiled.test(text)) };
}

function isLinear(pattern: string): boolean {
  if (pattern.length > SCHEMA_PATTERN_CHARACTERS) return false;
  try {
    linearPattern(pattern);
    return true;
  } catch {
    return false;
  }
}

/** Removes patterns that cannot be checked, with the keywords that depend on them. Throws if the schema is too deep. */
function withCheckablePatterns(value: unknown, levels: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (levels === 0) throw new Error(`It has more than ${JSON_LEVELS} levels.`);
  if (Array.isArray(value)) return value.map((item) => withCheckablePatterns(item, levels - 1));
  const schema = Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, withCheckablePatterns(member, levels - 1)]),
  );
  if (typeof schema.pattern === 'string' && !isLinear(schema.pattern)) delete schema.pattern;
  const { patternProperties } = schema;
  if (typeof patternProperties === 'object' && patternProperties !== null) {
    const entries = Object.entries(patternProperties);
    const checkable = entries.filter(([pattern]) => isLinear(pattern));
    schema.patternProperties = Object.fromEntries(checkable);
    // Without the pattern, its properties would be additional ones.
    if (checkable.length < entries.length) delete schema.additionalProperties;
  }
  return schema;
}

/** Enough to correct a value. */
const REPORTED_PROBLEMS = 8;

function problemsOf(subject: string, errors: readonly ErrorObject[]): string {
  const problems = errors.slice(0, REPORTED_PROBLEMS).map(({ instancePath, message, params }) => {
    const name = 'additionalProperty' in params ? ` (${JSON.stringify(params.additionalProperty)})` : '';
    const values = 'allowedValues' in params ? ` (${JSON.stringify(params.allowedValues)})` : '';
    return `${subject}${instancePath} ${message ?? 'is not valid'}${name}${values}`;
  });
  const more = errors.length > REPORTED_PROBLEMS ? `, and ${errors.length - REPORTED_PROBLEMS} more problems` : '';
  return `${problems.join(', ').slice(0, TOOL_ERROR_CHARACTERS)}${more}`;
}
