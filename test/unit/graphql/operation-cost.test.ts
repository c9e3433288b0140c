import { getIntrospectionQuery, parse } from 'graphql';
import { expect, test } from 'vitest';
import { COUNT_OBJECTS, OPERATION_OBJECTS, USAGE_REPORT_OBJECTS } from '../../../src/config/limits.ts';
import { costOf } from '../../../src/graphql/execution/operation-cost.ts';
import { schema } from '../../../src/graphql/schema.ts';

const costOfText = (text: string) => costOf(schema, parse(text), null, {});

test('counting a list costs as much as reading some objects, also below a fragment', () => {
  const without = costOfText('{ sessions(first: 10) { nodes { id } } }');
  expect(without).toBe(11);
  expect(costOfText('{ sessions(first: 10) { nodes { id } totalCount } }')).toBe(without + COUNT_OBJECTS);
  const fragment = 'fragment Counts on SessionConnection { ... { totalCount totalCountIsExact } }';
  expect(costOfText(`{ sessions(first: 10) { nodes { id } ...Counts } } ${fragment}`)).toBe(
    without + 2 * COUNT_OBJECTS,
  );
});

test('counting the lists inside a list is charged for each of them', () => {
  const cost = costOfText('{ sessions(first: 100) { nodes { runs { totalCount totalCountIsExact } } } }');
  expect(cost).toBe(1 + 100 * (1 + 1 + 2 * COUNT_OBJECTS));
  expect(cost).toBeLessThan(OPERATION_OBJECTS);
  const twice =
    '{ sessions(first: 100) { nodes { a: runs { totalCount } b: runs { totalCount } c: runs { totalCount } d: runs { totalCount } } } }';
  expect(costOfText(twice)).toBeGreaterThan(OPERATION_OBJECTS);
});

test('a usage report costs more than its rows', () => {
  const report = '{ usageReport(since: "2026-01-01T00:00:00Z", groupBy: [DAY], first: 10) { nodes { runs } } }';
  expect(costOfText(report)).toBe(USAGE_REPORT_OBJECTS + 1 + 10);
});

test('B60: introspection costs more the more of its lists are nested, also below fragments', () => {
  expect(costOfText('{ __typename }')).toBe(0);
  expect(costOfText('{ __schema { queryType { name } } }')).toBe(1);
  expect(costOfText('{ __schema { types { name } } }')).toBe(250);
  expect(costOfText('{ __type(name: "Run") { fields { args { type { ofType { name } } } } } }')).toBe(250);
  const ofTools = costOfText(getIntrospectionQuery());
  expect(ofTools).toBe(6000);
  expect(2 * ofTools).toBeGreaterThan(OPERATION_OBJECTS);
  const fragments =
    'fragment Fields on __Type { ... on __Type { fields { type { ...Lists } } } } fragment Lists on __Type { possibleTypes { name } }';
  expect(costOfText(`{ __type(name: "Run") { ...Lists } } ${fragments}`)).toBe(250);
  expect(costOfText(`{ __type(name: "Run") { ...Fields } } ${fragments}`)).toBe(6000);
  expect(costOfText(`{ __schema { types { ...Fields } } } ${fragments}`)).toBeGreaterThan(OPERATION_OBJECTS);
});
