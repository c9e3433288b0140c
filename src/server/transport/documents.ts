import { readFileSync } from 'node:fs';
import { type DocumentNode, GraphQLError, type GraphQLSchema, validate } from 'graphql';
import { z } from 'zod';
import * as limits from '../../config/limits.ts';
import { StartError } from '../../config/start-error.ts';
import { parseBounded } from '../../graphql/execution/document-limits.ts';
import { badUserInput } from '../../graphql/public-errors.ts';
import { createKnownDocuments } from './known-documents.ts';

/** What a client sends to say which operation it means. */
export interface DocumentRequest {
  query?: unknown;
  documentId?: unknown;
  extensions?: unknown;
}

export interface Documents {
  /** Whether the text must be looked up or looked for in the list. */
  concerns(request: DocumentRequest): boolean;
  /** The text that is meant. Throws a GraphQLError where it may not be asked. */
  textOf(request: DocumentRequest): string;
  /** A document that is within bounds. Throws a GraphQLError. */
  parse(text: string): DocumentNode;
  /** What does not fit the schema. What is right is remembered, for every transport; what is wrong is not. */
  validate(document: DocumentNode): readonly GraphQLError[];
  /** Both: a document that is right, or what is wrong with it. */
  read(text: string): DocumentNode | readonly GraphQLError[];
}

/** @param allowed the only texts that are answered, by id; null for any */
export function createDocuments(schema: GraphQLSchema, allowed: ReadonlyMap<string, string> | null): Documents {
  const known = createKnownDocuments(limits.CACHED_DOCUMENT_BYTES);
  const right = new WeakSet<DocumentNode>();
  const texts = new Set(allowed?.values());
  const parse = (text: string) => known.find(text) ?? parseBounded(text);

  function check(document: DocumentNode): readonly GraphQLError[] {
    if (right.has(document)) return [];
    const errors = validate(schema, document);
    if (errors.length > 0) return errors;
    right.add(document);
    if (document.loc) known.keep(document.loc.source.body, document);
    return [];
  }

  return {
    parse,
    validate: check,
    concerns: (request) => idIn(request) !== null || (allowed !== null && request.query !== undefined),
    textOf(request) {
      const id = idIn(request);
      if (id !== null) {
        const text = allowed?.get(id);
        if (text === undefined) throw badUserInput(`There is no document with the id ${JSON.stringify(id)}.`);
        return text;
      }
      const { query } = request;
      if (typeof query !== 'string') throw badUserInput('Send the text of an operation as `query`.');
      if (allowed && !texts.has(query))
        throw badUserInput('Only the documents of a list are answered here, and this is none.');
      return query;
    },
    read(text) {
      try {
        const document = parse(text);
        const errors = check(document);
        return errors.length > 0 ? errors : document;
      } catch (error) {
        if (error instanceof GraphQLError) return [error];
        throw error;
      }
    },
  };
}

const persistedQuery = z.object({ persistedQuery: z.object({ sha256Hash: z.string() }) });

/** As `documentId`, or as clients with automatic persisted queries send it. */
function idIn({ documentId, extensions }: DocumentRequest): string | null {
  if (typeof documentId === 'string') return documentId;
  if (extensions === undefined || extensions === null) return null;
  const parsed = persistedQuery.safeParse(extensions);
  return parsed.success ? parsed.data.persistedQuery.sha256Hash : null;
}

/** The list of a file `{"id": "query …"}`, as code generators write it. Throws a StartError. */
export function readDocumentList(path: string): ReadonlyMap<string, string> {
  const fail = (why: string, cause?: unknown) => new StartError(`documents names ${path}, ${why}`, cause);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw fail(`which can not be read: ${error instanceof Error ? error.message : error}`, error);
  }
  const parsed = z.record(z.string(), z.string()).safeParse(parseJson(text));
  if (!parsed.success) throw fail('which is not a JSON object of ids and texts: {"id": "query …"}');
  return new Map(Object.entries(parsed.data));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
