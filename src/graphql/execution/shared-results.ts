import { type DocumentNode, type ExecutionArgs, getOperationAST, Kind, visit } from 'graphql';
import type { Viewer } from '../../application/command-context.ts';

/** What one subscriber shares with those who ask the same and may see the same. */
export interface SharedResults<Result> {
  /** What came of an event, made by the first who asks. Events that are not the same object are not the same event. */
  of(event: unknown): Result | Promise<Result>;
  leave(): void;
}

interface Group {
  subscribers: number;
  results: WeakMap<object, unknown>;
}

const groups = new WeakMap<DocumentNode, Map<string, Group>>();

/**
 * Joins the group of those whose results are the same whatever the event: the same document, operation and variables, but
 * for where they began, and the same viewer with the same rights.
 */
export function shareResults<Result>(
  args: ExecutionArgs,
  viewer: Viewer,
  make: (event: unknown) => Result | Promise<Result>,
): SharedResults<Result> {
  const { document } = args;
  const ofDocument = groups.get(document) ?? new Map<string, Group>();
  groups.set(document, ofDocument);
  const key = keyOf(args, viewer);
  const group = ofDocument.get(key) ?? { subscribers: 0, results: new WeakMap() };
  ofDocument.set(key, group);
  group.subscribers += 1;
  // Only results of this document and these variables are put there.
  const results = group.results as WeakMap<object, Result | Promise<Result>>;
  return {
    of(event) {
      if (typeof event !== 'object' || event === null) return make(event);
      const known = results.get(event);
      if (known !== undefined) return known;
      const made = make(event);
      results.set(event, made);
      return made;
    },
    leave() {
      group.subscribers -= 1;
      if (group.subscribers === 0 && ofDocument.get(key) === group) ofDocument.delete(key);
    },
  };
}

function keyOf({ document, operationName, variableValues }: ExecutionArgs, viewer: Viewer): string {
  const beginning = beginningIn(document, operationName);
  const variables = Object.entries(variableValues ?? {}).filter(([name]) => name !== beginning);
  return JSON.stringify([operationName ?? null, viewer, variables]);
}

/** The variable that says where to begin and nothing else, if there is one: what an event looks like does not depend on it. */
function beginningIn(document: DocumentNode, operationName: string | null | undefined): string | null {
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
