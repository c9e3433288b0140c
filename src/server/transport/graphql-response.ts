import type { IncomingMessage, ServerResponse } from 'node:http';
import type { GraphQLError } from 'graphql';
import Negotiator from 'negotiator';
import { splitHttp } from '../../graphql/public-errors.ts';

export type MediaType = 'application/json' | 'application/graphql-response+json';

/** In the order of preference, for clients that accept both equally. */
const offers = new Map<string, MediaType>([
  ['application/json; charset=utf-8', 'application/json'],
  ['application/graphql-response+json; charset=utf-8', 'application/graphql-response+json'],
]);

/** The media type of a response to an `Accept` header; null if the header allows neither. */
export function negotiateMediaType(accept: string): MediaType | null {
  const offer = new Negotiator({ headers: { accept } }).mediaType([...offers.keys()]);
  return offers.get(offer ?? '') ?? null;
}

export function acceptsEventStream(accept: string | null): boolean {
  return new Negotiator({ headers: { accept: accept ?? '*/*' } }).mediaType(['text/event-stream']) !== undefined;
}

/** Answers a request that fails before its operation is known. */
export function sendError(request: IncomingMessage, response: ServerResponse, maskedError: GraphQLError): void {
  const { error, http } = splitHttp(maskedError);
  const mediaType = negotiateMediaType(request.headers.accept ?? '*/*') ?? 'application/json';
  const headers = { 'content-type': `${mediaType}; charset=utf-8`, ...http?.headers };
  response.writeHead(http?.status ?? 500, headers).end(JSON.stringify({ errors: [error] }));
}
