import { GraphQLError } from 'graphql';
import { publicError } from '../../graphql/public-errors.ts';
import type { NewId } from '../../ids.ts';
import type { Logger } from '../../logger.ts';
import type { Observer } from '../../observer.ts';

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

/** Counts each error once, also if it is masked again on its way to the client. */
export function countErrors(maskError: MaskError, observer: Pick<Observer, 'refused'> | undefined): MaskError {
  if (!observer) return maskError;
  const counted = new WeakSet<GraphQLError>();
  return (error) => {
    const masked = maskError(error);
    if (!counted.has(masked)) observer.refused(String(masked.extensions.code ?? 'GRAPHQL_ERROR'));
    counted.add(masked);
    return masked;
  };
}
