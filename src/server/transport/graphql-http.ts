import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ExecutionArgs, GraphQLSchema } from 'graphql';
import { createYoga, type Plugin } from 'graphql-yoga';
import type { GraphqlContext } from '../../graphql/context.ts';
import { subscribeOperation } from '../../graphql/subscribe.ts';
import type { Logger } from '../../logger.ts';
import type { Credentials } from '../viewer.ts';
import type { EventStreams } from './event-stream.ts';
import type { MaskError } from './masked-errors.ts';

/** Makes the context of one operation. */
export type MakeContext = (
  credentials: Credentials,
  operation: { signal: AbortSignal; lastEventId: string | null },
) => GraphqlContext;

interface ServerContext {
  req: IncomingMessage;
  res: ServerResponse;
}

interface GraphqlHttpOptions {
  schema: GraphQLSchema;
  endpoint: string;
  makeContext: MakeContext;
  maskError: MaskError;
  eventStreams: EventStreams;
  logger: Logger;
}

/** GraphQL over HTTP: queries and mutations as JSON, subscriptions as server-sent events. */
export function createGraphqlHttp(options: GraphqlHttpOptions) {
  const { schema, endpoint, makeContext, maskError, logger } = options;
  const log = (level: 'debug' | 'info' | 'warn' | 'error') => (message: unknown) => logger[level]({ yoga: message });
  return createYoga<ServerContext, GraphqlContext>({
    schema,
    graphqlEndpoint: endpoint,
    graphiql: false,
    landingPage: false,
    batching: false,
    maskedErrors: { maskError: (error) => maskError(error) },
    logging: { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') },
    context: ({ req, request }) =>
      makeContext(
        { headers: req.headers, connectionParams: {} },
        { signal: request.signal, lastEventId: request.headers.get('last-event-id') },
      ),
    plugins: [ownSubscribe(maskError), options.eventStreams.plugin],
  });
}

/** Yoga's subscribe keeps one context for all events and sees a client leave only at the next one. */
function ownSubscribe(maskError: MaskError): Plugin {
  return {
    onSubscribe({ setSubscribeFn }) {
      setSubscribeFn((args: ExecutionArgs) => subscribeOperation(args, maskError));
    },
  };
}
