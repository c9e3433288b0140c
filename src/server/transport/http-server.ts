import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as limits from '../../config/limits.ts';
import { StartError } from '../../config/start-error.ts';
import type { Access } from '../access/access.ts';
import type { Identity } from '../access/authentication/identity.ts';
import { callAt } from '../access/call-at.ts';
import type { GraphiqlPage } from './graphiql-page.ts';
import { type MaskError, sendError } from './masked-errors.ts';

/** Headers by their names. */
export type ResponseHeaders = Readonly<Record<string, string>>;

export interface GraphqlRequest {
  identity: Identity;
  /** What every answer says, not yet on the response. */
  head: ResponseHeaders;
}

interface HttpServerOptions {
  endpoint: string;
  door: Access;
  maskError: MaskError;
  graphql(request: IncomingMessage, response: ServerResponse, asking: GraphqlRequest): Promise<void>;
  graphiql: GraphiqlPage;
  /** Why the server can not serve now, or null. */
  unready(): Promise<string | null>;
}

/** One port for everything: GraphQL, the explorer, and the health checks. */
export function createHttpServer(options: HttpServerOptions): Server {
  const slowness = {
    keepAliveTimeout: limits.IDLE_CONNECTION_SECONDS * 1000,
    headersTimeout: limits.REQUEST_HEADER_SECONDS * 1000,
    requestTimeout: limits.REQUEST_SECONDS * 1000,
    connectionsCheckingInterval: limits.SLOW_REQUEST_CHECK_SECONDS * 1000,
  };
  return createServer(slowness, (request, response) => {
    route(options, request, response).catch(() => {
      if (!response.headersSent) response.writeHead(500, everywhere);
      response.end();
    });
  });
}

/** What every answer says to browsers. */
const everywhere = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
};

/** What answers of the API say beside it; what they show depends on where the request comes from. */
const ofGraphql = { ...everywhere, vary: 'Origin', 'cache-control': 'no-store' };

/** Headers that are set one by one cost more than those that go with the status, which is how most answers have them. */
export function setHeaders(response: ServerResponse, head: ResponseHeaders): ServerResponse {
  for (const [name, value] of Object.entries(head)) response.setHeader(name, value);
  return response;
}

async function route(options: HttpServerOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { endpoint, graphiql, unready } = options;
  const path = (request.url ?? '/').split('?', 1)[0];
  if (path === endpoint && !wantsPage(request)) return answerGraphql(options, request, response);
  setHeaders(response, everywhere);
  switch (path) {
    case endpoint:
      return graphiql.send(request, response);
    case '/livez':
      return answer(response, 200, 'ok');
    case '/readyz': {
      const problem = await unready();
      return answer(response, problem === null ? 200 : 503, problem ?? 'ok');
    }
    case '/':
      response.writeHead(302, { location: endpoint }).end();
      return;
    default:
      return answer(response, 404, `Nothing here. GraphQL is at ${endpoint}.`);
  }
}

/** Where it comes from, what it is, and who sends it are looked at before a byte of its body is. */
async function answerGraphql(
  { door, graphql, maskError }: HttpServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const foreign = door.origins.refusal(request.headers);
  if (foreign !== null) return answer(setHeaders(response, everywhere), 403, foreign);
  const admission = door.origins.headers(request);
  const head = admission ? { ...ofGraphql, ...admission } : ofGraphql;
  if (request.method === 'OPTIONS') return void response.writeHead(204, head).end();
  if (request.method === 'POST' && !isJson(request)) {
    return answer(setHeaders(response, head), 415, 'Send operations as JSON, with `content-type: application/json`.');
  }
  let identity: Identity;
  try {
    identity = await door.authenticate({ headers: request.headers, connectionParams: {} });
  } catch (error) {
    return sendError(request, setHeaders(response, head), maskError(error));
  }
  if (!(await hasFittingBody(request))) {
    return answer(setHeaders(response, head), 413, `The body is longer than ${limits.BODY_BYTES} bytes.`);
  }
  if (identity.expiresAt !== undefined) {
    // Cut off without a closing word, clients of a stream come back, with a new token and their last cursor.
    const cancel = callAt(door.clock, identity.expiresAt, () => response.destroy());
    response.once('close', cancel);
  }
  return graphql(request, response, { identity, head });
}

/** Everything else can be sent by a form of any site without the browser asking first. */
function isJson({ headers }: IncomingMessage): boolean {
  return /^application\/(graphql-response\+|graphql\+)?json *(;|$)/i.test(headers['content-type'] ?? '');
}

/** A browser that opens the address, as against a client that sends an operation in it. */
function wantsPage({ method, headers, url }: IncomingMessage): boolean {
  return method === 'GET' && (headers.accept ?? '').includes('text/html') && !/[?&](query|extensions)=/.test(url ?? '');
}

/** A body in chunks does not say its length: it is read here, as far as it may be long, and handed on in one piece. */
async function hasFittingBody(request: IncomingMessage): Promise<boolean> {
  if (Number(request.headers['content-length'] ?? 0) > limits.BODY_BYTES) return false;
  if (request.headers['transfer-encoding'] === undefined) return true;
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of request.iterator({ destroyOnReturn: false })) {
    bytes += piece.length;
    if (bytes > limits.BODY_BYTES) return false;
    pieces.push(piece);
  }
  Object.assign(request, { body: Buffer.concat(pieces) });
  return true;
}

function answer(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${text}\n`);
}

/** Resolves with the port; rejects with a StartError where it can not be had. */
export function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(new StartError(refusal(error, host, port), error)));
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
  });
}

function refusal({ code, message }: NodeJS.ErrnoException, host: string, port: number): string {
  switch (code) {
    case 'EADDRINUSE':
      return `Port ${port} of ${host} is in use. Stop what uses it, or set PORT to another one (PORT=0 takes a free one).`;
    case 'EACCES':
      return `Port ${port} of ${host} is not allowed to this user. Set PORT to one above 1023.`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `HOST ${host} is not an address of this machine.`;
    default:
      return `The server can not listen on ${host}:${port}: ${message}`;
  }
}
