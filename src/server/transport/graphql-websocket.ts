import { setMaxListeners } from 'node:events';
import type { Server } from 'node:http';
import type { ExecutionArgs, ExecutionResult, GraphQLError, GraphQLSchema } from 'graphql';
import { CloseCode } from 'graphql-ws';
import { type Extra, useServer } from 'graphql-ws/use/ws';
import { WebSocket, WebSocketServer } from 'ws';
import * as limits from '../../config/limits.ts';
import { limitPassed, splitHttp } from '../../graphql/public-errors.ts';
import type { Access } from '../access/access.ts';
import type { Identity } from '../access/authentication/identity.ts';
import { callAt } from '../access/call-at.ts';
import type { Documents } from './documents.ts';
import type { MakeContext } from './graphql-http.ts';
import type { MaskError } from './masked-errors.ts';
import type { Operations } from './operations.ts';
import { type SendTarget, sendResults } from './socket-sender.ts';
import { createSocketWriter, type SocketWriter } from './socket-writer.ts';

interface GraphqlWebSocketOptions {
  server: Server;
  schema: GraphQLSchema;
  endpoint: string;
  door: Access;
  makeContext: MakeContext;
  maskError: MaskError;
  documents: Documents;
  operations: Operations;
}

/** What is known of one socket from its first message to its end. */
interface Guest {
  identity: Identity;
  outlet: SocketWriter;
  leaving: AbortController;
  cancelExpiry(): void;
}

/** GraphQL over WebSocket, in the graphql-transport-ws protocol. Disposing closes every socket so that clients come back. */
export function createGraphqlWebSocket(options: GraphqlWebSocketOptions): { dispose(): void | Promise<void> } {
  const { server, endpoint, door, maskError, operations } = options;
  const timing = { closeTimeout: limits.SOCKET_CLOSE_SECONDS * 1000 };
  const sockets = new WebSocketServer({
    server,
    path: endpoint,
    maxPayload: limits.BODY_BYTES,
    ...timing,
    verifyClient({ req }, decide) {
      const foreign = door.origins.refusal(req.headers);
      if (foreign === null) decide(true);
      else decide(false, 403, foreign);
    },
  });
  sockets.on('connection', forgiveFailedWrites);
  const guests = new WeakMap<object, Guest>();
  const lines = new WeakMap<ExecutionArgs, SendTarget>();
  return useServer(
    {
      execute: async (args) => plain(await operations.execute(args)),
      async subscribe(args) {
        const results = await operations.subscribe(args);
        if (!(Symbol.asyncIterator in results)) return plain(results);
        const line = lines.get(args);
        return line ? sendResults(results, line) : results;
      },
      // Otherwise it closes sockets with the words of whatever was thrown.
      isProd: true,
      jsonMessageReviver: refuseAnswers,
      async onConnect({ extra, connectionParams }) {
        const credentials = { headers: extra.request.headers, connectionParams: connectionParams ?? {} };
        try {
          const identity = await door.authenticate(credentials);
          // It may have left meanwhile, and then nothing would end its timer.
          if (extra.socket.readyState !== WebSocket.OPEN) return false;
          guests.set(extra, welcome(door, identity, extra));
          return true;
        } catch (error) {
          turnAway(extra.socket, maskError(error));
          return false;
        }
      },
      onClose({ extra }) {
        const guest = guests.get(extra);
        guest?.cancelExpiry();
        guest?.leaving.abort();
      },
      onSubscribe({ extra, subscriptions }, id, payload): ExecutionArgs | readonly GraphQLError[] {
        const guest = guests.get(extra);
        if (!guest || Object.keys(subscriptions).length > limits.OPERATIONS_PER_SOCKET) return [tooMany];
        const args = argumentsOf(options, guest, payload);
        if ('schema' in args) lines.set(args, { id, outlet: guest.outlet });
        return args;
      },
    },
    sockets,
    limits.KEEP_ALIVE_SECONDS * 1000,
  );
}

/** A write that fails is a client that left: the socket closes, and says so. The protocol's library would print it as a fault. */
function forgiveFailedWrites(socket: WebSocket): void {
  const send = socket.send.bind(socket);
  Object.assign(socket, { send: (data: string, callback?: () => void) => send(data, () => callback?.()) });
}

function welcome({ clock }: Access, identity: Identity, { socket, request }: Extra): Guest {
  const leaving = new AbortController();
  // Every operation of the socket listens to it.
  setMaxListeners(0, leaving.signal);
  const { expiresAt } = identity;
  const close = () => socket.close(CloseCode.Forbidden, 'The token has expired; come back with a new one.');
  const cancelExpiry = expiresAt === undefined ? () => {} : callAt(clock, expiresAt, close);
  return { identity, outlet: createSocketWriter(socket, request.socket), leaving, cancelExpiry };
}

/** 4403 is what clients come back from, with what their `connectionParams` are by then; 4401 would end them for good. */
function turnAway(socket: WebSocket, { message, extensions: { code } }: GraphQLError): void {
  if (code === 'UNAUTHENTICATED') socket.close(CloseCode.Forbidden, closingWords(message));
  else if (code === 'UNAVAILABLE') socket.close(TRY_AGAIN_LATER, closingWords(message));
  else socket.close(CloseCode.InternalServerError, closingWords(message));
}

/** As RFC 6455's registry has it; clients come back. */
const TRY_AGAIN_LATER = 1013;
/** Of a close frame, in bytes; ours are ASCII. */
const CLOSING_WORDS = 123;
const closingWords = (message: string) => message.slice(0, CLOSING_WORDS);

interface Payload {
  query?: unknown;
  operationName?: string | null;
  variables?: Record<string, unknown> | null;
  extensions?: unknown;
}

function argumentsOf(
  { schema, documents, makeContext, maskError }: GraphqlWebSocketOptions,
  { identity, leaving: { signal } }: Guest,
  payload: Payload,
): ExecutionArgs | readonly GraphQLError[] {
  try {
    const document = documents.read(documents.textOf(payload));
    if (!('kind' in document)) return document;
    const contextValue = makeContext(identity, { leaving: () => signal, lastEventId: null });
    const { operationName, variables: variableValues } = payload;
    return { schema, operationName, document, variableValues, contextValue };
  } catch (error) {
    // Thrown on, it would end the socket and with it every other operation.
    return [maskError(error)];
  }
}

const tooMany = limitPassed(
  'operationsPerSocket',
  `One socket carries ${limits.OPERATIONS_PER_SOCKET} operations at a time; end some, or open another one.`,
);

const answers: ReadonlySet<unknown> = new Set(['next', 'error', 'connection_ack']);

/** What only servers say is no message of a client: the protocol's library would call it a fault of ours, and log it. */
function refuseAnswers(key: string, value: unknown): unknown {
  if (key === '' && typeof value === 'object' && value !== null && 'type' in value && answers.has(value.type)) {
    throw new Error('a message that only servers send');
  }
  return value;
}

/** What only HTTP is told is left out. */
function plain(result: ExecutionResult): ExecutionResult {
  return result.errors ? { ...result, errors: result.errors.map((error) => splitHttp(error).error) } : result;
}
