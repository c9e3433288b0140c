import type { IncomingMessage, ServerResponse } from 'node:http';
import type { DocumentNode, ExecutionArgs, GraphQLSchema } from 'graphql';
import { createYoga, type Plugin } from 'graphql-yoga';
import type { GraphqlContext, SignalSource } from '../../graphql/context.ts';
import type { Logger } from '../../logger.ts';
import type { Identity } from '../access/authentication/identity.ts';
import type { Documents } from './documents.ts';
import type { EventStreams } from './event-stream.ts';
import type { MaskError } from './masked-errors.ts';
import type { Operations } from './operations.ts';

/** Makes the context of one operation. */
export type MakeContext = (
  identity: Identity,
  operation: { leaving: SignalSource; lastEventId: string | null },
) => GraphqlContext;

interface ServerContext {
  req: IncomingMessage;
  res: ServerResponse;
  identity: Identity;
}

export interface GraphqlHttpOptions {
  schema: GraphQLSchema;
  endpoint: string;
  makeContext: MakeContext;
  maskError: MaskError;
  documents: Documents;
  operations: Operations;
  eventStreams: EventStreams;
  logger: Logger;
}

export type GraphqlHttp = ReturnType<typeof createGraphqlHttp>;

/** GraphQL over HTTP: queries and mutations as JSON, subscriptions as server-sent events. */
export function createGraphqlHttp(options: GraphqlHttpOptions) {
  const { schema, endpoint, makeContext, maskError, documents, operations, logger } = options;
  const log = (level: 'debug' | 'info' | 'warn' | 'error') => (message: unknown) => logger[level]({ yoga: message });
  return createYoga<ServerContext, GraphqlContext>({
    schema,
    graphqlEndpoint: endpoint,
    graphiql: false,
    landingPage: false,
    batching: false,
    extraParamNames: ['documentId'],
    // It would keep a thousand documents, however long, and as many that are wrong.
    parserAndValidationCache: false,
    // The door has looked at where the request comes from before.
    cors: false,
    maskedErrors: { maskError: (error) => maskError(error) },
    logging: { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') },
    context({ identity, request }) {
      const lastEventId = request.headers.get('last-event-id');
      const made = makeContext(identity, { leaving: () => request.signal, lastEventId });
      // Yoga copies it, and a copy has nothing that is made when it is asked for.
      return { ...made, signal: made.signal, loaders: made.loaders };
    },
    plugins: [ownWays(documents, operations), options.eventStreams.plugin],
  });
}

/** Yoga keeps the protocol; reading documents and executing them is the same for every transport. */
function ownWays(documents: Documents, operations: Operations): Plugin {
  return {
    onParams({ params, setParams }) {
      // What names no document at all is refused by the protocol, in its own words.
      if (documents.concerns(params)) setParams({ ...params, query: documents.textOf(params) });
    },
    onParse({ setParseFn }) {
      setParseFn((source: string | { body: string }) =>
        documents.parse(typeof source === 'string' ? source : source.body),
      );
    },
    onValidate({ setValidationFn }) {
      setValidationFn((_schema: GraphQLSchema, document: DocumentNode) => documents.validate(document));
    },
    onExecute({ executeFn, setExecuteFn }) {
      // Yoga's own way of executing says which errors are answered with which status. Its promises are not the language's.
      setExecuteFn((args: ExecutionArgs) => operations.execute(args, async (own) => executeFn(own)));
    },
    /** Yoga's subscribe keeps one context for all events and sees a client leave only at the next one. */
    onSubscribe({ setSubscribeFn }) {
      setSubscribeFn((args: ExecutionArgs) => operations.subscribe(args));
    },
  };
}
