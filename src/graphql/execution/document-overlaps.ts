import { type DocumentNode, type FieldNode, type FragmentDefinitionNode, Kind, type SelectionSetNode } from 'graphql';

const MAX_STEPS = 50_000;

/**
 * The number of pairs of fields that have the same response name at the same place. Validation compares each pair, so that a short
 * document can take seconds. Counting stops above `maximum` pairs, and after a number of steps that no other limit allows; then it
 * returns a larger number.
 */
export function countOverlaps(document: DocumentNode, maximum: number): number {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const node of document.definitions) {
    if (node.kind === Kind.FRAGMENT_DEFINITION) fragments.set(node.name.value, node);
  }
  let pairs = 0;
  let steps = 0;

  function collect(set: SelectionSetNode, fields: Map<string, FieldNode[]>, seen: Set<string>): void {
    for (const selection of set.selections) {
      steps += 1;
      if (steps > MAX_STEPS) return;
      if (selection.kind === Kind.FIELD) {
        const name = (selection.alias ?? selection.name).value;
        const group = fields.get(name);
        if (group) group.push(selection);
        else fields.set(name, [selection]);
      } else if (selection.kind === Kind.INLINE_FRAGMENT) collect(selection.selectionSet, fields, seen);
      else if (!seen.has(selection.name.value)) {
        seen.add(selection.name.value);
        const fragment = fragments.get(selection.name.value);
        if (fragment) collect(fragment.selectionSet, fields, seen);
      }
    }
  }

  function count(sets: readonly SelectionSetNode[]): void {
    const fields = new Map<string, FieldNode[]>();
    const seen = new Set<string>();
    for (const set of sets) collect(set, fields, seen);
    for (const group of fields.values()) {
      pairs += (group.length * (group.length - 1)) / 2;
      const inner = group.flatMap(({ selectionSet }) => selectionSet ?? []);
      if (inner.length > 0 && pairs <= maximum && steps <= MAX_STEPS) count(inner);
    }
  }

  for (const node of document.definitions) {
    if (node.kind === Kind.OPERATION_DEFINITION || node.kind === Kind.FRAGMENT_DEFINITION) count([node.selectionSet]);
  }
  return Math.max(pairs, steps > MAX_STEPS ? steps : 0);
}
