import {
  type FieldNode,
  type GraphQLField,
  type GraphQLLeafType,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLResolveInfo,
  getNamedType,
  getNullableType,
  isAbstractType,
  isCompositeType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  type SelectionSetNode,
} from 'graphql';
import type { GraphqlContext } from '../context.ts';

type Complete = (value: unknown, context: GraphqlContext, info: GraphQLResolveInfo) => unknown;

/** What of a document and its schema a plan is made of; nothing of one request. */
type Asked = Pick<GraphQLResolveInfo, 'schema' | 'fragments'>;

interface PlannedField {
  key: string;
  resolve: Complete;
  complete: Complete;
}

interface Plan {
  returnType: GraphQLOutputType;
  complete: Complete;
}

/** Fields of all plans together before all are forgotten: some megabytes, and hundreds of documents. */
const PLANNED_FIELDS = 50_000;

let plans = new WeakMap<FieldNode, Plan>();
let plannedFields = 0;

/** Thrown in one piece: it is caught here, and nobody reads it. */
const unfinished = new Error('This is for graphql-js to complete.');

function giveUp(): never {
  throw unfinished;
}

/**
 * What graphql-js would make of the items of a list, in a plain loop: without a path, an info and arguments for each field of
 * each item. Only where every field is there at once and none fails. Else it is null, and graphql-js does it all from the
 * beginning: it knows how to wait, and what to say of a fault.
 */
export function completeItems(
  items: readonly unknown[],
  context: GraphqlContext,
  info: GraphQLResolveInfo,
): unknown[] | null {
  try {
    const { complete } = planOf(info);
    return items.map((item) => complete(present(item), context, info));
  } catch {
    return null;
  }
}

function planOf({ fieldNodes, returnType, schema, fragments }: GraphQLResolveInfo): Plan {
  const [node = giveUp(), ...others] = fieldNodes;
  // Which others there are can depend on variables.
  if (others.length > 0) giveUp();
  const known = plans.get(node);
  if (known?.returnType === returnType) return known;
  if (plannedFields > PLANNED_FIELDS) {
    plans = new WeakMap();
    plannedFields = 0;
  }
  const list = getNullableType(returnType);
  const itemType = isListType(list) ? list.ofType : giveUp();
  const plan = { returnType, complete: completionOf(itemType, [node], { schema, fragments }) };
  plans.set(node, plan);
  return plan;
}

function completionOf(type: GraphQLOutputType, nodes: readonly FieldNode[], asked: Asked): Complete {
  const isRequired = isNonNullType(type);
  const complete = completionOfValue(getNullableType(type), nodes, asked);
  return (value, context, info) => {
    if (value != null) return complete(value, context, info);
    return isRequired ? giveUp() : null;
  };
}

function completionOfValue(type: GraphQLOutputType, nodes: readonly FieldNode[], asked: Asked): Complete {
  if (isLeafType(type)) return (value) => serialized(type, value);
  if (isListType(type)) {
    // The fields of such a list may be lists with a place of their own.
    if (isCompositeType(getNamedType(type))) giveUp();
    const complete = completionOf(type.ofType, nodes, asked);
    return (values, context, info) =>
      Array.isArray(values) ? values.map((value) => complete(present(value), context, info)) : giveUp();
  }
  return isCompositeType(type) ? completionOfObject(type, nodes, asked) : giveUp();
}

function serialized(type: GraphQLLeafType, value: unknown): unknown {
  return type.serialize(value) ?? giveUp();
}

