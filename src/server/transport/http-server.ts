import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { nextTurn } from '../../clock.ts';
import * as limits from '../../config/limits.ts';
import { StartError } from '../../config/start-error.ts';
import { notSupported, requestLimitPassed, unauthenticated } from '../../graphql/public-errors.ts';
import type { Access } from '../access/access.ts';
import { credentialsOf, type Identity } from '../access/authentication/identity.ts';
import { type AttachmentsHttp, isAttachmentPath, uploadTypeProblem } from './attachments-http.ts';
import type { ConsoleFiles } from './console-files.ts';
import type { GraphiqlPage } from './graphiql-page.ts';
import { sendError } from './graphql-response.ts';
import type { MaskError } from './masked-errors.ts';
import type { MetricsHttp } from './metrics-http.ts';
import type { Operations } from './operations.ts';
import { parametersInBody, parametersInUrl, type RequestParameters, readBody } from './request-parameters.ts';

/** Values by header name. */
export type ResponseHeaders = Readonly<Record<string, string>>;

/** A request that may execute operations. */
export interface GraphqlRequest {
  identity: Identity;
  parameters: RequestParameters;
  /** To be sent with the response; they are not set on it yet. */
  responseHeaders: ResponseHeaders;
}

interface HttpServerOptions {
  endpoint: string;
  access: Access;
  maskError: MaskError;
  /** The longest body that is read. */
  bodyBytes: number;
  /** Charges a request before it is parsed. Returns the error if its principal has no points left. */
  charge: Operations['receive'];
  graphql(request: IncomingMessage, response: ServerResponse, graphqlRequest: GraphqlRequest): Promise<void>;
  attachments: AttachmentsHttp;
  graphiql: GraphiqlPage;
  /** Null if the console is not served. */
  consoleFiles: ConsoleFiles | null;
  /** Null if the metrics are not served. */
  metrics: MetricsHttp | null;
  readiness(): Promise<Readiness>;
}

/** Whether requests should be sent to this server, and the reason, for everyone to read. */
export interface Readiness {
  isReady: boolean;
  text: string;
}

/** Serves GraphQL, attachments, GraphiQL, the console, the metrics and the health checks on one port. */
export function createHttpServer(options: HttpServerOptions): Server {
  const timeouts = {
    keepAliveTimeout: limits.IDLE_CONNECTION_SECONDS * 1000,
    headersTimeout: limits.REQUEST_HEADER_SECONDS * 1000,
    requestTimeout: limits.REQUEST_SECONDS * 1000,
    connectionsCheckingInterval: limits.SLOW_REQUEST_CHECK_SECONDS * 1000,
  };
  const server = createServer(timeouts, (request, response) => {
    route(options, request, response).catch((error: unknown) => {
      // A client that has disconnected needs no answer, and is no unexpected error.
      if (response.destroyed || request.errored) response.destroy();
      else if (response.headersSent) response.destroy();
      else sendError(request, setHeaders(response, securityHeaders), options.maskError(error));
    });
  });
  // A client that asks first is told to send its body; an upload only after its checks, so that a refused one is never sent.
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    if (!isAttachmentPath(pathOf(request))) response.writeContinue();
    server.emit('request', request, response);
  });
  return server;
}

const pathOf = ({ url = '/' }: IncomingMessage) => url.split('?', 1)[0] ?? '/';

/** Security headers of every response. */
const securityHeaders = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
};

/** Responses to pages depend on the `Origin` header. */
const graphqlHeaders = { ...securityHeaders, vary: 'Origin', 'cache-control': 'no-store' };

/** The accelerator passes its headers to `writeHead` instead, which is faster than `setHeader`. */
export function setHeaders(response: ServerResponse, headers: ResponseHeaders): ServerResponse {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  return response;
}

async function route(options: HttpServerOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { endpoint, graphiql, consoleFiles, metrics, readiness } = options;
  const path = pathOf(request);
  if (path === endpoint && !wantsPage(request)) return answerGraphql(options, request, response);
  if (isAttachmentPath(path)) return answerAttachments(options, request, response);
  if (path === '/metrics' && metrics) return metrics(request, setHeaders(response, securityHeaders));
  setHeaders(response, securityHeaders);
  switch (path) {
    case endpoint:
      return graphiql.send(request, response);
    case '/livez':
      return sendText(response, 200, 'ok');
    case '/readyz': {
      const { isReady, text } = await readiness();
      return sendText(response, isReady ? 200 : 503, text);
    }
    default:
      if (consoleFiles?.send(request, response, path)) return;
      if (path === '/') return void response.writeHead(302, { location: endpoint }).end();
      return sendText(response, 404, notFoundText(endpoint));
  }
}

/** The answer under an address that a server does not have. It tells a Runtape from other programs. */
export function notFoundText(endpoint: string): string {
  return `Not found. GraphQL is at ${endpoint}.`;
}

/** Checks origin, method, content type, credentials, length and points, in this order, before it parses anything. */
async function answerGraphql(
  options: HttpServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { access, graphql, maskError } = options;
  const responseHeaders = checkPage(access, request, response, hasJsonType(request) ? null : unsupportedType);
  if (responseHeaders === null) return;
  try {
    const identity = await access.authentication.authenticate(credentialsOf(request));
    cutAtEnd(access, identity, response);
    const parameters = await readParameters(options, identity, request);
    // The token may have been revoked while the body arrived.
    if (!access.authentication.accepts(identity)) throw unauthenticated('unknown');
    return await graphql(request, response, { identity, parameters, responseHeaders });
  } catch (error) {
    if (response.headersSent || request.errored) throw error;
    return sendError(request, setHeaders(response, responseHeaders), maskError(error));
  }
}

