import {
  defaultFieldResolver,
  type FieldNode,
  type GraphQLFieldResolver,
  type GraphQLResolveInfo,
  type GraphQLSchema,
  Kind,
  type SelectionSetNode,
} from 'graphql';
import type { GraphqlContext } from '../context.ts';
import { forbidden } from '../public-errors.ts';

/** What each mutation needs. One that nobody put here needs `admin`. */
const mutationScopes: ReadonlyMap<string, string> = new Map([
  ...['resolveSession', 'updateSession', 'archiveSession', 'purgeSession', 'branchSession', 'compactSession']
    .concat(['sendMessage', 'cancelRun', 'retryRun', 'createAgent', 'updateAgent', 'deleteAgent', 'remember', 'forget'])
    .map((name) => [name, 'write'] as const),
  ...['decideApproval', 'revokeGrant'].map((name) => [name, 'approve'] as const),
]);

/** The scope without which a mutation does nothing. */
export const scopeOfMutation = (name: string): string => mutationScopes.get(name) ?? 'admin';

/**
 * Puts a check in front of every field that an operation can begin with, and an operation can begin nowhere else. Nothing
 * opts in: a field that is added tomorrow is guarded too. Whose data a field shows is settled by the queries themselves.
 */
export function guardRootFields(schema: GraphQLSchema): GraphQLSchema {
  for (const field of Object.values(schema.getQueryType()?.getFields() ?? {})) {
    field.resolve = guarded('read', field.resolve);
  }
  for (const field of Object.values(schema.getMutationType()?.getFields() ?? {})) {
    field.resolve = guarded(scopeOfMutation(field.name), answeringBriefly(field.resolve));
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

/** The answer, what it names, and the scalars of that. */
const BRIEF_LEVELS = 3;

/** Who may change but not read learns what the change made, and can not go on from there through all that is stored. */
function answeringBriefly(resolver: RootResolver = defaultFieldResolver): RootResolver {
  return (root, args, context, info) => {
    const mayRead = context.viewer.scopes.includes('read');
    if (!mayRead && info.fieldNodes.some((node) => levelsOf(info, node) > BRIEF_LEVELS)) throw forbidden('read');
    return resolver(root, args, context, info);
  };
}

/** Levels of fields, the given one included. Validation has refused fragments that contain themselves. */
function levelsOf({ fragments }: Pick<GraphQLResolveInfo, 'fragments'>, node: FieldNode): number {
  const below = ({ selections }: SelectionSetNode): number =>
    Math.max(
      ...selections.map((selection) => {
        if (selection.kind === Kind.FIELD) return levelsOf({ fragments }, selection);
        if (selection.kind === Kind.INLINE_FRAGMENT) return below(selection.selectionSet);
        const fragment = fragments[selection.name.value];
        return fragment ? below(fragment.selectionSet) : 0;
      }),
    );
  return 1 + (node.selectionSet ? below(node.selectionSet) : 0);
}
