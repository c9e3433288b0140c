import { expect, test } from 'vitest';
import { scopesOfMutation } from '../../../src/graphql/execution/scopes.ts';
import { schema } from '../../../src/graphql/schema.ts';

test('B58, B75: every mutation has a scope, and a mutation without an entry requires admin', () => {
  const names = Object.keys(schema.getMutationType()?.getFields() ?? {}).sort();
  const requiring = (scopes: string) => names.filter((name) => scopesOfMutation(name).join(' or ') === scopes);
  expect(requiring('admin')).toEqual([]);
  expect(requiring('approve')).toEqual(['decideApproval', 'decideBudget', 'revokeGrant']);
  expect(requiring('approve:any or admin')).toEqual(['acceptTool']);
  expect(scopesOfMutation('addedTomorrow')).toEqual(['admin']);
});
