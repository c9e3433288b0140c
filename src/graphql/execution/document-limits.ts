import {
  type DocumentNode,
  type FragmentDefinitionNode,
  type GraphQLError,
  Kind,
  type OperationDefinitionNode,
  parse,
  type SelectionSetNode,
  visit,
} from 'graphql';
import * as limits from '../../config/limits.ts';
import { limitPassed } from '../public-errors.ts';

/** Reads a document that is within bounds. Throws a GraphQLError. Works in time that grows with the text alone. */
export function parseBounded(text: string): DocumentNode {
  const document = parse(text, { maxTokens: limits.DOCUMENT_TOKENS, maxComments: limits.DOCUMENT_COMMENTS });
  const problem = shapeProblem(document);
  if (problem) throw problem;
  return document;
}

/** What of its shape passes a limit, or null. Asked before validation, which takes long for some shapes. */
function shapeProblem(document: DocumentNode): GraphQLError | null {
  let aliases = 0;
  let directives = 0;
  let breadth = 0;
  visit(document, {
    Field({ alias }) {
      if (alias) aliases += 1;
    },
    Directive() {
      directives += 1;
    },
    SelectionSet({ selections }) {
      breadth = Math.max(breadth, selections.length);
    },
  });
  return (
    passed('documentAliases', 'aliases', aliases, limits.DOCUMENT_ALIASES) ??
    passed('documentDirectives', 'directives', directives, limits.DOCUMENT_DIRECTIVES) ??
    passed('documentBreadth', 'fields in one selection', breadth, limits.DOCUMENT_BREADTH) ??
    passed('documentDepth', 'fields inside each other', depthOf(document), limits.DOCUMENT_DEPTH)
  );
}

function passed(limit: string, what: string, found: number, most: number): GraphQLError | null {
  if (found <= most) return null;
  return limitPassed(
    limit,
    `The document has ${found} ${what}; at most ${most} are allowed. Ask in several operations.`,
  );
}

/** Levels of fields in the deepest operation. A fragment is measured once; one that contains itself counts as endless. */
function depthOf(document: DocumentNode): number {
  const fragments = new Map(
    document.definitions.flatMap((node) => (node.kind === Kind.FRAGMENT_DEFINITION ? [[node.name.value, node]] : [])),
  );
  const measured = new Map<string, number>();

  function ofFragment(name: string): number {
    const known = measured.get(name);
    if (known !== undefined) return known;
    measured.set(name, Number.POSITIVE_INFINITY);
    const fragment = fragments.get(name);
    const depth = fragment ? ofSelection(fragment.selectionSet) : 0;
    measured.set(name, depth);
    return depth;
  }

  function ofSelection({ selections }: SelectionSetNode): number {
    const depths = selections.map((selection) => {
      if (selection.kind === Kind.FRAGMENT_SPREAD) return ofFragment(selection.name.value);
      if (selection.kind === Kind.INLINE_FRAGMENT) return ofSelection(selection.selectionSet);
      return 1 + (selection.selectionSet ? ofSelection(selection.selectionSet) : 0);
    });
    return Math.max(0, ...depths);
  }

  const bodies = document.definitions.filter(
    (node): node is OperationDefinitionNode | FragmentDefinitionNode =>
      node.kind === Kind.OPERATION_DEFINITION || node.kind === Kind.FRAGMENT_DEFINITION,
  );
  return Math.max(0, ...bodies.map(({ selectionSet }) => ofSelection(selectionSet)));
}
