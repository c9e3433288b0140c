import {
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  getNamedType,
  getNullableType,
  isCompositeType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isListType,
  isRequiredArgument,
  isRequiredInputField,
  isUnionType,
} from 'graphql';
import { schema } from '../../../src/graphql/schema.ts';

/** Ids and keys of the objects of a principal, by the names of the arguments that accept them. */
export type ArgumentValues = Readonly<Record<string, string>>;

export interface Attempt {
  operation: 'query' | 'mutation' | 'subscription';
  field: string;
  text: string;
}

/**
 * Operations that try each of the values in every root field of the schema: with the required arguments only, with all arguments,
 * and with each optional argument alone.
 */
export function attemptsWith(values: ArgumentValues): Attempt[] {
  const roots = [
    ['query', schema.getQueryType()],
    ['mutation', schema.getMutationType()],
    ['subscription', schema.getSubscriptionType()],
  ] as const;
  return roots.flatMap(([operation, type]) =>
    Object.values(type?.getFields() ?? {}).flatMap((field) =>
      [
        ...new Set(
          Object.values(values).flatMap((fallback) =>
            ['none', 'all', ...field.args.map((arg) => arg.name)].map((optional) =>
              textOf(operation, field, { values, fallback, optional }),
            ),
          ),
        ),
      ].map((text) => ({ operation, field: field.name, text })),
    ),
  );
}

interface ArgumentChoice {
  values: ArgumentValues;
  /** Value of ids whose argument has no entry in `values`, such as `id`. */
  fallback: string;
  /** Which optional arguments are given: all, none, or the one with this name. */
  optional: 'all' | 'none' | string;
}

function textOf(operation: string, field: GraphQLField<unknown, unknown>, choice: ArgumentChoice): string {
  const levels = isInterfaceType(getNamedType(field.type)) ? 2 : 3;
  return `${operation} { ${field.name}${argumentsOf(field, choice)}${selectionOf(field.type, levels)} }`;
}

function argumentsOf({ args }: GraphQLField<unknown, unknown>, choice: ArgumentChoice): string {
  const chosen = args.filter(
    (arg) =>
      isRequiredArgument(arg) ||
      (!pagingArguments.has(arg.name) && (choice.optional === 'all' || choice.optional === arg.name)),
  );
  return chosen.length === 0
    ? ''
    : `(${chosen.map(({ name, type }) => `${name}: ${inputOf(name, type, choice)}`).join(', ')})`;
}

const pagingArguments = new Set(['first', 'last', 'before', 'after', 'types', 'maxBatch']);

/** Optional input fields that would make the input invalid, or depend on another field. */
const omittedFields = new Set(['editedInput', 'expiresInSeconds', 'scope', 'idempotencyKey', 'model', 'tools', 'seq']);

function inputOf(name: string, type: GraphQLInputType, choice: ArgumentChoice): string {
  const nullableType = getNullableType(type);
  if (isListType(nullableType)) return `[${itemsOf(name, nullableType.ofType, choice)}]`;
  if (isEnumType(nullableType)) return nullableType.getValues()[0]?.name ?? '';
  if (isInputObjectType(nullableType)) {
    const fields = Object.values(nullableType.getFields()).filter(
      (field) => isRequiredInputField(field) || (choice.optional !== 'none' && !omittedFields.has(field.name)),
    );
    return `{${fields.map((field) => `${field.name}: ${inputOf(field.name, field.type, choice)}`).join(', ')}}`;
  }
  switch (nullableType.name) {
    case 'ID':
      return JSON.stringify(choice.values[name] ?? choice.fallback);
    case 'Boolean':
      return 'true';
    case 'Int':
    case 'Float':
      return '1';
    case 'JSON':
      return '{}';
    case 'DateTime':
      return '"2020-01-01T00:00:00Z"';
    default:
      return JSON.stringify(choice.values[name] ?? 'stranger');
  }
}

/** Every value of an enum, and one of any other type. */
function itemsOf(name: string, type: GraphQLInputType, choice: ArgumentChoice): string {
  const itemType = getNullableType(type);
  if (!isEnumType(itemType)) return inputOf(name, itemType, choice);
  return itemType
    .getValues()
    .map((value) => value.name)
    .join(', ');
}

/** Selects every field without required arguments, down to `levels`. Fields whose names would conflict are omitted. */
function selectionOf(type: GraphQLOutputType, levels: number, selected = new Map<string, string>()): string {
  const namedType = getNamedType(type);
  return isCompositeType(namedType) ? ` { __typename ${membersOf(namedType, levels, selected)} }` : '';
}

/** @param selected types of the fields that are selected already, by name */
function membersOf(type: GraphQLNamedType, levels: number, selected: Map<string, string>): string {
  if (isUnionType(type) || isInterfaceType(type)) {
    return schema
      .getPossibleTypes(type)
      .map((possible) => `... on ${possible.name} { __typename ${fieldsOf(possible, levels, selected)} }`)
      .join(' ');
  }
  return 'getFields' in type ? fieldsOf(type as GraphQLObjectType, levels, selected) : '';
}

function fieldsOf(type: GraphQLObjectType, levels: number, selected: Map<string, string>): string {
  return Object.values(type.getFields())
    .filter((field) => !field.args.some(isRequiredArgument))
    .filter((field) => levels > 1 || !isCompositeType(getNamedType(field.type)))
    .filter(({ name, type: fieldType }) => {
      const conflicts = selected.has(name) && selected.get(name) !== String(fieldType);
      selected.set(name, selected.get(name) ?? String(fieldType));
      return !conflicts;
    })
    .map((field) => {
      const first = field.args.some(({ name }) => name === 'first') ? '(first: 2)' : '';
      return `${field.name}${first}${selectionOf(field.type, levels - 1)}`;
    })
    .join(' ');
}
