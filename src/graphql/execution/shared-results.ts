import { type DocumentNode, type ExecutionArgs, getOperationAST, Kind, visit } from 'graphql';
import type { Viewer } from '../../application/command-context.ts';

/** Results that subscribers with the same operation and the same rights share: each event is executed once for all of them. */
export interface SharedResults<Result> {
  join(args: ExecutionArgs, viewer: Viewer): ResultGroup<Result>;
}

export interface ResultGroup<Result> {
  /** The result for an event, executed for the first subscriber that needs it. Events are compared by identity. */
  resultOf(event: object, execute: (event: object) => Result): Result;
  /** The last subscriber that leaves drops the group's results. */
  leave(): void;
}

interface Group<Result> {
  subscribers: number;
  results: WeakMap<object, Result>;
}

export function createSharedResults<Result>(): SharedResults<Result> {
  const groups = new WeakMap<DocumentNode, Map<string, Group<Result>>>();
  return {
    join(args, viewer) {
      const groupsByKey = groups.get(args.document) ?? new Map<string, Group<Result>>();
      groups.set(args.document, groupsByKey);
      const key = keyOf(args, viewer);
      const group = groupsByKey.get(key) ?? { subscribers: 0, results: new WeakMap<object, Result>() };
      groupsByKey.set(key, group);
      group.subscribers += 1;
      return {
        resultOf(event, execute) {
          const shared = group.results.get(event);
          if (shared !== undefined) return shared;
          const result = execute(event);
          group.results.set(event, result);
          return result;
        },
        leave() {
          group.subscribers -= 1;
          if (group.subscribers === 0) groupsByKey.delete(key);
        },
      };
    },
  };
}

/** Equal for operations that have the same result for every event: the start position makes no difference to it. */
function keyOf({ document, operationName, variableValues }: ExecutionArgs, viewer: Viewer): string {
  const startVariable = startVariableOf(document, operationName);
  const variables = Object.entries(variableValues ?? {}).filter(([name]) => name !== startVariable);
  return JSON.stringify([operationName ?? null, viewer, variables]);
}

/** The variable passed as `after`, if it is used for nothing else. */
function startVariableOf(document: DocumentNode, operationName: string | null | undefined): string | null {
  const [field] = getOperationAST(document, operationName)?.selectionSet.selections ?? [];
  if (field?.kind !== Kind.FIELD) return null;
  const after = field.arguments?.find(({ name }) => name.value === 'after')?.value;
  if (after?.kind !== Kind.VARIABLE) return null;
  let uses = 0;
  visit(document, {
    VariableDefinition: () => false,
    Variable: ({ name }) => {
      if (name.value === after.name.value) uses += 1;
    },
  });
  return uses === 1 ? after.name.value : null;
}
