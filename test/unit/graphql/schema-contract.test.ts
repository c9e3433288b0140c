import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  buildSchema,
  DangerousChangeType,
  findBreakingChanges,
  findDangerousChanges,
  type GraphQLNamedType,
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
const contract = buildSchema(contractText);

test('the schema keeps the contract', () => {
  expect(findBreakingChanges(contract, schema)).toEqual([]);
  // Inputs may gain fields, and fields arguments, that nobody has to give.
  const optional = [DangerousChangeType.OPTIONAL_INPUT_FIELD_ADDED, DangerousChangeType.OPTIONAL_ARG_ADDED];
  const dangerous = findDangerousChanges(contract, schema).filter(
    ({ type }) => !optional.some((each) => each === type),
  );
  // It may add values to enums as well; each is named here, so that none comes unseen.
  expect(dangerous.map(({ description }) => description)).toEqual([
    'TOOL_PROGRESS was added to enum type TapeEventType.',
  ]);
});

test('a schema without one of the fields would not', () => {
  const without = contractText.replace('  decidedBy: String\n', '');
  expect(findBreakingChanges(contract, buildSchema(without))).toHaveLength(1);
});

const original = join(root, '../shared/contract/core.graphql');

test.skipIf(!existsSync(original))('the copy of the contract is the contract', () => {
  expect(contractText).toBe(readFileSync(original, 'utf8'));
});

test('schema/schema.graphql is the schema of the program', () => {
  const committed = readFileSync(join(root, 'schema/schema.graphql'), 'utf8');
  expect(committed).toBe(`${printSchema(lexicographicSortSchema(schema))}\n`);
});

test('everything that a reader of the schema meets is described', () => {
  const types = Object.values(schema.getTypeMap()).filter(
    (type) => !isIntrospectionType(type) && !isSpecifiedScalarType(type),
  );
  expect(types.flatMap(undescribed)).toEqual([]);
});

/** Names of the parts of a type that say nothing of themselves. */
function undescribed(type: GraphQLNamedType): string[] {
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

test('the documents in schema/operations fit the schema', () => {
  const files = [
    'agents',
    'approvals',
    'events',
    'fragments',
    'gateway',
    'memories',
    'policy',
    'refusals',
    'runs',
    'sessions',
  ];
  const text = files.map((name) => readFileSync(join(root, `schema/operations/${name}.graphql`), 'utf8')).join('\n');
  expect(validate(schema, parse(text))).toEqual([]);
});
