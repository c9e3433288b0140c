import { GraphQLError } from 'graphql';
import { describe, expect, test } from 'vitest';
import { StoreError } from '../../../src/database/store-error.ts';
import { badUserInput, publicError, publicOrMasked } from '../../../src/graphql/public-errors.ts';
import { CursorError } from '../../../src/streams/cursor.ts';

/** As execution wraps what a resolver throws. */
const thrown = (originalError: Error) =>
  new GraphQLError(originalError.message, { path: ['run', 'tape'], originalError });

describe('what a client may see', () => {
  test.each([
    [
      'a busy store',
      new StoreError('busy', 'secret'),
      'UNAVAILABLE',
      'The database is busy. Nothing was stored; try again.',
    ],
    [
      'a store that is gone',
      new StoreError('unavailable', 'secret'),
      'UNAVAILABLE',
      /^The database can not be used now/,
    ],
    ['a store that was lost', new StoreError('unknown', 'secret'), 'UNAVAILABLE', /idempotency key/],
    ['a cursor', new CursorError('abc', 'is malformed'), 'BAD_USER_INPUT', 'The cursor "abc" is malformed.'],
  ])('%s, with its code and place', (_name, error, code, message) => {
    const shown = publicError(thrown(error));
    expect(shown?.toJSON()).toEqual({
      message: expect.stringMatching(message),
      path: ['run', 'tape'],
      extensions: { code },
    });
    expect(publicError(error)?.extensions).toEqual({ code });
  });

  test('errors of GraphQL itself and of resolvers, as they are', () => {
    const syntax = new GraphQLError('Syntax Error');
    expect(publicError(syntax)).toBe(syntax);
    const located = thrown(badUserInput('no'));
    expect(publicError(located)).toBe(located);
    expect(located.extensions).toEqual({ code: 'BAD_USER_INPUT' });
  });
});

test.each([
  ['a fault', new TypeError('secret')],
  ['a rule of the database', new StoreError('constraint', 'secret')],
  ['what is no error', 'secret'],
])('%s is masked, and kept for the log', (_name, error) => {
  expect(publicError(error)).toBeNull();
  const masked = publicOrMasked(error);
  expect(JSON.stringify(masked)).toBe('{"message":"Unexpected error.","extensions":{"code":"INTERNAL_SERVER_ERROR"}}');
  expect(masked.originalError).toBe(error instanceof Error ? error : masked.originalError);
});
