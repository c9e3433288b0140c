import { defaultFieldResolver, type GraphQLFieldResolver, type GraphQLSchema } from 'graphql';
import type { GraphqlContext } from './context.ts';
import { forbidden } from './public-errors.ts';

/** Mutations that let an agent act; the others need `write`. */
const approving: ReadonlySet<string> = new Set(['decideApproval', 'revokeGrant']);

/**
 * Puts a check in front of every field that an operation can begin with. Nothing opts in: a field that is added tomorrow
 * is guarded too.
 */
export function guardRootFields(schema: GraphQLSchema): GraphQLSchema {
  for (const field of Object.values(schema.getQueryType()?.getFields() ?? {})) {
    field.resolve = guarded('read', field.resolve);
  }
  for (const field of Object.values(schema.getMutationType()?.getFields() ?? {})) {
    field.resolve = guarded(approving.has(field.name) ? 'approve' : 'write', field.resolve);
  }
  for (const field of Object.values(schema.getSubscriptionType()?.getFields() ?? {})) {
    field.subscribe = guarded('read', field.subscribe);
  }
  return schema;
}

type RootResolver = GraphQLFieldResolver<unknown, GraphqlContext>;

function guarded(scope: string, resolver: RootResolver = defaultFieldResolver): RootResolver {
  return (root, args, context, info) => {
    if (!context.viewer.scopes.includes(scope)) throw forbidden(scope);
    return resolver(root, args, context, info);
  };
}
