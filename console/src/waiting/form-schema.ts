import type { RJSFSchema, UiSchema } from '@rjsf/utils';
import { visibleText } from '../text/visible-text.ts';

/** What a form draws: a schema of a few known keywords, without references, whose texts are visible. */
export interface FormSchema {
  schema: RJSFSchema;
  uiSchema: UiSchema;
}

type Schema = Readonly<Record<string, unknown>>;

interface Texts {
  title: string | undefined;
  description: string | undefined;
}

interface Translation {
  /** What references refer to. */
  root: Schema;
  /** References repeat what they refer to: a short schema can stand for millions of fields. */
  fieldsLeft: number;
}

const MOST_FIELDS = 150;
/** More choices than these are a list to open. */
const MOST_RADIO_BUTTONS = 8;
const SHORT_TEXT_CHARACTERS = 100;
const knownFormats = new Set<unknown>(['date', 'date-time', 'email', 'time', 'uri']);

/** Thrown where a form cannot express what the schema allows. */
class NoForm extends Error {}

/**
 * Translates a JSON Schema of another party for the form. Null if it is too large, or allows what a form cannot express.
 *
 * @param label names a value that is a single field without a title
 */
export function formSchemaOf(schema: unknown, label: string): FormSchema | null {
  if (!isObject(schema)) return null;
  try {
    const form = translate({ root: schema, fieldsLeft: MOST_FIELDS }, schema, undefined);
    if (form.schema.type !== 'object') form.schema.title ??= label;
    return form;
  } catch (error) {
    if (error instanceof NoForm) return null;
    throw error;
  }
}

function translate(translation: Translation, part: unknown, name: string | undefined): FormSchema {
  translation.fieldsLeft -= 1;
  if (translation.fieldsLeft < 0 || !isObject(part)) throw new NoForm();
  const { $ref, ...own } = part;
  if ($ref !== undefined) return translate(translation, { ...referred(translation.root, $ref), ...own }, name);
  const texts = { title: textOf(part.title) ?? name, description: textOf(part.description) };
  if ('const' in part) return leaf({ ...texts, type: typeOfValue(part.const), const: part.const as string });
  if (Array.isArray(part.enum)) return choices(texts, part.enum, part.enumNames);
  const options = part.oneOf ?? part.anyOf;
  return Array.isArray(options) ? alternatives(translation, texts, options) : ofType(translation, texts, part);
}

const leaf = (schema: RJSFSchema, uiSchema: UiSchema = {}): FormSchema => ({ schema, uiSchema });

function ofType(translation: Translation, texts: Texts, part: Schema): FormSchema {
  const { minimum, maximum, maxLength, format } = part;
  const type = typeOf(part);
  const given = { ...texts, type, default: isObject(part.default) ? undefined : (part.default as string) };
  switch (type) {
    case 'object':
      return objectOf(translation, texts, part);
    case 'array': {
      const items = translate(translation, part.items, undefined);
      const schema: RJSFSchema = { ...texts, type, items: items.schema };
      if (!isChoice(items.schema)) return { schema, uiSchema: { items: items.uiSchema } };
      return leaf({ ...schema, uniqueItems: true }, { 'ui:widget': 'checkboxes' });
    }
    case 'string': {
      if (knownFormats.has(format)) return leaf({ ...given, format: String(format) });
      const isShort = typeof maxLength === 'number' && maxLength <= SHORT_TEXT_CHARACTERS;
      return isShort ? leaf(given) : leaf(given, { 'ui:widget': 'textarea', 'ui:options': { rows: 1 } });
    }
    case 'number':
    case 'integer':
      return leaf({ ...given, minimum: numberOf(minimum), maximum: numberOf(maximum) });
    case 'boolean':
      // A box that was never ticked would have no value.
      return leaf(given, { 'ui:widget': 'radio' });
    case 'null':
      return leaf({ ...texts, type });
    default:
      throw new NoForm();
  }
}

