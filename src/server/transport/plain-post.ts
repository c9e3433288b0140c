import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  type ExecutionArgs,
  type ExecutionResult,
  type GraphQLError,
  type GraphQLSchema,
  getOperationAST,
} from 'graphql';
import { z } from 'zod';
import type { SignalSource } from '../../graphql/context.ts';
import { splitHttp } from '../../graphql/public-errors.ts';
import type { Documents } from './documents.ts';
import type { MakeContext } from './graphql-http.ts';
import type { GraphqlRequest, ResponseHeaders } from './http-server.ts';
import type { Operations } from './operations.ts';

interface PlainPostOptions {
  schema: GraphQLSchema;
  documents: Documents;
  operations: Operations;
  makeContext: MakeContext;
}

/** Answers a request, or resolves with false and leaves it as it was, with its body beside it. */
export type PlainPost = (
  request: IncomingMessage,
  response: ServerResponse,
  asking: GraphqlRequest,
) => Promise<boolean>;

const JSON_TYPE = 'application/json';
const GRAPHQL_TYPE = 'application/graphql-response+json';

const parameters = z.strictObject({
  query: z.string(),
  operationName: z.string().nullish(),
  variables: z.record(z.string(), z.unknown()).nullish(),
  extensions: z.null().optional(),
});

/**
 * The common case of GraphQL over HTTP: one query or mutation that fits the schema, posted as JSON. Whatever else there is
 * in the protocol, faults of a request above all, is left to the library that knows it in full, for many times the cost.
 */
export function createPlainPost({ schema, documents, operations, makeContext }: PlainPostOptions): PlainPost {
  /** What is asked; null where it is out of the common. */
  function read(body: Buffer): Pick<ExecutionArgs, 'document' | 'operationName' | 'variableValues'> | null {
    const asked = parameters.safeParse(parseJson(body.toString()));
    if (!asked.success || documents.concerns(asked.data)) return null;
    const { query, operationName, variables: variableValues } = asked.data;
    const document = documents.read(query);
    if (!('kind' in document)) return null;
    const operation = getOperationAST(document, operationName)?.operation;
    return operation === 'query' || operation === 'mutation' ? { document, operationName, variableValues } : null;
  }

  return async (request, response, { identity, head }) => {
    const mediaType = mediaTypeFor(request);
    if (mediaType === null) return false;
    const body = await readBody(request);
    const asked = read(body);
    if (asked === null) {
      Object.assign(request, { body });
      return false;
    }
    const contextValue = makeContext(identity, { leaving: leavingOf(response), lastEventId: null });
    const result = await operations.execute({ schema, ...asked, contextValue });
    send({ response, mediaType, head }, result);
    return true;
  };
}

/** Null where the request or what it accepts is out of the common. */
function mediaTypeFor({ method, headers }: IncomingMessage): string | null {
  const isPlain = headers['content-length'] !== undefined && headers['content-encoding'] === undefined;
  if (method !== 'POST' || !isPlain || !/^application\/json *(;|$)/i.test(headers['content-type'] ?? '')) return null;
  const accept = headers.accept ?? '*/*';
  if (accept === '*/*' || accept === JSON_TYPE) return JSON_TYPE;
  return accept === GRAPHQL_TYPE ? GRAPHQL_TYPE : null;
}

/** As long as it said, which was looked at before. */
function readBody(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.once('error', reject);
    request.once('end', () => resolve(Buffer.concat(pieces)));
  });
}

function leavingOf(response: ServerResponse): SignalSource {
  let controller: AbortController | null = null;
  return () => {
    controller ??= abortedBy(response);
    return controller.signal;
  };
}

/** Aborts when the client goes before its answer is there. */
function abortedBy(response: ServerResponse): AbortController {
  const controller = new AbortController();
  const look = () => {
    if (!response.writableFinished) controller.abort();
  };
  if (response.closed) look();
  else response.once('close', look);
  return controller;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

interface Answer {
  response: ServerResponse;
  mediaType: string;
  head: ResponseHeaders;
}

function send(answer: Answer, { data, errors }: ExecutionResult): void {
  if (errors) sendWithErrors(answer, data, errors);
  else end(answer, 200, JSON.stringify({ data }));
}

function sendWithErrors(answer: Answer, data: ExecutionResult['data'], errors: readonly GraphQLError[]): void {
  const split = errors.map((error) => splitHttp(error));
  // Variables that do not fit are a fault of the request. Else clients that do not know the newer type expect a success.
  const isUnfit =
    data === undefined &&
    (answer.mediaType === GRAPHQL_TYPE || split.every(({ error }) => error.extensions.code === undefined));
  const usual = isUnfit ? 400 : 200;
  const status = Math.max(0, ...split.map(({ http }) => http?.status ?? 0)) || usual;
  const head: ResponseHeaders = Object.assign({}, answer.head, ...split.map(({ http }) => http?.headers ?? {}));
  const shown = { errors: split.map(({ error }) => error) };
  end({ ...answer, head }, status, JSON.stringify(data === undefined ? shown : { ...shown, data }));
}

let ready: [ServerResponse, string][] = [];

/**
 * Written at the end of the turn of the event loop, behind all other requests that are there: each write wakes whoever reads
 * it, and where they share a machine that takes as long as a small answer itself.
 */
function end({ response, mediaType, head }: Answer, status: number, body: string): void {
  response.writeHead(status, {
    'content-type': `${mediaType}; charset=utf-8`,
    'content-length': Buffer.byteLength(body),
    // Behind them: a copy that is added to takes twenty times as long.
    ...head,
  });
  if (ready.push([response, body]) > 1) return;
  setImmediate(() => {
    const answers = ready;
    ready = [];
    for (const [answered, text] of answers) answered.end(text);
  });
}
