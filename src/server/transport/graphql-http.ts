import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  execute,
  GraphQLError,
  type GraphQLSchema,
} from 'graphql';
import { createYoga, type Plugin, processRegularResult, type YogaInitialContext } from 'graphql-yoga';
import type { RequestOrigin } from '../../application/command-context.ts';
import type { GraphqlContext, SignalSource } from '../../graphql/context.ts';
import { notSupported, splitHttp } from '../../graphql/public-errors.ts';
import type { Logger } from '../../logger.ts';
import type { Identity } from '../access/authentication/identity.ts';
import type { Documents } from './documents.ts';
import type { EventStreams } from './event-stream.ts';
import { acceptsEventStream, negotiateMediaType } from './graphql-response.ts';
import type { MaskError } from './masked-errors.ts';
import { LongResult, type Operations } from './operations.ts';
import { originOf } from './request-origin.ts';
import type { RequestParameters } from './request-parameters.ts';

/** Creates the context of one operation. */
export type MakeContext = (
  identity: Identity,
  operation: { leaving: SignalSource; lastEventId: string | null; from: RequestOrigin },
) => GraphqlContext;

interface ServerContext {
  req: IncomingMessage;
  res: ServerResponse;
  identity: Identity;
  parameters: RequestParameters;
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
    context({ identity, request, req }) {
      const lastEventId = request.headers.get('last-event-id');
      const context = makeContext(identity, { leaving: () => request.signal, lastEventId, from: originOf(req) });
      // Yoga copies the own properties of the context; these are accessors of its class.
      return { ...context, signal: context.signal, loaders: context.loaders };
    },
    plugins: [yogaPlugin(documents, operations), options.eventStreams.plugin],
  });
}

/** Replaces yoga's reading and execution of documents by those that all transports share. */
function yogaPlugin(
  documents: Documents,
  operations: Operations,
): Plugin<GraphqlContext & YogaInitialContext, ServerContext> {
  return {
    onPluginInit({ addPlugin }) {
      // Added after yoga's own plugin, whose choice of the media type ignores quality values.
      addPlugin({
        onResultProcess({ request, result, setResult, setResultProcessor }) {
          const accept = request.headers.get('accept');
          if (Symbol.asyncIterator in result) return;
          const mediaType = negotiateMediaType(accept ?? '*/*');
          if (mediaType !== null) {
            return setResultProcessor(result instanceof LongResult ? sendLongResult : processRegularResult, mediaType);
          }
          if (acceptsEventStream(accept)) return;
          setResult({ errors: [unacceptableType] });
          setResultProcessor(processRegularResult, 'application/json');
        },
      });
    },
    onRequestParse({ serverContext, setRequestParser }) {
      setRequestParser(() => ({ ...serverContext.parameters }));
    },
    onParams({ params, setParams }) {
      setParams({ ...params, query: documents.textOf(params) });
    },
    onParse({ setParseFn }) {
      setParseFn((source: string | { body: string }) =>
        documents.parse(typeof source === 'string' ? source : source.body),
      );
    },
    onValidate({ setValidationFn }) {
      setValidationFn((_schema: GraphQLSchema, document: DocumentNode) => documents.validate(document));
    },
    onExecute({ setExecuteFn }) {
      setExecuteFn(async (args: ExecutionArgs) => withStatus(await operations.execute(args, executeOnce)));
    },
    /** Yoga's subscribe function uses one context for all events, and notices a disconnect only at the next event. */
    onSubscribe({ args, setSubscribeFn }) {
      const isAcceptable = acceptsEventStream(args.contextValue.request.headers.get('accept'));
      setSubscribeFn(async (executionArgs: ExecutionArgs) =>
        isAcceptable ? withStatus(await operations.subscribe(executionArgs)) : { errors: [notAnEventStream] },
      );
    },
  };
}

/** Its JSON exists already. */
const sendLongResult: typeof processRegularResult = (result, { Response }, mediaType) => {
  const [longResult] = [result].flat();
  if (!(longResult instanceof LongResult)) throw new Error('Only long results are sent in this way.');
  const errors = longResult.errors?.map((error) => splitHttp(error).error);
  const parts = (errors ? longResult.withErrors(errors) : longResult).parts();
  return new Response(streamOf(parts), { status: 200, headers: { 'content-type': `${mediaType}; charset=utf-8` } });
};

function streamOf(parts: readonly Buffer[]): ReadableStream<Uint8Array> {
  const left = parts.values();
  return new ReadableStream({
    pull(controller) {
      const { done, value } = left.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
  });
}

const notAnEventStream = notSupported(
  'A subscription is answered as server-sent events. Send the header `accept: text/event-stream`, or use WebSocket.',
  406,
);
const unacceptableType = notSupported(
  'The Accept header allows no media type of this server. Accept application/graphql-response+json or application/json, and text/event-stream for subscriptions.',
  406,
);

const executeOnce = (args: ExecutionArgs) => execute(args) as ExecutionResult | Promise<ExecutionResult>;

/**
 * Gives the errors of a request that failed before its execution the status 400. For `application/json`, clients expect 200 if an
 * error has a code.
 */
function withStatus<Result extends object>(result: Result | ExecutionResult): Result | ExecutionResult {
  if (!('errors' in result) || !result.errors || result.data !== undefined) return result;
  const hasCode = result.errors.some(({ extensions }) => extensions.code !== undefined);
  const http = hasCode ? { status: 400, spec: true } : { status: 400 };
  const errors = result.errors.map(({ message, nodes, path, extensions }) => {
    return new GraphQLError(message, { nodes, path, extensions: { http, ...extensions } });
  });
  return { ...result, errors };
}
