import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  buildSchema,
  DangerousChangeType,
  extendSchema,
  findBreakingChanges,
  findDangerousChanges,
  type GraphQLInterfaceType,
  type GraphQLNamedType,
  type GraphQLScalarType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  isSpecifiedScalarType,
  lexicographicSortSchema,
  parse,
  printSchema,
  validate,
} from 'graphql';
import { expect, test } from 'vitest';
import { schema } from '../../../src/graphql/schema.ts';

const root = join(import.meta.dirname, '../../..');
const contractText = readFileSync(join(root, 'test/data/core.graphql'), 'utf8');
const contract = extendSchema(
  buildSchema(contractText),
  parse(readFileSync(join(root, 'test/data/next.graphql'), 'utf8')),
);

test('the schema does not break the contract', () => {
  expect(findBreakingChanges(contract, schema)).toEqual([]);
  // Optional input fields and arguments may be added.
  const optional = [DangerousChangeType.OPTIONAL_INPUT_FIELD_ADDED, DangerousChangeType.OPTIONAL_ARG_ADDED];
  const dangerous = findDangerousChanges(contract, schema).filter(
    ({ type, description }) =>
      !optional.some((each) => each === type) &&
      !/^Node added to interfaces implemented by \w+Event\.$/.test(description),
  );
  // So may enum values. Each is listed here, so that none is added by accident.
  expect(dangerous.map(({ description }) => description)).toEqual([
    'TOOL_PROGRESS was added to enum type TapeEventType.',
    'LimitExceededError was added to union type ResolveSessionResult.',
    'LimitExceededError was added to union type BranchSessionResult.',
    'InvalidInputError was added to union type CompactSessionResult.',
    'InvalidInputError was added to union type RetryRunResult.',
    'LimitExceededError was added to union type CreateAgentResult.',
    'LimitExceededError was added to union type UpdateAgentResult.',
  ]);
});

test('events are nodes, scalars name their specification, and the schema has a description', () => {
  const node = schema.getType('Node') as GraphQLInterfaceType;
  const event = schema.getType('TapeEvent') as GraphQLInterfaceType;
  expect(event.getInterfaces()).toEqual([node]);
  expect(schema.getPossibleTypes(node)).toEqual(expect.arrayContaining([...schema.getPossibleTypes(event)]));
  for (const name of ['DateTime', 'JSON']) {
    expect((schema.getType(name) as GraphQLScalarType).specifiedByURL).toMatch(/^https:/);
  }
  expect(schema.description).toContain('tape');
});

test('a schema without one of the fields breaks the contract', () => {
  const without = contractText.replace('  decidedBy: String\n', '');
  expect(findBreakingChanges(buildSchema(contractText), buildSchema(without))).toHaveLength(1);
});

test('a schema without one of the additions for the next release breaks the contract', () => {
  expect(findBreakingChanges(contract, buildSchema(contractText)).map(({ description }) => description)).toEqual(
    expect.arrayContaining(['Approval.target was removed.', 'Tool.quarantined was removed.']),
  );
});

test('schema/schema.graphql is up to date', () => {
  const committed = readFileSync(join(root, 'schema/schema.graphql'), 'utf8');
  expect(committed).toBe(`${printSchema(lexicographicSortSchema(schema))}\n`);
});

test('every type, field, argument and enum value has a description', () => {
  const types = Object.values(schema.getTypeMap()).filter(
    (type) => !isIntrospectionType(type) && !isSpecifiedScalarType(type),
  );
  expect(types.flatMap(withoutDescription)).toEqual([]);
});

/** Names of the parts of a type that have no description. */
function withoutDescription(type: GraphQLNamedType): string[] {
  const parts: [string, string | null | undefined][] = [[type.name, type.description]];
  if (isObjectType(type) || isInterfaceType(type)) {
    for (const field of Object.values(type.getFields())) {
      parts.push([`${type.name}.${field.name}`, field.description]);
      for (const arg of field.args) parts.push([`${type.name}.${field.name}(${arg.name})`, arg.description]);
    }
  }
  if (isInputObjectType(type)) {
    for (const field of Object.values(type.getFields())) parts.push([`${type.name}.${field.name}`, field.description]);
  }
  if (isEnumType(type)) {
    for (const value of type.getValues()) parts.push([`${type.name}.${value.name}`, value.description]);
  }
  return parts.flatMap(([name, description]) => (description?.trim() ? [] : [name]));
}

test('the documents in schema/operations are valid', () => {
  const folder = join(root, 'schema/operations');
  const text = readdirSync(folder)
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .join('\n');
  expect(validate(schema, parse(text))).toEqual([]);
});
