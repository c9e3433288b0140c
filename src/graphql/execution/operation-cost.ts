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

/** Items of a list that takes no arguments: tools of a gateway, approvals of a run. */
const SHORT_LIST = 10;

interface Asked {
  schema: GraphQLSchema;
  fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  variables: Readonly<Record<string, unknown>>;
  /** What a fragment costs once, by its name. */
  measured: Map<string, number>;
}

/**
 * How many objects an operation can make the server read: each field that is no scalar is one, times the sizes of the lists
 * around it. Works in time that grows with the text of the document alone. The document must be valid.
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
  return ofSelection(
    { schema, fragments, variables: variables ?? {}, measured: new Map() },
    root,
    operation.selectionSet,
  );
}

/** A page's size multiplies what stands below its `nodes` or `edges`, not the page itself. */
function ofSelection(asked: Asked, type: GraphQLNamedType, set: SelectionSetNode, pageSize = 1): number {
  let cost = 0;
  for (const selection of set.selections) {
    if (selection.kind === Kind.FIELD) cost += ofField(asked, type, selection, pageSize);
    else if (selection.kind === Kind.INLINE_FRAGMENT) {
      const condition = selection.typeCondition?.name.value;
      const inner = condition === undefined ? type : (asked.schema.getType(condition) ?? type);
      cost += ofSelection(asked, inner, selection.selectionSet, pageSize);
    } else cost += ofFragment(asked, selection.name.value, pageSize);
  }
  return cost;
}

function ofFragment(asked: Asked, name: string, pageSize: number): number {
  const key = `${pageSize}/${name}`;
  const known = asked.measured.get(key);
  if (known !== undefined) return known;
  const fragment = asked.fragments.get(name);
  const type = fragment && asked.schema.getType(fragment.typeCondition.name.value);
  const cost = fragment && type ? ofSelection(asked, type, fragment.selectionSet, pageSize) : 0;
  asked.measured.set(key, cost);
  return cost;
}

function ofField(asked: Asked, parent: GraphQLNamedType, node: FieldNode, pageSize: number): number {
  const name = node.name.value;
  // Introspection reads no store, and validation bounds how deep it goes.
  if (name.startsWith('__') || !node.selectionSet || !('getFields' in parent)) return 0;
  const field = parent.getFields()[name];
  const type = field && getNamedType(field.type);
  if (!field || !type || !isCompositeType(type)) return 0;
  const ownType = isNonNullType(field.type) ? field.type.ofType : field.type;
  const size = askedSize(asked, node);
  const isPage = type.name.endsWith('Connection');
  const inner = ofSelection(asked, type, node.selectionSet, isPage ? (size ?? limits.DEFAULT_PAGE_SIZE) : 1);
  const isOfPage = parent.name.endsWith('Connection') && (name === 'nodes' || name === 'edges');
  const times = isOfPage ? pageSize : isListType(ownType) ? (size ?? SHORT_LIST) : 1;
  return times * (1 + inner);
}

/** The number of items that the arguments name; null where they name none. */
function askedSize({ variables }: Asked, { arguments: given = [] }: FieldNode): number | null {
  for (const { name, value } of given) {
    if (name.value === 'first' || name.value === 'last') return sizeOf(value, variables);
    if (name.value === 'ids') return lengthOf(value, variables);
  }
  return null;
}

function sizeOf(node: ValueNode, variables: Asked['variables']): number | null {
  const value =
    node.kind === Kind.VARIABLE ? variables[node.name.value] : node.kind === Kind.INT ? Number(node.value) : null;
  // More than a page may have is refused by the list itself.
  return typeof value === 'number' ? Math.min(Math.max(value, 0), limits.MAX_PAGE_SIZE) : null;
}

function lengthOf(node: ValueNode, variables: Asked['variables']): number | null {
  if (node.kind === Kind.LIST) return node.values.length;
  const value = node.kind === Kind.VARIABLE ? variables[node.name.value] : null;
  return Array.isArray(value) ? value.length : null;
}
