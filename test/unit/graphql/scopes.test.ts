import { expect, test } from 'vitest';
import { scopeOfMutation } from '../../../src/graphql/execution/scopes.ts';
import { schema } from '../../../src/graphql/schema.ts';

test('B58: every mutation has a scope, and a mutation without an entry requires admin', () => {
  const names = Object.keys(schema.getMutationType()?.getFields() ?? {});
  expect(names.filter((name) => scopeOfMutation(name) === 'admin')).toEqual([]);
  expect(names.filter((name) => scopeOfMutation(name) === 'approve')).toEqual(['decideApproval', 'revokeGrant']);
  expect(scopeOfMutation('addedTomorrow')).toBe('admin');
});
