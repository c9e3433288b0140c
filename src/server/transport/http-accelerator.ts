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
import type { MaskError } from './masked-errors.ts';
import { LongResult, type Operations } from './operations.ts';
import { originOf } from './request-origin.ts';
import type { RequestParameters } from './request-parameters.ts';
import { bytesOf } from './result-json.ts';

interface HttpAcceleratorOptions {
  schema: GraphQLSchema;
  documents: Documents;
  operations: Operations;
  makeContext: MakeContext;
  maskError: MaskError;
  atEndOfTurn: AtEndOfTurn;
}

/**
 * Answers a request, or resolves with false before it has executed anything: the caller then passes the request to yoga. Once an
 * operation has begun, it answers or rejects.
 */
export type HttpAccelerator = (
  request: IncomingMessage,
  response: ServerResponse,
  graphqlRequest: GraphqlRequest,
) => Promise<boolean>;

/** Unlike `z.record`, it does not visit each member. */
const anyObject = z.custom<Record<string, unknown>>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
);

const parametersSchema = z.strictObject({
  query: z.string().optional(),
  documentId: z.string().optional(),
  operationName: z.string().nullish(),
  variables: anyObject.nullish(),
  extensions: anyObject.nullish(),
});

/** Clients of one kind send the same header. */
const CACHED_ACCEPT_HEADERS = 64;

type Operation = Pick<ExecutionArgs, 'document' | 'operationName' | 'variableValues'>;

/**
 * Answers the common requests of GraphQL over HTTP without yoga, which needs several times as long: a query or mutation, posted
 * as JSON. Its responses are the same byte for byte. It also answers invalid documents, so that none is parsed twice. Everything
 * else is left to yoga.
 */
export function createHttpAccelerator(options: HttpAcceleratorOptions): HttpAccelerator {
  const { schema, documents, operations, makeContext, maskError } = options;
  // After all requests that have arrived were handled: each write wakes a client, which on a shared machine takes as long as a
  // small query.
  const endResponse = (response: ServerResponse, body: Body) => options.atEndOfTurn(() => send(response, body));
  const mediaTypes = new LRUCache<string, MediaType | 'none'>({
    max: CACHED_ACCEPT_HEADERS,
    memoMethod: (accept) => negotiateMediaType(accept) ?? 'none',
  });

  /** The operation, or the errors of its document. Null if yoga has to answer. */
  function readOperation(parameters: RequestParameters): Operation | readonly GraphQLError[] | null {
    const parsed = parametersSchema.safeParse(parameters);
    if (!parsed.success) return null;
    const { operationName, variables: variableValues } = parsed.data;
    const document = documents.read(parsed.data);
    if (!('kind' in document)) return document.map(maskError);
    const operation = getOperationAST(document, operationName)?.operation;
    return operation === 'query' || operation === 'mutation' ? { document, operationName, variableValues } : null;
  }

  return async (request, response, { identity, parameters, responseHeaders }) => {
    if (request.method !== 'POST') return false;
    const mediaType = mediaTypes.memo(request.headers.accept ?? '*/*');
    if (mediaType === 'none') return false;
    const operation = readOperation(parameters);
    if (operation === null) return false;
    const contextValue = makeContext(identity, {
      leaving: disconnectSignal(response),
      lastEventId: null,
      from: originOf(request),
    });
    const result =
      'document' in operation
        ? await operations.execute({ schema, ...operation, contextValue })
        : { errors: operation };
    const { status, headers, body } = responseOf(result, mediaType, responseHeaders);
    response.writeHead(status, {
      'content-type': `${mediaType}; charset=utf-8`,
      'content-length': typeof body === 'string' ? Buffer.byteLength(body) : bytesOf(body),
      // Last: in an object literal, properties after a spread are twenty times slower.
      ...headers,
    });
    endResponse(response, body);
    return true;
  };
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

/** The JSON of a result; a long one in parts. */
type Body = string | readonly Buffer[];

function send(response: ServerResponse, body: Body): void {
  if (typeof body === 'string') {
    response.end(body);
    return;
  }
  for (const part of body) response.write(part);
  response.end();
}

interface ResponseParts {
  status: number;
  headers: ResponseHeaders;
  body: Body;
}

function responseOf(result: ExecutionResult, mediaType: MediaType, headers: ResponseHeaders): ResponseParts {
  const { data, errors } = result;
  if (!errors) return { status: 200, headers, body: jsonOf(result) };
  const parts = errors.map((error) => splitHttp(error));
  const isPlainJson = mediaType === 'application/json';
  const status = Math.max(0, ...parts.map(({ http }) => (http && !(http.spec && isPlainJson) ? http.status : 0)));
  return {
    status: status > 0 ? status : defaultStatus(data, errors, mediaType),
    headers: Object.assign({}, headers, ...parts.map(({ http }) => http?.headers)),
    body: jsonOf(
      result,
      parts.map(({ error }) => error),
    ),
  };
}

/** @param errors of the result as the client may see them */
function jsonOf(result: ExecutionResult, errors?: readonly GraphQLError[]): Body {
  if (!(result instanceof LongResult)) return JSON.stringify({ errors, data: result.data });
  return (errors ? result.withErrors(errors) : result).parts();
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