/** Makes the same checks as for GraphQL. A refused upload is not read: the connection ends after the answer. */
async function answerAttachments(
  { access, attachments, maskError }: HttpServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const problem = uploadTypeProblem(request);
  const responseHeaders = checkPage(access, request, response, problem === null ? null : () => problem);
  if (responseHeaders === null) return;
  setHeaders(response, responseHeaders);
  try {
    const identity = await access.authentication.authenticate(credentialsOf(request));
    cutAtEnd(access, identity, response);
    return await attachments(request, response, identity);
  } catch (error) {
    if (response.headersSent || request.errored) throw error;
    if (!request.complete) response.setHeader('connection', 'close');
    return sendError(request, response, maskError(error));
  }
}

/**
 * Answers a page that may not send this request, and a CORS preflight request. Returns null then, and otherwise the headers of the
 * response.
 * @param typeProblem describes what is wrong with the content type of a POST; null if nothing is
 */
function checkPage(
  { origins }: Access,
  request: IncomingMessage,
  response: ServerResponse,
  typeProblem: ((request: IncomingMessage) => string) | null,
): ResponseHeaders | null {
  const refusal = origins.refusal(request.headers);
  if (refusal !== null) {
    sendText(setHeaders(response, securityHeaders), 403, refusal);
    return null;
  }
  const corsHeaders = origins.corsHeaders(request);
  const responseHeaders = corsHeaders ? { ...graphqlHeaders, ...corsHeaders } : graphqlHeaders;
  if (request.method === 'OPTIONS') {
    response.writeHead(204, responseHeaders).end();
    return null;
  }
  if (request.method === 'POST' && typeProblem !== null) {
    sendText(setHeaders(response, responseHeaders), 415, typeProblem(request));
    return null;
  }
  return responseHeaders;
}

/** When a token has expired or was revoked. A client whose event stream is cut connects again, with a new token and its last cursor. */
function cutAtEnd({ authentication }: Access, identity: Identity, response: ServerResponse): void {
  const cancel = authentication.onEnd(identity, () => response.destroy());
  if (cancel) response.once('close', cancel);
}

/** Throws a GraphQLError if the request cannot be read, or if its principal has no points left. */
async function readParameters(
  { bodyBytes, charge }: HttpServerOptions,
  { principal }: Identity,
  request: IncomingMessage,
): Promise<RequestParameters> {
  const { method, url = '' } = request;
  if (method !== 'POST' && method !== 'GET') throw unsupportedMethod(method);
  const body = method === 'POST' ? await readBody(request, bodyBytes) : null;
  if (method === 'POST' && body === null) {
    const message = `The body is longer than ${bodyBytes} bytes, which is the limit. Send a shorter one.`;
    throw requestLimitPassed('bodyBytes', message, 413);
  }
  const length = body?.length ?? url.length;
  const charged = charge(principal, length);
  const error = charged instanceof Promise ? await charged : charged;
  if (error) throw error;
  const parameters = body ? parametersInBody(body) : parametersInUrl(url);
  // The document of a long request is read in another turn of the event loop.
  if (length >= limits.LONG_REQUEST_BYTES) await nextTurn();
  return parameters;
}

/** PUT and DELETE are the single connection mode of graphql-sse. */
const unsupportedMethod = (method = '') =>
  notSupported(
    `The method ${method} is not supported. Send operations by POST or GET. Subscriptions are answered as server-sent events on the same request (the distinct connections mode of graphql-sse), or over WebSocket.`,
    405,
    { allow: 'GET, POST' },
  );

/** Any other content type can be sent by a form of another site, without a CORS preflight request. */
function hasJsonType({ headers }: IncomingMessage): boolean {
  return /^application\/(graphql-response\+|graphql\+)?json *(;|$)/i.test(headers['content-type'] ?? '');
}

const SHOWN_TYPE_CHARACTERS = 100;

function unsupportedType({ headers }: IncomingMessage): string {
  const type = (headers['content-type'] ?? '').slice(0, SHOWN_TYPE_CHARACTERS);
  return `Content type "${type}" is not supported. Send operations as JSON, with \`content-type: application/json\`.`;
}

/** Whether a browser opens the address, and not a client that sends an operation in it. */
function wantsPage({ method, headers, url }: IncomingMessage): boolean {
  return method === 'GET' && (headers.accept ?? '').includes('text/html') && !/[?&](query|extensions)=/.test(url ?? '');
}

function sendText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${text}\n`);
}

/** Resolves with the port. Rejects with a StartError. */
export function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(new StartError(listenProblem(error, host, port), error)),
    );
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
  });
}

function listenProblem({ code, message }: NodeJS.ErrnoException, host: string, port: number): string {
  switch (code) {
    case 'EADDRINUSE':
      return `Port ${port} of ${host} is in use. Stop the program that uses it, or set PORT to another port (0 selects a free one).`;
    case 'EACCES':
      return `This user may not listen on port ${port} of ${host}. Set PORT to a port above 1023.`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `HOST "${host}" is not an address of this machine. Set HOST to one that is, such as 127.0.0.1.`;
    default:
      return `The server cannot listen on ${host}:${port}: ${message}`;
  }
}
