import { setMaxListeners } from 'node:events';
import type { Server } from 'node:http';
import type { ExecutionArgs, ExecutionResult, GraphQLError, GraphQLSchema } from 'graphql';
import { CloseCode } from 'graphql-ws';
import { type Extra, useServer } from 'graphql-ws/use/ws';
import { WebSocket, WebSocketServer } from 'ws';
import * as limits from '../../config/limits.ts';
import { limitPassed, splitHttp } from '../../graphql/public-errors.ts';
import { type Access, onExpiry } from '../access/access.ts';
import type { Identity } from '../access/authentication/identity.ts';
import type { Documents } from './documents.ts';
import type { AtEndOfTurn } from './end-of-turn.ts';
import type { MakeContext } from './graphql-http.ts';
import type { MaskError } from './masked-errors.ts';
import type { Operations } from './operations.ts';
import { type SendTarget, sendResults } from './socket-sender.ts';
import { createSocketWriter, type SocketWriter } from './socket-writer.ts';

interface GraphqlWebSocketOptions {
  server: Server;
  schema: GraphQLSchema;
  endpoint: string;
  access: Access;
  makeContext: MakeContext;
  maskError: MaskError;
  documents: Documents;
  operations: Operations;
  atEndOfTurn: AtEndOfTurn;
}

/** An authenticated WebSocket connection. */
interface Connection {
  identity: Identity;
  writer: SocketWriter;
  /** Aborts when the connection is closed. */
  closed: AbortController;
  cancelExpiry(): void;
}

/** GraphQL over WebSocket, by the protocol graphql-transport-ws. `dispose` closes every connection so that clients reconnect. */
export function createGraphqlWebSocket(options: GraphqlWebSocketOptions): { dispose(): void | Promise<void> } {
  const { server, endpoint, access, maskError, operations } = options;
  const timing = { closeTimeout: limits.SOCKET_CLOSE_SECONDS * 1000 };
  const webSocketServer = new WebSocketServer({
    server,
    path: endpoint,
    maxPayload: limits.BODY_BYTES,
    ...timing,
    verifyClient({ req }, decide) {
      const refusal = access.origins.refusal(req.headers);
      if (refusal === null) decide(true);
      else decide(false, 403, refusal);
    },
  });
  webSocketServer.on('connection', ignoreSendErrors);
  const connections = new WeakMap<object, Connection>();
  const targets = new WeakMap<ExecutionArgs, SendTarget>();
  return useServer(
    {
      execute: async (args) => withoutHttp(await operations.execute(args)),
      async subscribe(args) {
        const results = await operations.subscribe(args);
        if (!(Symbol.asyncIterator in results)) return withoutHttp(results);
        const target = targets.get(args);
        return target ? sendResults(results, target) : results;
      },
      // Otherwise graphql-ws sends the message of any error that is thrown as the reason of the close frame.
      isProd: true,
      jsonMessageReviver: rejectServerMessages,
      async onConnect({ extra, connectionParams }) {
        const credentials = { headers: extra.request.headers, connectionParams: connectionParams ?? {} };
        try {
          const identity = await access.authenticate(credentials);
          // `onClose` has run already if the client has closed the connection in the meantime; nothing would cancel the timer.
          if (extra.socket.readyState !== WebSocket.OPEN) return false;
          connections.set(extra, acceptConnection(access, identity, extra, options.atEndOfTurn));
          return true;
        } catch (error) {
          rejectConnection(extra.socket, maskError(error));
          return false;
        }
      },
      onClose({ extra }) {
        const connection = connections.get(extra);
        connection?.cancelExpiry();
        connection?.closed.abort();
      },
      onSubscribe({ extra, subscriptions }, id, payload): ExecutionArgs | readonly GraphQLError[] {
        const connection = connections.get(extra);
        if (!connection || Object.keys(subscriptions).length > limits.OPERATIONS_PER_SOCKET) return [tooManyOperations];
        const args = executionArgs(options, connection, payload);
        if ('schema' in args) targets.set(args, { operationId: id, writer: connection.writer });
        return args;
      },
    },
    webSocketServer,
    limits.KEEP_ALIVE_SECONDS * 1000,
  );
}

/** A failed send means that the client is gone; the `close` event follows. graphql-ws would log it as an internal error. */
function ignoreSendErrors(socket: WebSocket): void {
  const send = socket.send.bind(socket);
  Object.assign(socket, { send: (data: string, callback?: () => void) => send(data, () => callback?.()) });
}

function acceptConnection(
  { clock }: Access,
  identity: Identity,
  { socket, request }: Extra,
  atEndOfTurn: AtEndOfTurn,
): Connection {
  const closed = new AbortController();
  // Every operation of the connection adds a listener.
  setMaxListeners(0, closed.signal);
  const close = () => socket.close(CloseCode.Forbidden, 'The token has expired. Reconnect with a new token.');
  return {
    identity,
    writer: createSocketWriter(socket, request.socket, atEndOfTurn),
    closed,
    cancelExpiry: onExpiry(identity, clock, close),
  };
}

/** Clients of graphql-ws reconnect after 4403, with new `connectionParams`, but not after 4401. */
function rejectConnection(socket: WebSocket, { message, extensions: { code } }: GraphQLError): void {
  if (code === 'UNAUTHENTICATED') socket.close(CloseCode.Forbidden, closeReason(message));
  else if (code === 'UNAVAILABLE') socket.close(TRY_AGAIN_LATER, closeReason(message));
  else socket.close(CloseCode.InternalServerError, closeReason(message));
}

/** From IANA's registry of WebSocket close codes. Clients reconnect. */
const TRY_AGAIN_LATER = 1013;
/** The maximum for a close frame (RFC 6455, section 5.5). The messages are ASCII. */
const CLOSE_REASON_BYTES = 123;
const closeReason = (message: string) => message.slice(0, CLOSE_REASON_BYTES);

interface Payload {
  query?: unknown;
  operationName?: string | null;
  variables?: Record<string, unknown> | null;
  extensions?: unknown;
}

function executionArgs(
  { schema, documents, makeContext, maskError }: GraphqlWebSocketOptions,
  { identity, closed: { signal } }: Connection,
  payload: Payload,
): ExecutionArgs | readonly GraphQLError[] {
  try {
    const document = documents.read(payload);
    if (!('kind' in document)) return document;
    const contextValue = makeContext(identity, { leaving: () => signal, lastEventId: null });
    const { operationName, variables: variableValues } = payload;
    return { schema, operationName, document, variableValues, contextValue };
  } catch (error) {
    // If this threw, graphql-ws would close the connection with all of its operations.
    return [maskError(error)];
  }
}

const tooManyOperations = limitPassed(
  'operationsPerSocket',
  `This connection already has ${limits.OPERATIONS_PER_SOCKET} active operations, which is the limit. Complete one of them, or open another connection.`,
);

const serverMessageTypes: ReadonlySet<unknown> = new Set(['next', 'error', 'connection_ack']);

/** graphql-ws would treat a message that only servers send as an internal error, and log it. */
function rejectServerMessages(key: string, value: unknown): unknown {
  const isMessage = key === '' && typeof value === 'object' && value !== null && 'type' in value;
  if (isMessage && serverMessageTypes.has(value.type)) throw new Error('Only servers send messages of this type.');
  return value;
}

/** Removes what is meant for HTTP from the extensions of the errors. */
function withoutHttp(result: ExecutionResult): ExecutionResult {
  return result.errors ? { ...result, errors: result.errors.map((error) => splitHttp(error).error) } : result;
}