function completionOfObject(type: GraphQLNamedType, nodes: readonly FieldNode[], asked: Asked): Complete {
  const fieldsByType = new Map<string, readonly PlannedField[] | null>();

  /** Made when there is the first object of a type; null where it can not be made, which is found out once. */
  function fieldsOf(name: string): readonly PlannedField[] {
    const known = fieldsByType.get(name);
    if (known !== undefined) return known ?? giveUp();
    fieldsByType.set(name, null);
    const fields = planFields(asked.schema.getType(name), type, nodes, asked);
    fieldsByType.set(name, fields);
    plannedFields += fields.length;
    return fields;
  }

  return (value, context, info) => {
    const name = isAbstractType(type) ? type.resolveType?.(value, context, info, type) : type.name;
    if (typeof name !== 'string') giveUp();
    const completed: Record<string, unknown> = {};
    for (const { key, resolve, complete } of fieldsOf(name)) {
      const resolved = resolve(value, context, info);
      // What was asked of a store is asked once more by graphql-js: this once, and not with the next page.
      if (isPromise(resolved)) fieldsByType.set(name, null);
      completed[key] = complete(present(resolved), context, info);
    }
    return completed;
  };
}

function isPromise(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

/** The same value, which is no fault and nothing to wait for. */
function present(value: unknown): unknown {
  // Whoever resolves it again is told.
  if (value instanceof Promise) value.catch(() => undefined);
  return value instanceof Error || isPromise(value) ? giveUp() : value;
}

function planFields(
  type: GraphQLNamedType | undefined,
  declared: GraphQLNamedType,
  nodes: readonly FieldNode[],
  asked: Asked,
): PlannedField[] {
  if (!isObjectType(type) || type.isTypeOf) return giveUp();
  if (isAbstractType(declared) && !asked.schema.isSubType(declared, type)) return giveUp();
  const byKey = new Map<string, FieldNode[]>();
  const spread = new Set<string>();
  for (const { selectionSet } of nodes) if (selectionSet) gather(type, selectionSet, asked, byKey, spread);
  return [...byKey].map(([key, fieldNodes]) => planField(type, key, fieldNodes, asked));
}

/** The fields of a selection that are asked of this type, by their names in the answer. */
function gather(
  type: GraphQLObjectType,
  set: SelectionSetNode,
  asked: Asked,
  byKey: Map<string, FieldNode[]>,
  spread: Set<string>,
): void {
  for (const selection of set.selections) {
    // Whether it counts depends on variables.
    if (selection.directives && selection.directives.length > 0) giveUp();
    if (selection.kind === Kind.FIELD) {
      const key = (selection.alias ?? selection.name).value;
      byKey.set(key, [...(byKey.get(key) ?? []), selection]);
    } else if (selection.kind === Kind.INLINE_FRAGMENT) {
      const condition = selection.typeCondition?.name.value;
      if (condition === undefined || covers(condition, type, asked)) {
        gather(type, selection.selectionSet, asked, byKey, spread);
      }
    } else if (!spread.has(selection.name.value)) {
      spread.add(selection.name.value);
      const fragment = asked.fragments[selection.name.value] ?? giveUp();
      if (covers(fragment.typeCondition.name.value, type, asked)) {
        gather(type, fragment.selectionSet, asked, byKey, spread);
      }
    }
  }
}

function covers(condition: string, type: GraphQLObjectType, { schema }: Asked): boolean {
  const found = schema.getType(condition);
  return found === type || (isAbstractType(found) && schema.isSubType(found, type));
}

function planField(type: GraphQLObjectType, key: string, nodes: FieldNode[], asked: Asked): PlannedField {
  const name = nodes[0]?.name.value ?? giveUp();
  // Of an ordinary object it would be the prototype.
  if (key === '__proto__') return giveUp();
  if (name === '__typename') return { key, resolve: () => type.name, complete: (value) => value };
  const field = type.getFields()[name] ?? giveUp();
  return { key, resolve: resolverOf(field), complete: completionOf(field.type, nodes, asked) };
}

const noArguments: Readonly<Record<string, never>> = {};

function resolverOf({ name, args, resolve }: GraphQLField<unknown, GraphqlContext>): Complete {
  // What a resolver with more parameters looks at is of its own field, and is not made here.
  if (args.length > 0 || (resolve && resolve.length > 3)) return giveUp();
  if (resolve) return (source, context, info) => resolve(source, noArguments, context, info);
  return (source) => {
    const value: unknown = (source as Record<string, unknown>)[name];
    return typeof value === 'function' ? giveUp() : value;
  };
}
