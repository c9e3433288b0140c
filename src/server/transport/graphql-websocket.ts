import { setMaxListeners } from 'node:events';
import type { Server as HttpServer, IncomingMessage } from 'node:http';
import type { ExecutionArgs, ExecutionResult, GraphQLError, GraphQLSchema } from 'graphql';
import { CloseCode, handleProtocols, makeServer, type Server } from 'graphql-ws';
import { WebSocket, WebSocketServer } from 'ws';
import type { RequestOrigin } from '../../application/command-context.ts';
import type { Clock } from '../../clock.ts';
import * as limits from '../../config/limits.ts';
import { limitPassed, splitHttp } from '../../graphql/public-errors.ts';
import type { Logger } from '../../logger.ts';
import type { Access } from '../access/access.ts';
import type { IdentityEnd } from '../access/authentication/current-authentication.ts';
import { credentialsOf, type Identity } from '../access/authentication/identity.ts';
import type { Documents } from './documents.ts';
import type { AtEndOfTurn } from './end-of-turn.ts';
import type { MakeContext } from './graphql-http.ts';
import type { MaskError } from './masked-errors.ts';
import { LongResult, type Operations } from './operations.ts';
import { originOf, validTraceParent } from './request-origin.ts';
import { closeReason, serveMessages, TRY_AGAIN_LATER } from './socket-messages.ts';
import { type SendTarget, sendResult, sendResults } from './socket-sender.ts';
import { createSocketWriter, type SocketWriter } from './socket-writer.ts';
import {
  createUnauthenticatedSockets,
  type UnauthenticatedLimits,
  type UnauthenticatedSockets,
} from './unauthenticated-sockets.ts';

interface GraphqlWebSocketOptions {
  server: HttpServer;
  logger: Logger;
  schema: GraphQLSchema;
  endpoint: string;
  access: Access;
  makeContext: MakeContext;
  maskError: MaskError;
  documents: Documents;
  operations: Operations;
  atEndOfTurn: AtEndOfTurn;
  /** The longest message of an authenticated client. */
  bodyBytes: number;
  unauthenticated: UnauthenticatedLimits;
  /** Time to send `connection_init`. */
  connectionInitSeconds: number;
  /** Whether new connections are refused because the server is stopping. */
  isDraining(): boolean;
}

/** An authenticated WebSocket connection. */
interface Connection {
  identity: Identity;
  from: RequestOrigin;
  writer: SocketWriter;
  /** Aborts when the connection is closed. */
  closed: AbortController;
  /** Stops waiting for the end of the identity; null if it cannot end. */
  stopWatching: (() => void) | null;
}

/** What graphql-ws passes to its hooks for each connection. */
interface Extra {
  socket: WebSocket;
  request: IncomingMessage;
}

type Protocol = Server<Extra>;

/** GraphQL over WebSocket, by the protocol graphql-transport-ws. `dispose` closes every connection so that clients reconnect. */
export function createGraphqlWebSocket(options: GraphqlWebSocketOptions): { dispose(): Promise<void> } {
  const { server, endpoint, access, operations, maskError, logger } = options;
  const unauthenticated = createUnauthenticatedSockets(options.unauthenticated);
  const connections = new WeakMap<Extra, Connection>();
  const protocol = createProtocol(options, connections, unauthenticated);
  // The types of `ws` lack this option.
  const timing = { closeTimeout: limits.SOCKET_CLOSE_SECONDS * 1000 };
  const webSocketServer = new WebSocketServer({
    server,
    path: endpoint,
    maxPayload: options.bodyBytes,
    maxFragments: limits.SOCKET_FRAGMENTS,
    maxBufferedChunks: limits.SOCKET_FRAGMENTS,
    ...timing,
    handleProtocols,
    verifyClient({ req }, decide) {
      const refusal = access.origins.refusal(req.headers);
      if (refusal !== null) return decide(false, 403, refusal);
      const overload = options.isDraining() ? 'The server is stopping.' : unauthenticated.admit(req);
      if (overload !== null) return decide(false, 503, overload, { 'retry-after': '1' });
      decide(true);
    },
  });
  webSocketServer.on('error', (error) => logger.error({ err: error }, 'the WebSocket server failed'));
  webSocketServer.on('connection', (socket, request) => {
    const extra = { socket, request };
    unauthenticated.limitBytes(request, socket);
    keepAlive(socket, access.clock);
    serveMessages(protocol, extra, {
      maskError,
      charge(bytes) {
        const connection = connections.get(extra);
        return connection ? operations.receive(connection.identity.principal, bytes) : null;
      },
    });
  });
  return {
    async dispose() {
      for (const socket of webSocketServer.clients) socket.close(GOING_AWAY, 'Going away');
      await new Promise<void>((resolve) => webSocketServer.close(() => resolve()));
    },
  };
}

/** RFC 6455, section 7.4.1. Clients reconnect. */
const GOING_AWAY = 1001;

