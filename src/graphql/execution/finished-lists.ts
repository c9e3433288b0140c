import { type ExecutionArgs, type ExecutionResult, execute, type GraphQLResolveInfo } from 'graphql';
import type { FinishedList, GraphqlContext } from '../context.ts';
import { completeItems } from './complete-items.ts';

/**
 * What the resolver of a list answers: the items, or none where they are complete already. Those are put in their place when
 * the rest of the answer is there.
 */
export function itemsOrFinished<Item>(items: Item[], context: GraphqlContext, info: GraphQLResolveInfo): Item[] {
  if (!context.finishedLists) return items;
  const completed = completeItems(items, context, info);
  if (completed === null) return items;
  context.finishedLists.push({ path: info.path, items: completed });
  return [];
}

/** As graphql-js executes, but for lists that are complete as soon as they are there. */
export function executeFinishing(args: ExecutionArgs): ExecutionResult | Promise<ExecutionResult> {
  const lists: FinishedList[] = [];
  // Whoever executes operations of this schema makes this context.
  const context = args.contextValue as GraphqlContext;
  context.finishedLists = lists;
  const finish = (result: ExecutionResult) => {
    placeFinished(result.data, lists);
    return result;
  };
  const result = execute(args);
  return result instanceof Promise ? result.then(finish) : finish(result as ExecutionResult);
}

/** Where a fault of something else took away what was around a list, there is no place for it. */
function placeFinished(data: unknown, lists: readonly FinishedList[]): void {
  for (const { path, items } of lists) {
    const around = valueAt(data, path.prev);
    if (typeof around === 'object' && around !== null) Object.assign(around, { [path.key]: items });
  }
}

function valueAt(data: unknown, path: GraphQLResolveInfo['path'] | undefined): unknown {
  if (!path) return data;
  const around = valueAt(data, path.prev);
  return typeof around === 'object' && around !== null ? Reflect.get(around, path.key) : null;
}
