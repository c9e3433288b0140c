import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLNamedType,
  type GraphQLSchema,
  getNamedType,
  isCompositeType,
  isListType,
  isNonNullType,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  type ValueNode,
} from 'graphql';
import * as limits from '../../config/limits.ts';

/** Assumed size of a list without a size argument, such as the tools of the gateway or the approvals of a run. */
const ASSUMED_LIST_SIZE = 10;

/** What some fields cost in addition: they read more rows than they return objects. */
const fieldCosts: ReadonlyMap<string, number> = new Map([
  ['totalCount', limits.COUNT_OBJECTS],
  ['totalCountIsExact', limits.COUNT_OBJECTS],
  ['usageReport', limits.USAGE_REPORT_OBJECTS],
  ['quota', limits.USAGE_REPORT_OBJECTS],
]);

interface CostContext {
  schema: GraphQLSchema;
  fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  variables: Readonly<Record<string, unknown>>;
  /** Costs of the fragments that were measured, by page size and name. */
  fragmentCosts: Map<string, number>;
  /** Levels of nested lists in the fragments on types of the introspection. */
  fragmentLists: Map<string, number>;
}

/**
 * The number of objects that an operation can make the server read: each field with a selection counts once, multiplied by the
 * sizes of the lists that contain it. Counting a list costs as much as reading some objects. Takes time proportional to the length of the document, which must be valid.
 */
export function costOf(
  schema: GraphQLSchema,
  document: DocumentNode,
  operationName: string | null | undefined,
  variables: Readonly<Record<string, unknown>> | null | undefined,
): number {
  const fragments = new Map<string, FragmentDefinitionNode>();
  let operation: OperationDefinitionNode | undefined;
  for (const node of document.definitions) {
    if (node.kind === Kind.FRAGMENT_DEFINITION) fragments.set(node.name.value, node);
    if (node.kind === Kind.OPERATION_DEFINITION && (operationName == null || node.name?.value === operationName)) {
      operation ??= node;
    }
  }
  const root = operation && schema.getRootType(operation.operation);
  if (!operation || !root) return 0;
  const context = { schema, fragments, variables: variables ?? {}, fragmentCosts: new Map(), fragmentLists: new Map() };
  return costOfSelection(context, root, operation.selectionSet);
}

/** @param pageSize multiplies the cost of `nodes` and `edges`, but not of the other fields of a connection */
function costOfSelection(context: CostContext, type: GraphQLNamedType, set: SelectionSetNode, pageSize = 1): number {
  let cost = 0;
  for (const selection of set.selections) {
    if (selection.kind === Kind.FIELD) cost += costOfField(context, type, selection, pageSize);
    else if (selection.kind === Kind.INLINE_FRAGMENT) {
      const condition = selection.typeCondition?.name.value;
      const innerType = condition === undefined ? type : (context.schema.getType(condition) ?? type);
      cost += costOfSelection(context, innerType, selection.selectionSet, pageSize);
    } else cost += costOfFragment(context, selection.name.value, pageSize);
  }
  return cost;
}

function costOfFragment(context: CostContext, name: string, pageSize: number): number {
  const key = `${pageSize}/${name}`;
  const cached = context.fragmentCosts.get(key);
  if (cached !== undefined) return cached;
  const fragment = context.fragments.get(name);
  const type = fragment && context.schema.getType(fragment.typeCondition.name.value);
  const cost = fragment && type ? costOfSelection(context, type, fragment.selectionSet, pageSize) : 0;
  context.fragmentCosts.set(key, cost);
  return cost;
}

function costOfField(context: CostContext, parent: GraphQLNamedType, node: FieldNode, pageSize: number): number {
  const name = node.name.value;
  if (name === '__schema' || name === '__type') return costOfIntrospection(context, node);
  if (name.startsWith('__') || !('getFields' in parent)) return 0;
  const ownCost = fieldCosts.get(name) ?? 0;
  if (!node.selectionSet) return ownCost;
  const field = parent.getFields()[name];
  const type = field && getNamedType(field.type);
  if (!field || !type || !isCompositeType(type)) return ownCost;
  const isList = isListType(isNonNullType(field.type) ? field.type.ofType : field.type);
  const size = requestedSize(context, node);
  const isConnection = type.name.endsWith('Connection');
  const innerPageSize = isConnection ? (size ?? limits.DEFAULT_PAGE_ITEMS) : 1;
  const innerCost = costOfSelection(context, type, node.selectionSet, innerPageSize);
  const isItemOfPage = parent.name.endsWith('Connection') && (name === 'nodes' || name === 'edges');
  const times = isItemOfPage ? pageSize : isList ? (size ?? ASSUMED_LIST_SIZE) : 1;
  return ownCost + times * (1 + innerCost);
}

/** The lists of the introspection that are long, or that multiply what is below them. */
const introspectionLists: ReadonlySet<string> = new Set([
  'types',
  'fields',
  'inputFields',
  'interfaces',
  'possibleTypes',
]);

/** What introspection costs by the levels of its nested lists. It reads nothing from the database, but takes time. */
function costOfIntrospection(context: CostContext, { selectionSet }: FieldNode): number {
  const levels = selectionSet ? nestedLists(context, selectionSet) : 0;
  return limits.INTROSPECTION_OBJECTS[levels] ?? limits.NESTED_INTROSPECTION_OBJECTS;
}

function nestedLists(context: CostContext, { selections }: SelectionSetNode): number {
  const levels = selections.map((selection) => {
    if (selection.kind === Kind.FRAGMENT_SPREAD) return nestedListsOfFragment(context, selection.name.value);
    const inner = selection.selectionSet ? nestedLists(context, selection.selectionSet) : 0;
    const isList = selection.kind === Kind.FIELD && introspectionLists.has(selection.name.value);
    return isList ? inner + 1 : inner;
  });
  return Math.max(0, ...levels);
}

function nestedListsOfFragment(context: CostContext, name: string): number {
  const cached = context.fragmentLists.get(name);
  if (cached !== undefined) return cached;
  const fragment = context.fragments.get(name);
  const levels = fragment ? nestedLists(context, fragment.selectionSet) : 0;
  context.fragmentLists.set(name, levels);
  return levels;
}

/** The number of items that the arguments request; null if they contain no size. */
function requestedSize({ variables }: CostContext, { arguments: args = [] }: FieldNode): number | null {
  for (const { name, value } of args) {
    if (name.value === 'first' || name.value === 'last') return sizeOf(value, variables);
    if (name.value === 'ids') return lengthOf(value, variables);
  }
  return null;
}

function sizeOf(node: ValueNode, variables: CostContext['variables']): number | null {
  const value =
    node.kind === Kind.VARIABLE ? variables[node.name.value] : node.kind === Kind.INT ? Number(node.value) : null;
  // The list itself rejects a larger size.
  return typeof value === 'number' ? Math.min(Math.max(value, 0), limits.MAX_PAGE_ITEMS) : null;
}

function lengthOf(node: ValueNode, variables: CostContext['variables']): number | null {
  if (node.kind === Kind.LIST) return node.values.length;
  const value = node.kind === Kind.VARIABLE ? variables[node.name.value] : null;
  return Array.isArray(value) ? value.length : null;
}
