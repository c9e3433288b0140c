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
import { countOverlaps } from './document-overlaps.ts';
import { measureDocument } from './document-size.ts';

/**
 * Parses a document and checks it against the limits for documents, in time proportional to the length of the text. Throws a
 * GraphQLError if the text has a syntax error or exceeds a limit.
 */
export function parseBounded(text: string): DocumentNode {
  const advice = 'Send long texts and JSON as variables.';
  const tooLong = exceeded('documentCharacters', 'characters', text.length, limits.DOCUMENT_CHARACTERS, advice);
  if (tooLong) throw tooLong;
  const { lines, brackets } = measureDocument(text);
  const problem =
    exceeded('documentLines', 'lines', lines, limits.DOCUMENT_LINES, advice) ??
    exceeded('documentDepth', 'levels of nested brackets', brackets, limits.DOCUMENT_BRACKETS, advice);
  if (problem) throw problem;
  const document = parse(text, { maxTokens: limits.DOCUMENT_TOKENS, maxComments: limits.DOCUMENT_COMMENTS });
  const documentProblem = limitProblem(document);
  if (documentProblem) throw documentProblem;
  return document;
}

/** The first limit that the document exceeds, or null. Checked before validation, which is slow for some documents. */
function limitProblem(document: DocumentNode): GraphQLError | null {
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
    exceeded('documentAliases', 'aliases', aliases, limits.DOCUMENT_ALIASES) ??
    exceeded('documentDirectives', 'directives', directives, limits.DOCUMENT_DIRECTIVES) ??
    exceeded('documentBreadth', 'fields in one selection', breadth, limits.SELECTION_FIELDS) ??
    exceeded(
      'documentDefinitions',
      'operations and fragments',
      document.definitions.length,
      limits.DOCUMENT_DEFINITIONS,
    ) ??
    exceeded('documentDepth', 'levels of nested fields', depthOf(document), limits.DOCUMENT_LEVELS) ??
    exceeded(
      'documentOverlaps',
      'pairs of fields with the same name at one place',
      countOverlaps(document, limits.DOCUMENT_OVERLAPS),
      limits.DOCUMENT_OVERLAPS,
      'Request each field once.',
    )
  );
}

function exceeded(
  limit: string,
  counted: string,
  count: number,
  maximum: number,
  advice = 'Split it into several operations.',
): GraphQLError | null {
  if (count <= maximum) return null;
  return limitPassed(limit, `The document has ${count} ${counted}, but at most ${maximum} are allowed. ${advice}`);
}

/** Number of nested fields in the deepest operation; infinite if a fragment contains itself. */
function depthOf(document: DocumentNode): number {
  const fragments = new Map(
    document.definitions.flatMap((node) => (node.kind === Kind.FRAGMENT_DEFINITION ? [[node.name.value, node]] : [])),
  );
  const depths = new Map<string, number>();

  function depthOfFragment(name: string): number {
    const cached = depths.get(name);
    if (cached !== undefined) return cached;
    // Found again before it is replaced only if the fragment contains itself.
    depths.set(name, Number.POSITIVE_INFINITY);
    const fragment = fragments.get(name);
    const depth = fragment ? depthOfSelection(fragment.selectionSet) : 0;
    depths.set(name, depth);
    return depth;
  }

  function depthOfSelection({ selections }: SelectionSetNode): number {
    const inner = selections.map((selection) => {
      if (selection.kind === Kind.FRAGMENT_SPREAD) return depthOfFragment(selection.name.value);
      if (selection.kind === Kind.INLINE_FRAGMENT) return depthOfSelection(selection.selectionSet);
      return 1 + (selection.selectionSet ? depthOfSelection(selection.selectionSet) : 0);
    });
    return Math.max(0, ...inner);
  }

  const definitions = document.definitions.filter(
    (node): node is OperationDefinitionNode | FragmentDefinitionNode =>
      node.kind === Kind.OPERATION_DEFINITION || node.kind === Kind.FRAGMENT_DEFINITION,
  );
  return Math.max(0, ...definitions.map(({ selectionSet }) => depthOfSelection(selectionSet)));
}