function createProtocol(
  options: GraphqlWebSocketOptions,
  connections: WeakMap<Extra, Connection>,
  unauthenticated: UnauthenticatedSockets,
): Protocol {
  const { access, maskError, operations } = options;
  const targets = new WeakMap<ExecutionArgs, SendTarget>();
  return makeServer<Record<string, unknown>, Extra>({
    connectionInitWaitTimeout: options.connectionInitSeconds * 1000,
    async execute(args) {
      const result = withoutHttp(await operations.execute(args));
      const target = targets.get(args);
      return result instanceof LongResult && target ? sendResult(result.parts(), target) : result;
    },
    async subscribe(args) {
      const results = await operations.subscribe(args);
      if (!(Symbol.asyncIterator in results)) return withoutHttp(results);
      const target = targets.get(args);
      return target ? sendResults(results, target) : results;
    },
    async onConnect({ extra, connectionParams }) {
      try {
        const identity = await access.authentication.authenticate(credentialsOf(extra.request, connectionParams));
        // `onClose` has run already if the client has closed the connection in the meantime; nothing would cancel the timer.
        if (extra.socket.readyState !== WebSocket.OPEN) return false;
        unauthenticated.authenticated(extra.request);
        connections.set(extra, acceptConnection(access, identity, extra, options.atEndOfTurn));
        return true;
      } catch (error) {
        rejectConnection(extra.socket, maskError(error));
        return false;
      }
    },
    onClose({ extra }) {
      const connection = connections.get(extra);
      connection?.stopWatching?.();
      connection?.closed.abort();
    },
    onSubscribe({ extra, subscriptions }, id, payload): ExecutionArgs | readonly GraphQLError[] {
      const connection = connections.get(extra);
      if (!connection || Object.keys(subscriptions).length > limits.OPERATIONS_PER_SOCKET) return [tooManyOperations];
      const args = executionArgs(options, connection, payload);
      if ('schema' in args) targets.set(args, { operationId: id, writer: connection.writer });
      return args;
    },
  });
}

/** Cuts off a connection that does not answer a ping before the next one. */
function keepAlive(socket: WebSocket, clock: Clock): void {
  let isAlive = true;
  const check = () => {
    if (!isAlive) return socket.terminate();
    isAlive = false;
    socket.ping();
    cancel = clock.after(limits.KEEP_ALIVE_SECONDS * 1000, check);
  };
  let cancel = clock.after(limits.KEEP_ALIVE_SECONDS * 1000, check);
  socket.on('pong', () => {
    isAlive = true;
  });
  socket.once('close', () => cancel());
}

const endReasons: Readonly<Record<IdentityEnd, string>> = {
  expired: 'The token has expired. Reconnect with a new token.',
  revoked: 'The token was revoked. Reconnect with another token.',
};

function acceptConnection(
  { authentication }: Access,
  identity: Identity,
  { socket, request }: Extra,
  atEndOfTurn: AtEndOfTurn,
): Connection {
  const closed = new AbortController();
  // Every operation of the connection adds a listener.
  setMaxListeners(0, closed.signal);
  const close = (end: IdentityEnd) => {
    closed.abort();
    socket.close(CloseCode.Forbidden, endReasons[end]);
  };
  return {
    identity,
    from: originOf(request),
    writer: createSocketWriter(socket, request.socket, atEndOfTurn),
    closed,
    stopWatching: authentication.onEnd(identity, close),
  };
}

/** Clients of graphql-ws reconnect after 4403, with new `connectionParams`, but not after 4401. */
function rejectConnection(socket: WebSocket, { message, extensions: { code } }: GraphQLError): void {
  if (code === 'UNAUTHENTICATED') socket.close(CloseCode.Forbidden, closeReason(message));
  else if (code === 'UNAVAILABLE') socket.close(TRY_AGAIN_LATER, closeReason(message));
  else socket.close(CloseCode.InternalServerError, closeReason(message));
}

interface Payload {
  query?: unknown;
  operationName?: string | null;
  variables?: Record<string, unknown> | null;
  extensions?: unknown;
}

function executionArgs(
  { schema, documents, makeContext, maskError }: GraphqlWebSocketOptions,
  { identity, from, closed: { signal } }: Connection,
  payload: Payload,
): ExecutionArgs | readonly GraphQLError[] {
  try {
    const document = documents.read(payload);
    if (!('kind' in document)) return document;
    const contextValue = makeContext(identity, {
      leaving: () => signal,
      lastEventId: null,
      from: tracedFrom(from, payload),
    });
    const { operationName, variables: variableValues } = payload;
    return { schema, operationName, document, variableValues, contextValue };
  } catch (error) {
    // If this threw, graphql-ws would close the connection with all of its operations.
    return [maskError(error)];
  }
}

/** Operations of one connection can belong to different traces. */
function tracedFrom(from: RequestOrigin, { extensions }: Payload): RequestOrigin {
  if (typeof extensions !== 'object' || extensions === null || !('traceparent' in extensions)) return from;
  return { ...from, traceParent: validTraceParent(extensions.traceparent) };
}

const tooManyOperations = limitPassed(
  'operationsPerSocket',
  `This connection already has ${limits.OPERATIONS_PER_SOCKET} active operations, which is the limit. Complete one of them, or open another connection.`,
);

/** Removes what is meant for HTTP from the extensions of the errors. */
function withoutHttp(result: ExecutionResult): ExecutionResult {
  if (!result.errors) return result;
  const errors = result.errors.map((error) => splitHttp(error).error);
  return result instanceof LongResult ? result.withErrors(errors) : { ...result, errors };
}
