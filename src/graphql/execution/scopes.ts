import {
  defaultFieldResolver,
  type FieldNode,
  type GraphQLFieldResolver,
  type GraphQLResolveInfo,
  type GraphQLSchema,
  Kind,
  type SelectionSetNode,
} from 'graphql';
import { entryOf } from '../../application/audit/entries.ts';
import type { GraphqlContext } from '../context.ts';
import { forbidden } from '../public-errors.ts';

/** The scopes of which a mutation requires one. */
const mutationScopes: ReadonlyMap<string, string | readonly string[]> = new Map(
  Object.entries({
    resolveSession: 'write',
    updateSession: 'write',
    archiveSession: 'write',
    purgeSession: 'write',
    branchSession: 'write',
    compactSession: 'write',
    sendMessage: 'write',
    cancelRun: 'write',
    retryRun: 'write',
    createAgent: 'write',
    updateAgent: 'write',
    deleteAgent: 'write',
    remember: 'write',
    forget: 'write',
    unarchiveSession: 'write',
    cancelSessionRuns: 'write',
    updateMemory: 'write',
    answerQuestion: 'write',
    submitToolResult: 'write',
    decideApproval: 'approve',
    decideBudget: 'approve',
    revokeGrant: 'approve',
    acceptTool: ['approve:any', 'admin'],
  }),
);

/** The scopes of which a mutation requires one; `admin` for a mutation without an entry. */
export const scopesOfMutation = (name: string): readonly string[] => [mutationScopes.get(name) ?? 'admin'].flat();

/**
 * Adds a scope check to every root field. An operation cannot start anywhere else, so new fields are checked without any further
 * step. Which rows a field may return is decided by the queries themselves.
 */
export function guardRootFields(schema: GraphQLSchema): GraphQLSchema {
  for (const field of Object.values(schema.getQueryType()?.getFields() ?? {})) {
    field.resolve = requireScope(['read'], field.resolve);
  }
  for (const field of Object.values(schema.getMutationType()?.getFields() ?? {})) {
    field.resolve = requireScope(scopesOfMutation(field.name), limitUnreadableResult(field.resolve));
  }
  for (const field of Object.values(schema.getSubscriptionType()?.getFields() ?? {})) {
    field.subscribe = requireScope(['read'], field.subscribe);
  }
  return schema;
}

type RootResolver = GraphQLFieldResolver<unknown, GraphqlContext>;

function requireScope(scopes: readonly string[], resolver: RootResolver = defaultFieldResolver): RootResolver {
  return (root, args, context, info) => {
    if (!scopes.some((scope) => context.viewer.scopes.includes(scope))) {
      const { principal } = context.viewer;
      const details = { reason: info.fieldName, scopes: scopes.join(' or ') };
      context.commands.audit.count(entryOf(context.viewer, 'scope-missing', details));
      context.commands.logger.info(
        { event: 'forbidden', principal, field: info.fieldName, scopes },
        'a scope is missing',
      );
      throw forbidden(...scopes);
    }
    return resolver(root, args, context, info);
  };
}

/** The mutation, the object that it returns, and the scalars of that object. */
const MAX_LEVELS_WITHOUT_READ = 3;

/** Without the scope `read`, a mutation returns the changed object, but not what that object leads to. */
function limitUnreadableResult(resolver: RootResolver = defaultFieldResolver): RootResolver {
  return (root, args, context, info) => {
    const mayRead = context.viewer.scopes.includes('read');
    if (!mayRead && info.fieldNodes.some((node) => levelsOf(info, node) > MAX_LEVELS_WITHOUT_READ)) {
      throw forbidden('read');
    }
    return resolver(root, args, context, info);
  };
}

/** Number of nested fields, including the given one. Validation has already rejected recursive fragments. */
function levelsOf({ fragments }: Pick<GraphQLResolveInfo, 'fragments'>, node: FieldNode): number {
  const levelsIn = ({ selections }: SelectionSetNode): number =>
    Math.max(
      ...selections.map((selection) => {
        if (selection.kind === Kind.FIELD) return levelsOf({ fragments }, selection);
        if (selection.kind === Kind.INLINE_FRAGMENT) return levelsIn(selection.selectionSet);
        const fragment = fragments[selection.name.value];
        return fragment ? levelsIn(fragment.selectionSet) : 0;
      }),
    );
  return 1 + (node.selectionSet ? levelsIn(node.selectionSet) : 0);
}
