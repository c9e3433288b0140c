import {
  type ExecutionArgs,
  type ExecutionResult,
  execute,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLResolveInfo,
  getNullableType,
  type InlineFragmentNode,
  isAbstractType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  type SelectionSetNode,
} from 'graphql';
import type { CompletedList, GraphqlContext } from '../context.ts';

/**
 * Completes a long list without graphql-js, which creates a path, an info object and arguments for each field of each item.
 * This halves the time for a tape page of 100 events. It applies if every value of every item comes from a resolver that
 * uses the item alone, and is valid: then the resolver of the list returns an empty list, and `executeWithLists` inserts the
 * completed items. Otherwise it returns the items, and graphql-js completes all of them and reports the errors.
 */
export function completeList<Item>(items: Item[], context: GraphqlContext, info: GraphQLResolveInfo): Item[] {
  if (!context.completedLists) return items;
  try {
    const type = getNullableType(info.returnType);
    if (!isListType(type)) return items;
    const complete = completerOf(type.ofType, info.fieldNodes, { context, info });
    context.completedLists.push({ path: info.path, items: items.map(complete) });
    return [];
  } catch {
    return items;
  }
}

/** Executes like graphql-js, and inserts the lists that were completed by `completeList`. */
export function executeWithLists(args: ExecutionArgs): ExecutionResult | Promise<ExecutionResult> {
  const lists: CompletedList[] = [];
  // Every transport creates its context by this type.
  const context = args.contextValue as GraphqlContext;
  context.completedLists = lists;
  const insertLists = (result: ExecutionResult) => {
    for (const list of lists) insertList(result.data, list);
    return result;
  };
  const result = execute(args);
  return result instanceof Promise ? result.then(insertLists) : insertLists(result as ExecutionResult);
}

/** Does nothing if the error of another field replaced a parent of the list by null. */
function insertList(data: unknown, { path, items }: CompletedList): void {
  const parent = valueAt(data, path.prev);
  if (typeof parent === 'object' && parent !== null) Object.assign(parent, { [path.key]: items });
}

function valueAt(data: unknown, path: GraphQLResolveInfo['path'] | undefined): unknown {
  if (!path) return data;
  const parent = valueAt(data, path.prev);
  return typeof parent === 'object' && parent !== null ? Reflect.get(parent, path.key) : null;
}

interface Completion {
  context: GraphqlContext;
  info: GraphQLResolveInfo;
}

type Complete = (value: unknown) => unknown;

/** The other arguments that graphql-js passes are missing: no resolver that is used here declares them. */
type Resolve = (value: unknown, args: object, context: GraphqlContext) => unknown;

interface FieldPlan {
  key: string;
  resolve: Resolve;
  complete: Complete;
}

const noArguments = {};
const unsupported = new Error('Only graphql-js can complete this list.');

function giveUp(): never {
  throw unsupported;
}

function completerOf(type: GraphQLOutputType, nodes: readonly FieldNode[], completion: Completion): Complete {
  const isRequired = isNonNullType(type);
  const complete = nonNullCompleterOf(getNullableType(type), nodes, completion);
  return (value) => {
    if (value == null) return isRequired ? giveUp() : null;
    return value instanceof Error || value instanceof Promise ? giveUp() : complete(value);
  };
}

function nonNullCompleterOf(type: GraphQLOutputType, nodes: readonly FieldNode[], completion: Completion): Complete {
  if (isLeafType(type)) return (value) => type.serialize(value) ?? giveUp();
  if (isListType(type)) return giveUp();
  const plans = new Map<string, FieldPlan[]>();
  return (value) => {
    const { context, info } = completion;
    const name = isAbstractType(type) ? type.resolveType?.(value, context, info, type) : type.name;
    if (typeof name !== 'string') return giveUp();
    const plan = plans.get(name) ?? planFields(name, type, nodes, completion);
    plans.set(name, plan);
    const completed: Record<string, unknown> = {};
    for (const { key, resolve, complete } of plan) completed[key] = complete(resolve(value, noArguments, context));
    return completed;
  };
}

function planFields(
  name: string,
  declaredType: GraphQLOutputType,
  nodes: readonly FieldNode[],
  completion: Completion,
): FieldPlan[] {
  const { schema } = completion.info;
  const type = schema.getType(name);
  if (!isObjectType(type) || type.isTypeOf) return giveUp();
  if (isAbstractType(declaredType) && !schema.isSubType(declaredType, type)) return giveUp();
  const fields: CollectedFields = { byKey: new Map(), visited: new Set() };
  for (const { selectionSet } of nodes) if (selectionSet) collectFields(type, selectionSet, completion, fields);
  return [...fields.byKey].map(([key, fieldNodes]) => planField(type, key, fieldNodes, completion));
}

interface CollectedFields {
  /** By their names in the result, in its order. */
  byKey: Map<string, FieldNode[]>;
  /** Fragments are visited once: chains of fragments would take exponential time. */
  visited: Set<FragmentDefinitionNode | InlineFragmentNode>;
}

/** CollectFields of the GraphQL specification (section 6.3.2), without directives. */
function collectFields(
  type: GraphQLObjectType,
  { selections }: SelectionSetNode,
  completion: Completion,
  fields: CollectedFields,
): void {
  for (const selection of selections) {
    if (selection.directives && selection.directives.length > 0) giveUp();
    if (selection.kind === Kind.FIELD) {
      const key = (selection.alias ?? selection.name).value;
      fields.byKey.set(key, [...(fields.byKey.get(key) ?? []), selection]);
      continue;
    }
    const isInline = selection.kind === Kind.INLINE_FRAGMENT;
    const fragment = isInline ? selection : (completion.info.fragments[selection.name.value] ?? giveUp());
    if (fields.visited.has(fragment) || !appliesTo(fragment.typeCondition?.name.value, type, completion)) continue;
    fields.visited.add(fragment);
    collectFields(type, fragment.selectionSet, completion, fields);
  }
}

function appliesTo(condition: string | undefined, type: GraphQLObjectType, { info: { schema } }: Completion): boolean {
  if (condition === undefined || condition === type.name) return true;
  const abstractType = schema.getType(condition);
  return isAbstractType(abstractType) && schema.isSubType(abstractType, type);
}

function planField(
  type: GraphQLObjectType,
  key: string,
  nodes: readonly FieldNode[],
  completion: Completion,
): FieldPlan {
  const name = nodes[0]?.name.value ?? giveUp();
  // Assigning this property would set the prototype.
  if (key === '__proto__') return giveUp();
  if (name === '__typename') return { key, resolve: () => type.name, complete: (value) => value };
  const field = type.getFields()[name] ?? giveUp();
  const { resolve = (item: unknown) => Reflect.get(Object(item), name) } = field;
  // A resolver with more parameters uses arguments, loaders or the path.
  if (field.args.length > 0 || resolve.length > 1) return giveUp();
  return { key, resolve: resolve as Resolve, complete: completerOf(field.type, nodes, completion) };
}
