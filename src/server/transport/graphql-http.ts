import type { IncomingMessage, ServerResponse } from 'node:http';
import type { DocumentNode, ExecutionArgs, GraphQLSchema } from 'graphql';
import { createYoga, type Plugin, processRegularResult } from 'graphql-yoga';
import type { GraphqlContext, SignalSource } from '../../graphql/context.ts';
import type { Logger } from '../../logger.ts';
import type { Identity } from '../access/authentication/identity.ts';
import type { Documents } from './documents.ts';
import type { EventStreams } from './event-stream.ts';
import { negotiateMediaType } from './graphql-response.ts';
import type { MaskError } from './masked-errors.ts';
import type { Operations } from './operations.ts';

/** Creates the context of one operation. */
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
    // Yoga's cache counts documents and not their size, and caches invalid documents too.
    parserAndValidationCache: false,
    // The HTTP server has checked the origin of the request before.
    cors: false,
    maskedErrors: { maskError: (error) => maskError(error) },
    logging: { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') },
    context({ identity, request }) {
      const lastEventId = request.headers.get('last-event-id');
      const context = makeContext(identity, { leaving: () => request.signal, lastEventId });
      // Yoga copies the own properties of the context; these are accessors of its class.
      return { ...context, signal: context.signal, loaders: context.loaders };
    },
    plugins: [yogaPlugin(documents, operations), options.eventStreams.plugin],
  });
}

/** Replaces yoga's reading and execution of documents by those that all transports share. */
function yogaPlugin(documents: Documents, operations: Operations): Plugin {
  return {
    onPluginInit({ addPlugin }) {
      // Added after yoga's own plugin, whose choice of the media type ignores quality values.
      addPlugin({
        onResultProcess({ request, result, setResultProcessor }) {
          const mediaType = negotiateMediaType(request.headers.get('accept') ?? '*/*');
          if (mediaType !== null && !(Symbol.asyncIterator in result)) {
            setResultProcessor(processRegularResult, mediaType);
          }
        },
      });
    },
    onParams({ params, setParams }) {
      const query = documents.textOf(params);
      if (query !== null) setParams({ ...params, query });
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
      // Yoga's execute function sets the HTTP status of errors. It returns its own kind of promise; `async` makes it a native one.
      setExecuteFn((args: ExecutionArgs) => operations.execute(args, async (yogaArgs) => executeFn(yogaArgs)));
    },
    /** Yoga's subscribe function uses one context for all events, and notices a disconnect only at the next event. */
    onSubscribe({ setSubscribeFn }) {
      setSubscribeFn((args: ExecutionArgs) => operations.subscribe(args));
    },
  };
}