function objectOf(translation: Translation, texts: Texts, part: Schema): FormSchema {
  const members = isObject(part.properties) ? part.properties : {};
  const required = Array.isArray(part.required) ? part.required.filter((name) => Object.hasOwn(members, name)) : [];
  // The tape keeps the members in the order of their names, so a better order is not known.
  const names = [...new Set<string>([...required, ...Object.keys(members)])];
  const hasMore = isObject(part.additionalProperties);
  if (names.length === 0 && !hasMore) throw new NoForm();
  const properties: Record<string, RJSFSchema> = {};
  const uiSchema: UiSchema = {};
  for (const name of names) {
    if (name === '__proto__') throw new NoForm();
    const form = translate(translation, members[name], visibleText(name));
    properties[name] = form.schema;
    uiSchema[name] = form.uiSchema;
  }
  const schema: RJSFSchema = { ...texts, type: 'object', properties, required };
  if (hasMore) schema.additionalProperties = translate(translation, part.additionalProperties, undefined).schema;
  return { schema, uiSchema };
}

function choices(texts: Texts, values: readonly unknown[], names: unknown): FormSchema {
  const titles = Array.isArray(names) ? names : [];
  const options = values.map((value, index) => ({
    const: value as string,
    title: textOf(titles[index]) ?? textOf(value) ?? JSON.stringify(value),
  }));
  const type = typeOfValue(values[0]);
  return leaf({ ...texts, type, oneOf: options }, options.length <= MOST_RADIO_BUTTONS ? { 'ui:widget': 'radio' } : {});
}

function alternatives(translation: Translation, texts: Texts, options: readonly unknown[]): FormSchema {
  // What is left empty is left out, so null needs no choice of its own.
  const forms = options
    .filter((option) => !isObject(option) || option.type !== 'null')
    .map((option) => translate(translation, option, undefined));
  const [first] = forms;
  if (!first) throw new NoForm();
  if (forms.length === 1) {
    const title = texts.title ?? first.schema.title;
    const description = texts.description ?? first.schema.description;
    return { schema: { ...first.schema, title, description }, uiSchema: first.uiSchema };
  }
  const members = forms.map(({ schema }) => schema);
  if (!isChoice({ oneOf: members })) return leaf({ ...texts, oneOf: members });
  return choices(
    texts,
    members.map((member) => member.const),
    members.map(({ title }) => title),
  );
}

const isObject = (value: unknown): value is Schema =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Whether a value is one of several constants. */
const isChoice = ({ oneOf = [] }: RJSFSchema) =>
  oneOf.length > 0 && oneOf.every((member) => isObject(member) && 'const' in member);

const textOf = (value: unknown) => (typeof value === 'string' ? visibleText(value) : undefined);
const numberOf = (value: unknown) => (typeof value === 'number' ? value : undefined);

/** Choices of several types are told apart by their position, so the type only has to be one. */
const typeOfValue = (value: unknown) =>
  (typeof value === 'number' || typeof value === 'boolean' ? typeof value : 'string') as
    | 'number'
    | 'boolean'
    | 'string';

/** The only type beside null. */
function typeOf({ type, properties }: Schema): RJSFSchema['type'] {
  const types = Array.isArray(type) ? type.filter((each) => each !== 'null') : [type];
  if (types.length > 1) return undefined;
  return (types[0] ?? (isObject(properties) ? 'object' : undefined)) as RJSFSchema['type'];
}

/** The part of the schema at a reference such as `#/$defs/colour`. */
function referred(root: Schema, reference: unknown): Schema {
  if (typeof reference !== 'string' || !reference.startsWith('#')) throw new NoForm();
  let part: unknown = root;
  for (const name of reference.split('/').slice(1)) {
    const key = name.replaceAll('~1', '/').replaceAll('~0', '~');
    part = isObject(part) && Object.hasOwn(part, key) ? part[key] : undefined;
  }
  if (!isObject(part)) throw new NoForm();
  return part;
}
