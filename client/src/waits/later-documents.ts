import type { Document } from '../document.ts';

/**
 * Operations of the API that the schema of this version does not have yet. They are written by hand because graphql-codegen checks
 * documents against the schema, and belong in `client/documents` as soon as it has them.
 */
type Mutation<Input> = Document<{ result: { __typename: string } }, { input: Input }>;

const mutation = (name: string, input: string) =>
  `mutation($input:${input}!){result:${name}(input:$input){__typename ...on Error{message}}}`;

export const DecideBudgetDocument: Mutation<{
  budgetRequestId: string;
  decision: 'ALLOW' | 'DENY';
  increase?: number;
  reason?: string;
}> = mutation('decideBudget', 'DecideBudgetInput');
