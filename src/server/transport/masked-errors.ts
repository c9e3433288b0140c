import { GraphQLError } from 'graphql';
import { publicError } from '../../graphql/public-errors.ts';
import type { NewId } from '../../ids.ts';
import type { Logger } from '../../logger.ts';

/**
 * Turns any thrown value into the error that the client sees. The details of an unexpected error go to the log only, under an
 * id that the client sees.
 */
export type MaskError = (error: unknown) => GraphQLError;

export function createMaskError(logger: Logger, newId: NewId): MaskError {
  return (error) => {
    const expected = publicError(error);
    if (expected) return expected;
    const errorId = newId('error');
    const located = error instanceof GraphQLError ? error : null;
    logger.error({ err: located?.originalError ?? error, errorId }, 'unexpected error');
    return new GraphQLError(`An unexpected error occurred in the gateway. Its log has the details under ${errorId}.`, {
      nodes: located?.nodes,
      path: located?.path,
      extensions: { code: 'INTERNAL_SERVER_ERROR', errorId },
    });
  };
}
