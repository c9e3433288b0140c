import type { IncomingMessage, ServerResponse } from 'node:http';
import { GraphQLError } from 'graphql';
import { publicError, splitHttp } from '../../graphql/public-errors.ts';
import type { NewId } from '../../ids.ts';
import type { Logger } from '../../logger.ts';

/** Turns what was thrown into what a client may see. What nobody expected gets an id that the log has, and nothing else. */
export type MaskError = (error: unknown) => GraphQLError;

export function createMaskError(logger: Logger, newId: NewId): MaskError {
  return (error) => {
    const known = publicError(error);
    if (known) return known;
    const errorId = newId('error');
    const original = error instanceof GraphQLError ? (error.originalError ?? error) : error;
    logger.error({ err: original, errorId }, 'an unexpected error');
    return new GraphQLError(`An unexpected error occurred in the gateway. Its log has the details under ${errorId}.`, {
      nodes: error instanceof GraphQLError ? error.nodes : undefined,
      path: error instanceof GraphQLError ? error.path : undefined,
      extensions: { code: 'INTERNAL_SERVER_ERROR', errorId },
    });
  };
}

const GRAPHQL_MEDIA_TYPE = 'application/graphql-response+json';

/** Answers an HTTP request with an error of GraphQL, before there is an operation. */
export function sendError(request: IncomingMessage, response: ServerResponse, shown: GraphQLError): void {
  const { error, http } = splitHttp(shown);
  const type = (request.headers.accept ?? '').includes(GRAPHQL_MEDIA_TYPE) ? GRAPHQL_MEDIA_TYPE : 'application/json';
  const headers = { 'content-type': `${type}; charset=utf-8`, ...http?.headers };
  response.writeHead(http?.status ?? 500, headers).end(JSON.stringify({ errors: [error] }));
}
