import { GraphQLError } from 'graphql';
import { describe, expect, test } from 'vitest';
import { StoreError } from '../../../src/database/store-error.ts';
import { badUserInput, publicError, publicOrMasked } from '../../../src/graphql/public-errors.ts';
import { CursorError } from '../../../src/streams/cursor.ts';

/** An error that a resolver throws, as graphql-js wraps it. */
const wrapped = (originalError: Error) =>
  new GraphQLError(originalError.message, { path: ['run', 'tape'], originalError });

describe('errors that clients see', () => {
  test.each([
    [
      'a busy store',
      new StoreError('busy', 'secret'),
      'UNAVAILABLE',
      'The database is busy. Nothing was stored; try again.',
    ],
    [
      'an unavailable store',
      new StoreError('unavailable', 'secret'),
      'UNAVAILABLE',
      /^The database cannot be used now/,
    ],
    ['a commit with unknown outcome', new StoreError('unknown', 'secret'), 'UNAVAILABLE', /idempotency key/],
    ['an invalid cursor', new CursorError('abc', 'is malformed'), 'BAD_USER_INPUT', 'The cursor "abc" is malformed.'],
  ])('%s keeps its message and path and gets a code', (_name, error, code, message) => {
    const shown = publicError(wrapped(error));
    expect(shown?.toJSON()).toEqual({
      message: expect.stringMatching(message),
      path: ['run', 'tape'],
      extensions: { code },
    });
    expect(publicError(error)?.extensions).toEqual({ code });
  });

  test('GraphQL errors stay unchanged', () => {
    const syntax = new GraphQLError('Syntax Error');
    expect(publicError(syntax)).toBe(syntax);
    const located = wrapped(badUserInput('no'));
    expect(publicError(located)).toBe(located);
    expect(located.extensions).toEqual({ code: 'BAD_USER_INPUT' });
  });
});

test.each([
  ['an unexpected error', new TypeError('secret')],
  ['a violated constraint', new StoreError('constraint', 'secret')],
  ['a thrown string', 'secret'],
])('%s is masked and stays attached for the log', (_name, error) => {
  expect(publicError(error)).toBeNull();
  const masked = publicOrMasked(error);
  expect(JSON.stringify(masked)).toBe('{"message":"Unexpected error.","extensions":{"code":"INTERNAL_SERVER_ERROR"}}');
  expect(masked.originalError).toBe(error instanceof Error ? error : masked.originalError);
});
