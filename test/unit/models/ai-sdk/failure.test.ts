import { APICallError, JSONParseError, LoadAPIKeyError, UnsupportedFunctionalityError } from '@ai-sdk/provider';
import { expect, it } from 'vitest';
import { sdkFailure } from '../../../../src/models/ai-sdk/failure.ts';
import { ModelError } from '../../../../src/models/model.ts';
import { createFailureReader } from '../../../../src/models/provider/failure.ts';

const failures = createFailureReader(['sk-secret']);
const failureOf = (error: unknown) => sdkFailure(error, failures, 0);

function callError(statusCode: number | undefined, responseBody?: string, cause?: unknown) {
  const responseHeaders = { 'retry-after': '7' };
  return new APICallError({
    message: 'It said no to sk-secret.',
    url: 'http://host',
    requestBodyValues: {},
    statusCode,
    responseBody,
    responseHeaders,
    cause,
  });
}

const reset = Object.assign(new Error('read'), { code: 'ECONNRESET' });

it.each([
  [401, 'MODEL_AUTH', false],
  [403, 'MODEL_AUTH', false],
  [400, 'MODEL_REFUSED', false],
  [413, 'CONTEXT_OVERFLOW', false],
  [429, 'MODEL_UNAVAILABLE', true],
  [500, 'MODEL_UNAVAILABLE', true],
  [529, 'MODEL_UNAVAILABLE', true],
])('a response with status %i is %s, retryable: %s', (status, code, retryable) => {
  expect(failureOf(callError(status, '{"type":"error","error":{"message":"no"}}'))).toMatchObject({ code, retryable });
});

it('the message is that of the provider without the key, and its Retry-After is kept', () => {
  const body = '{"type":"error","error":{"type":"rate_limit_error","message":"Slow down, sk-secret"}}';
  expect(failureOf(callError(429, body))).toMatchObject({
    message: 'The model provider responded with status 429: Slow down, …',
    retryAfterSeconds: 7,
  });
  expect(failureOf(callError(503)).message).toBe('The model provider responded with status 503: It said no to ….');
});

it.each([
  ['prompt is too long: 210000 tokens > 200000 maximum', 'CONTEXT_OVERFLOW'],
  ['Output blocked by content filtering policy', 'MODEL_REFUSED'],
])('%s: %s', (message, code) => {
  const body = JSON.stringify({ type: 'error', error: { type: 'invalid_request_error', message } });
  expect(failureOf(callError(400, body)).code).toBe(code);
});

it('a failed or lost connection is retryable, and the message names its code', () => {
  const message = 'The connection to the model provider failed (ECONNRESET).';
  for (const error of [callError(undefined, undefined, reset), callError(200, undefined, reset), reset]) {
    expect(failureOf(error)).toMatchObject({ code: 'MODEL_UNAVAILABLE', retryable: true, message });
  }
  const terminated = new TypeError('terminated');
  expect(failureOf(terminated)).toMatchObject({ retryable: true });
});

it('a response that cannot be parsed is retryable', () => {
  const error = new JSONParseError({ text: '{', cause: new SyntaxError('end') });
  expect(failureOf(error)).toMatchObject({ code: 'MODEL_UNAVAILABLE', retryable: true });
});

it('a missing key is MODEL_AUTH, and the message says what to do', () => {
  expect(failureOf(new LoadAPIKeyError({ message: 'X_API_KEY is missing' }))).toMatchObject({
    code: 'MODEL_AUTH',
    retryable: false,
    message: expect.stringContaining('apiKeyEnv'),
  });
});

it('any other error of a package is not retryable', () => {
  for (const error of [new UnsupportedFunctionalityError({ functionality: 'tools' }), new RangeError('oops'), 'text']) {
    expect(failureOf(error)).toMatchObject({ code: 'MODEL_UNAVAILABLE', retryable: false });
  }
});

it('a ModelError is returned unchanged', () => {
  const failure = new ModelError('MODEL_REFUSED', 'no', { retryable: false });
  expect(failureOf(failure)).toBe(failure);
});
