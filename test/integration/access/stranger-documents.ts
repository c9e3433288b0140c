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

/** Ids and keys of somebody's things, by what arguments of the schema call them. */
export type Names = Readonly<Record<string, string>>;

export interface Attempt {
  operation: 'query' | 'mutation' | 'subscription';
  field: string;
  text: string;
}

/** Every way into the schema with each of the names: with the arguments that must be, with all of them, and with each alone. */
export function attempts(names: Names): Attempt[] {
  const roots = [
    ['query', schema.getQueryType()],
    ['mutation', schema.getMutationType()],
    ['subscription', schema.getSubscriptionType()],
  ] as const;
  return roots.flatMap(([operation, type]) =>
    Object.values(type?.getFields() ?? {}).flatMap((field) =>
      [
        ...new Set(
          Object.values(names).flatMap((name) =>
            ['none', 'all', ...field.args.map((arg) => arg.name)].map((given) =>
              textOf(operation, field, { names, name, given }),
            ),
          ),
        ),
      ].map((text) => ({ operation, field: field.name, text })),
    ),
  );
}

interface Filling {
  names: Names;
  /** For arguments of which nothing says whose id they want. */
  name: string;
  /** Which argument is given that may be left out: all of them, none, or one by name. */
  given: 'all' | 'none' | string;
}

function textOf(operation: string, field: GraphQLField<unknown, unknown>, filling: Filling): string {
  return `${operation} { ${field.name}${argumentsOf(field, filling)}${selectionOf(field.type, isInterfaceType(getNamedType(field.type)) ? 2 : 3)} }`;
}

function argumentsOf({ args }: GraphQLField<unknown, unknown>, filling: Filling): string {
  const chosen = args.filter(
    (arg) =>
      isRequiredArgument(arg) || (!paging.has(arg.name) && (filling.given === 'all' || filling.given === arg.name)),
  );
  return chosen.length === 0
    ? ''
    : `(${chosen.map(({ name, type }) => `${name}: ${inputOf(name, type, filling)}`).join(', ')})`;
}

const paging = new Set(['first', 'last', 'before', 'after', 'types', 'maxBatch']);

/** Input fields that would change which of two ways is taken, or need one another. */
const leftOut = new Set(['editedInput', 'expiresInSeconds', 'scope', 'idempotencyKey', 'model', 'tools', 'seq']);

function inputOf(name: string, type: GraphQLInputType, filling: Filling): string {
  const own = getNullableType(type);
  if (isListType(own)) return `[${inputOf(name, own.ofType, filling)}]`;
  if (isEnumType(own)) return own.getValues()[0]?.name ?? '';
  if (isInputObjectType(own)) {
    const fields = Object.values(own.getFields()).filter(
      (field) => isRequiredInputField(field) || (filling.given !== 'none' && !leftOut.has(field.name)),
    );
    return `{${fields.map((field) => `${field.name}: ${inputOf(field.name, field.type, filling)}`).join(', ')}}`;
  }
  switch (own.name) {
    case 'ID':
      return JSON.stringify(filling.names[name] ?? filling.name);
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
      return JSON.stringify(filling.names[name] ?? 'stranger');
  }
}

/** Everything that can be asked for without arguments, so many levels deep. Names that would clash are left out. */
function selectionOf(type: GraphQLOutputType, levels: number, taken = new Map<string, string>()): string {
  const named = getNamedType(type);
  return isCompositeType(named) ? ` { __typename ${partsOf(named, levels, taken)} }` : '';
}

function partsOf(type: GraphQLNamedType, levels: number, taken: Map<string, string>): string {
  if (isUnionType(type) || isInterfaceType(type)) {
    return schema
      .getPossibleTypes(type)
      .map((possible) => `... on ${possible.name} { __typename ${fieldsOf(possible, levels, taken)} }`)
      .join(' ');
  }
  return 'getFields' in type ? fieldsOf(type as GraphQLObjectType, levels, taken) : '';
}

function fieldsOf(type: GraphQLObjectType, levels: number, taken: Map<string, string>): string {
  return Object.values(type.getFields())
    .filter((field) => !field.args.some(isRequiredArgument))
    .filter((field) => levels > 1 || !isCompositeType(getNamedType(field.type)))
    .filter(({ name, type: own }) => {
      const clashes = taken.has(name) && taken.get(name) !== String(own);
      taken.set(name, taken.get(name) ?? String(own));
      return !clashes;
    })
    .map((field) => {
      const first = field.args.some(({ name }) => name === 'first') ? '(first: 2)' : '';
      return `${field.name}${first}${selectionOf(field.type, levels - 1)}`;
    })
    .join(' ');
}
