import { readFileSync } from 'node:fs';
import { assertValidSchema, type DocumentNode, GraphQLError, type GraphQLSchema, validate } from 'graphql';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import * as limits from '../../config/limits.ts';
import { StartError } from '../../config/start-error.ts';
import { parseBounded } from '../../graphql/execution/document-limits.ts';
import { badRequest } from '../../graphql/public-errors.ts';

/** The parameters of a request that identify its document. */
export interface DocumentRequest {
  query?: unknown;
  documentId?: unknown;
  extensions?: unknown;
}

export interface Documents {
  /**
   * The text of the document. Throws a GraphQLError if the request has neither an id nor a text, the id is unknown, or the text is
   * not in the document list.
   */
  textOf(request: DocumentRequest): string;
  /** Throws a GraphQLError if the text is not a document within the limits. */
  parse(text: string): DocumentNode;
  /** The validation errors. Valid documents are cached for all transports; invalid ones are not. */
  validate(document: DocumentNode): readonly GraphQLError[];
  /** The valid document of a request, or its errors. */
  read(request: DocumentRequest): DocumentNode | readonly GraphQLError[];
}

interface KnownDocuments {
  cache: LRUCache<string, DocumentNode>;
  validDocuments: WeakSet<DocumentNode>;
}

/** Servers in one process have the same schema, for which a document is valid or not. */
const knownDocuments = new WeakMap<GraphQLSchema, KnownDocuments>();

function knownDocumentsOf(schema: GraphQLSchema): KnownDocuments {
  const known = knownDocuments.get(schema);
  if (known) return known;
  // Otherwise the first request would take as long as this.
  assertValidSchema(schema);
  const created = { cache: createDocumentCache(limits.CACHED_DOCUMENT_BYTES), validDocuments: new WeakSet() };
  knownDocuments.set(schema, created);
  return created;
}

/** @param allowedDocuments the only texts that are executed, by id; null to execute any text */
export function createDocuments(
  schema: GraphQLSchema,
  allowedDocuments: ReadonlyMap<string, string> | null,
): Documents {
  const { cache, validDocuments } = knownDocumentsOf(schema);
  const allowedTexts = new Set(allowedDocuments?.values());
  const parse = (text: string) => cache.get(text) ?? parseWithCode(text);

  function textOf(request: DocumentRequest): string {
    const id = idIn(request);
    if (id !== null) {
      const text = allowedDocuments?.get(id);
      if (text !== undefined) return text;
      throw badRequest(
        `No document has the id ${JSON.stringify(id)}. Add it to the file that "documents" names in the configuration.`,
      );
    }
    const { query } = request;
    if (typeof query !== 'string') throw badRequest('The operation is missing. Send its text as `query`.');
    if (allowedDocuments === null || allowedTexts.has(query)) return query;
    throw badRequest(
      'This server executes only the documents in its list. Add this one to the file that "documents" names in the configuration.',
    );
  }

  function check(document: DocumentNode): readonly GraphQLError[] {
    if (validDocuments.has(document)) return [];
    const errors = validate(schema, document, undefined, { maxErrors: limits.VALIDATION_ERRORS });
    if (errors.length > 0) return errors.map((error) => withCode(error, 'GRAPHQL_VALIDATION_FAILED'));
    validDocuments.add(document);
    if (document.loc) cache.set(document.loc.source.body, document);
    return [];
  }

  return {
    textOf,
    parse,
    validate: check,
    read(request) {
      try {
        const document = parse(textOf(request));
        const errors = check(document);
        return errors.length > 0 ? errors : document;
      } catch (error) {
        if (error instanceof GraphQLError) return [error];
        throw error;
      }
    },
  };
}

function parseWithCode(text: string): DocumentNode {
  try {
    return parseBounded(text);
  } catch (error) {
    throw error instanceof GraphQLError ? withCode(error, 'GRAPHQL_PARSE_FAILED') : error;
  }
}

/** Codes that many GraphQL servers use. An error that has a code keeps it. */
function withCode(error: GraphQLError, code: string): GraphQLError {
  error.extensions.code ??= code;
  return error;
}

/** An upper bound for a token of a parsed document: its entry in the list of tokens, its node and their locations. */
const TOKEN_BYTES = 512;
/** An upper bound for a character: comments are tokens too but are not counted, and a comment has two or more characters. */
const CHARACTER_BYTES = 64;

/**
 * The most recently used valid documents by their text. A document can need a hundred times the memory of its text, so the
 * cache is bounded by an estimate of bytes. It rejects a document that would take more than a quarter of them: such a
 * document is long because it contains its values, and will not be sent again.
 */
export function createDocumentCache(maxBytes: number): LRUCache<string, DocumentNode> {
  return new LRUCache({
    maxSize: maxBytes,
    maxEntrySize: Math.floor(maxBytes / 4),
    sizeCalculation: ({ tokenCount }, text) =>
      (tokenCount ?? text.length) * TOKEN_BYTES + text.length * CHARACTER_BYTES,
  });
}

const persistedQuery = z.object({ persistedQuery: z.object({ sha256Hash: z.string() }) });

/** Clients send the id as `documentId`, or as the hash of an automatic persisted query. */
function idIn({ documentId, extensions }: DocumentRequest): string | null {
  if (typeof documentId === 'string') return documentId;
  if (extensions === undefined || extensions === null) return null;
  const parsed = persistedQuery.safeParse(extensions);
  return parsed.success ? parsed.data.persistedQuery.sha256Hash : null;
}

/** Reads a file of the form `{"id": "query …"}`, as code generators write it. Throws a StartError. */
export function readDocumentList(path: string): ReadonlyMap<string, string> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new StartError(`documents: cannot read ${path}: ${error instanceof Error ? error.message : error}`, error);
  }
  const parsed = z.record(z.string(), z.string()).safeParse(parseJson(text));
  if (parsed.success) return new Map(Object.entries(parsed.data));
  throw new StartError(`documents: ${path} must contain a JSON object of ids and texts: {"id": "query …"}`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
