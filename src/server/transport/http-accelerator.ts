import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  type ExecutionArgs,
  type ExecutionResult,
  type GraphQLError,
  type GraphQLSchema,
  getOperationAST,
} from 'graphql';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import type { SignalSource } from '../../graphql/context.ts';
import { splitHttp } from '../../graphql/public-errors.ts';
import type { Documents } from './documents.ts';
import type { AtEndOfTurn } from './end-of-turn.ts';
import type { MakeContext } from './graphql-http.ts';
import { type MediaType, negotiateMediaType } from './graphql-response.ts';
import type { GraphqlRequest, ResponseHeaders } from './http-server.ts';
import type { Operations } from './operations.ts';

interface HttpAcceleratorOptions {
  schema: GraphQLSchema;
  documents: Documents;
  operations: Operations;
  makeContext: MakeContext;
  atEndOfTurn: AtEndOfTurn;
}

/**
 * Answers a request, or resolves with false before it has executed anything: the caller then passes the request to yoga, with
 * the body as `request.body` if it has been read. Once an operation has begun, it answers or rejects.
 */
export type HttpAccelerator = (
  request: IncomingMessage,
  response: ServerResponse,
  graphqlRequest: GraphqlRequest,
) => Promise<boolean>;

const parametersSchema = z.strictObject({
  query: z.string().optional(),
  documentId: z.string().optional(),
  operationName: z.string().nullish(),
  variables: z.record(z.string(), z.unknown()).nullish(),
  extensions: z.record(z.string(), z.unknown()).nullish(),
});

/** Clients of one kind send the same header. */
const CACHED_ACCEPT_HEADERS = 64;

/**
 * Answers the common requests of GraphQL over HTTP without yoga, which needs several times as long: a valid query or mutation,
 * posted as JSON. Its responses are the same byte for byte. Everything else, invalid requests above all, is left to yoga.
 */
export function createHttpAccelerator(options: HttpAcceleratorOptions): HttpAccelerator {
  const { schema, documents, operations, makeContext } = options;
  // After all requests that have arrived were handled: each write wakes a client, which on a shared machine takes as long as a
  // small query.
  const endResponse = (response: ServerResponse, text: string) => options.atEndOfTurn(() => response.end(text));
  const mediaTypes = new LRUCache<string, MediaType | 'none'>({
    max: CACHED_ACCEPT_HEADERS,
    memoMethod: (accept) => negotiateMediaType(accept) ?? 'none',
  });

  /** Null if yoga has to answer. */
  function readOperation(body: Buffer): Pick<ExecutionArgs, 'document' | 'operationName' | 'variableValues'> | null {
    const parsed = parametersSchema.safeParse(parseJson(body.toString()));
    if (!parsed.success) return null;
    const { operationName, variables: variableValues } = parsed.data;
    const document = documents.read(parsed.data);
    if (!('kind' in document)) return null;
    const operation = getOperationAST(document, operationName)?.operation;
    return operation === 'query' || operation === 'mutation' ? { document, operationName, variableValues } : null;
  }

  return async (request, response, { identity, responseHeaders }) => {
    if (!isJsonPost(request)) return false;
    const mediaType = mediaTypes.memo(request.headers.accept ?? '*/*');
    if (mediaType === 'none') return false;
    const body = await readBody(request);
    const operation = readOperation(body);
    if (operation === null) {
      Object.assign(request, { body });
      return false;
    }
    const contextValue = makeContext(identity, { leaving: disconnectSignal(response), lastEventId: null });
    const result = await operations.execute({ schema, ...operation, contextValue });
    const { status, headers, text } = responseOf(result, mediaType, responseHeaders);
    response.writeHead(status, {
      'content-type': `${mediaType}; charset=utf-8`,
      'content-length': Buffer.byteLength(text),
      // Last: in an object literal, properties after a spread are twenty times slower.
      ...headers,
    });
    endResponse(response, text);
    return true;
  };
}

function isJsonPost({ method, headers }: IncomingMessage): boolean {
  const isPlainBody = headers['content-length'] !== undefined && headers['content-encoding'] === undefined;
  return method === 'POST' && isPlainBody && /^application\/json *(;|$)/i.test(headers['content-type'] ?? '');
}

/** The server has compared its length with the limit before. */
function readBody(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.once('error', reject);
    request.once('end', () => resolve(Buffer.concat(chunks)));
  });
}

/** The signal aborts if the client disconnects before it has the response. It is created on first use: few resolvers use it. */
function disconnectSignal(response: ServerResponse): SignalSource {
  let controller: AbortController | null = null;
  return () => {
    controller ??= abortedByDisconnect(response);
    return controller.signal;
  };
}

function abortedByDisconnect(response: ServerResponse): AbortController {
  const controller = new AbortController();
  const abortUnlessFinished = () => {
    if (!response.writableFinished) controller.abort();
  };
  if (response.closed) abortUnlessFinished();
  else response.once('close', abortUnlessFinished);
  return controller;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

interface ResponseParts {
  status: number;
  headers: ResponseHeaders;
  text: string;
}

function responseOf({ data, errors }: ExecutionResult, mediaType: MediaType, headers: ResponseHeaders): ResponseParts {
  if (!errors) return { status: 200, headers, text: JSON.stringify({ data }) };
  const parts = errors.map((error) => splitHttp(error));
  const status = Math.max(0, ...parts.map(({ http }) => http?.status ?? 0));
  const body = { errors: parts.map(({ error }) => error), data };
  return {
    status: status > 0 ? status : defaultStatus(data, errors, mediaType),
    headers: Object.assign({}, headers, ...parts.map(({ http }) => http?.headers)),
    text: JSON.stringify(body),
  };
}

/**
 * Without data, the request failed before execution: 400 (variables that do not fit, for example). For
 * `application/json`, clients expect 200 if an error has a code.
 */
function defaultStatus(data: ExecutionResult['data'], errors: readonly GraphQLError[], mediaType: MediaType): number {
  if (data !== undefined) return 200;
  const hasCode = errors.some(({ extensions }) => extensions.code !== undefined);
  return mediaType === 'application/json' && hasCode ? 200 : 400;
}
