import { setMaxListeners } from 'node:events';
import type { Server } from 'node:http';
import {
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  execute,
  GraphQLError,
  type GraphQLSchema,
  parse,
  validate,
} from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import { WebSocketServer } from 'ws';
import * as limits from '../../config/limits.ts';
import { subscribeOperation } from '../../graphql/subscribe.ts';
import type { MakeContext } from './graphql-http.ts';
import type { MaskError } from './masked-errors.ts';

interface GraphqlWebSocketOptions {
  server: Server;
  schema: GraphQLSchema;
  endpoint: string;
  makeContext: MakeContext;
  maskError: MaskError;
}

/** GraphQL over WebSocket, in the graphql-transport-ws protocol. Disposing closes every socket so that clients come back. */
export function createGraphqlWebSocket(options: GraphqlWebSocketOptions): { dispose(): void | Promise<void> } {
  const { server, schema, endpoint, makeContext, maskError } = options;
  const timing = { closeTimeout: limits.SOCKET_CLOSE_SECONDS * 1000 };
  const sockets = new WebSocketServer({ server, path: endpoint, maxPayload: limits.BODY_BYTES, ...timing });
  const leaving = new WeakMap<object, AbortController>();
  return useServer(
    {
      execute: async (args) => maskResult(await execute(args), maskError),
      subscribe: (args) => subscribeOperation(args, maskError),
      // Otherwise it closes sockets with the words of whatever was thrown.
      isProd: true,
      onConnect({ extra }) {
        const controller = new AbortController();
        // Every operation of the socket listens to it.
        setMaxListeners(0, controller.signal);
        leaving.set(extra, controller);
      },
      onDisconnect({ extra }) {
        leaving.get(extra)?.abort();
      },
      onSubscribe(connection, _id, { query, operationName, variables }): ExecutionArgs | readonly GraphQLError[] {
        const { extra, connectionParams, subscriptions } = connection;
        if (Object.keys(subscriptions).length > limits.OPERATIONS_PER_SOCKET) return [tooMany];
        const document = readDocument(schema, query);
        if (Array.isArray(document)) return document;
        const signal = leaving.get(extra)?.signal ?? AbortSignal.abort();
        const credentials = { headers: extra.request.headers, connectionParams: connectionParams ?? {} };
        try {
          const contextValue = makeContext(credentials, { signal, lastEventId: null });
          return { schema, operationName, document, variableValues: variables, contextValue };
        } catch (error) {
          // Thrown on, it would end the socket and with it every other operation.
          return [maskError(error)];
        }
      },
    },
    sockets,
    limits.KEEP_ALIVE_SECONDS * 1000,
  );
}

const tooMany = new GraphQLError(
  `One socket carries ${limits.OPERATIONS_PER_SOCKET} operations at a time; end some, or open another one.`,
  { extensions: { code: 'LIMIT_EXCEEDED' } },
);

function readDocument(schema: GraphQLSchema, query: string): DocumentNode | GraphQLError[] {
  try {
    const document = parse(query);
    const errors = validate(schema, document);
    return errors.length > 0 ? [...errors] : document;
  } catch (error) {
    if (error instanceof GraphQLError) return [error];
    throw error;
  }
}

function maskResult(result: ExecutionResult, maskError: MaskError): ExecutionResult {
  return result.errors ? { ...result, errors: result.errors.map(maskError) } : result;
}
