import { describe, expect, it } from 'vitest';
import { ModelError } from '../../../../src/models/model.ts';
import {
  connectionFailure,
  createFailureReader,
  type FailureReader,
  incompleteResponse,
  parseProviderJson,
  retryAfterSeconds,
  secretsOf,
  transportFailure,
} from '../../../../src/models/provider/failure.ts';

const reader = () => createFailureReader(['sk-secret', 'inner.host:8080']);
const ofResponse: FailureReader['ofResponse'] = (...answer) => reader().ofResponse(...answer);
const ofEvent: FailureReader['ofEvent'] = (error) => reader().ofEvent(error);
const body = (error: unknown) => JSON.stringify({ error });

describe('an HTTP response', () => {
  it.each([
    [401, 'MODEL_AUTH', false],
    [403, 'MODEL_AUTH', false],
    [400, 'MODEL_REFUSED', false],
    [402, 'MODEL_UNAVAILABLE', false],
    [404, 'MODEL_REFUSED', false],
    [422, 'MODEL_REFUSED', false],
    [302, 'MODEL_UNAVAILABLE', false],
    [413, 'CONTEXT_OVERFLOW', false],
    [408, 'MODEL_UNAVAILABLE', true],
    [409, 'MODEL_UNAVAILABLE', true],
    [425, 'MODEL_UNAVAILABLE', true],
    [429, 'MODEL_UNAVAILABLE', true],
    [500, 'MODEL_UNAVAILABLE', true],
    [529, 'MODEL_UNAVAILABLE', true],
  ])('with status %i is %s, retryable: %s', (status, code, retryable) => {
    expect(ofResponse(status, body({ message: 'no' }), 5)).toMatchObject({ code, retryable });
  });

  it.each([
    body({ message: 'no', code: 'context_length_exceeded' }),
    body({ message: "This model's maximum context length is 8192 tokens." }),
    body({ message: 'the request exceeds the available context size', type: 'exceed_context_size_error' }),
    JSON.stringify({ object: 'error', message: 'Prompt is too long' }),
  ])('%s: CONTEXT_OVERFLOW', (text) => {
    expect(ofResponse(400, text, null)).toMatchObject({ code: 'CONTEXT_OVERFLOW', retryable: false });
  });

  it.each([
    [400, body({ message: 'no', code: 'content_filter' })],
    [400, body({ message: 'Blocked by our content management policy.' })],
    [403, body({ message: 'Your input was flagged by moderation.' })],
  ])('%i %s: MODEL_REFUSED', (status, text) => {
    expect(ofResponse(status, text, null)).toMatchObject({ code: 'MODEL_REFUSED', retryable: false });
  });

  it('with a rejected request says so, and lets a fallback take over, unlike one that was withheld', () => {
    expect(ofResponse(404, body({ message: 'No model x' }), null)).toMatchObject({
      message: 'The model provider rejected the request with status 404: No model x',
      isForFallback: true,
    });
    expect(ofResponse(400, body({ message: 'no', code: 'content_filter' }), null).isForFallback).toBe(false);
    expect(ofResponse(503, '', null).isForFallback).toBe(true);
    expect(ofResponse(401, '', null).isForFallback).toBe(false);
  });

  it('that asks for another content or a shorter conversation repeats what the provider said', () => {
    expect(ofResponse(400, body({ message: 'Blocked by the content filter.' }), null).message).toBe(
      'The model provider refused the request: Blocked by the content filter.',
    );
    expect(ofResponse(413, body({ message: 'Too big.' }), null).message).toBe(
      'The conversation is too long for the model: Too big.',
    );
  });

  it('that may succeed later is not taken for a rejected key, whatever its type says', () => {
    const text = body({ message: 'no', type: 'authentication_unavailable' });
    expect(ofResponse(503, text, null)).toMatchObject({ code: 'MODEL_UNAVAILABLE', retryable: true });
  });

  it('about an exhausted quota is not retryable', () => {
    const text = body({ message: 'You exceeded your quota', code: 'insufficient_quota' });
    expect(ofResponse(429, text, null)).toMatchObject({ code: 'MODEL_UNAVAILABLE', retryable: false });
    expect(ofResponse(400, text, null)).toMatchObject({ code: 'MODEL_UNAVAILABLE', retryable: false });
  });

  it.each([
    [body({ message: 'Slow\n down' }), 'The model provider responded with status 429: Slow down'],
    [body('Slow down'), 'The model provider responded with status 429: Slow down'],
    ['{"detail":"Slow down"}', 'The model provider responded with status 429: Slow down'],
    ['{"detail":[{"loc":["body"],"msg":"Slow down"}]}', 'The model provider responded with status 429: Slow down'],
    ['{"errors":[{"message":"Slow down"}]}', 'The model provider responded with status 429: Slow down'],
    ['[{"error":{"message":"Slow down","code":429}}]', 'The model provider responded with status 429: Slow down'],
    [
      body({ message: 'Provider returned error', metadata: { raw: 'Slow down' } }),
      'The model provider responded with status 429: Provider returned error: Slow down',
    ],
    ['{"message":"Slow down"}', 'The model provider responded with status 429: Slow down'],
    ['{"errors":[],"msg":" Slow  down "}', 'The model provider responded with status 429: Slow down'],
    ['{"message":"Slow down","error":{"message":"inner"}}', 'The model provider responded with status 429: Slow down'],
    [
      body({ message: 'Slow down', metadata: { raw: { more: 1 } } }),
      'The model provider responded with status 429: Slow down',
    ],
    ['\n <html></html>', 'The model provider responded with status 429.'],
    ['Slow down', 'The model provider responded with status 429: Slow down'],
    ['<html><body>Slow down</body></html>', 'The model provider responded with status 429.'],
    ['', 'The model provider responded with status 429.'],
    ['null', 'The model provider responded with status 429.'],
    [
      body({ message: 'Key sk-secret at http://inner.host:8080' }),
      'The model provider responded with status 429: Key … at http://…',
    ],
  ])('%j becomes the message %j', (text, message) => {
    expect(ofResponse(429, text, null).message).toBe(message);
  });

  it('becomes a short message, and a key is never part of it', () => {
    expect(ofResponse(400, 'x'.repeat(60_000), null).message.length).toBeLessThan(400);
    expect(ofResponse(401, body({ message: 'Incorrect key: sk-sec***' }), null).message).toBe(
      'The model provider rejected the API key (401).',
    );
  });

  it('keeps the wait that the provider requested', () => {
    expect(ofResponse(429, '', 7).retryAfterSeconds).toBe(7);
  });
});

describe('an error inside a stream', () => {
  it.each([
    [{ message: 'slow', code: 429 }, 'MODEL_UNAVAILABLE', true],
    [{ message: 'no', status_code: 401 }, 'MODEL_AUTH', false],
    [{ message: 'no', code: 'invalid_api_key', type: 'invalid_request_error' }, 'MODEL_AUTH', false],
    [{ message: 'no', type: 'invalid_request_error' }, 'MODEL_REFUSED', false],
    [{ message: 'no', code: 'insufficient_quota' }, 'MODEL_UNAVAILABLE', false],
    [{ message: 'no', code: 'context_length_exceeded' }, 'CONTEXT_OVERFLOW', false],
    [{ message: 'no', type: 'server_error' }, 'MODEL_UNAVAILABLE', true],
    ['overloaded', 'MODEL_UNAVAILABLE', true],
    [7, 'MODEL_UNAVAILABLE', true],
  ])('%j is %s, retryable: %s', (error, code, retryable) => {
    expect(ofEvent(error)).toMatchObject({ code, retryable });
  });

  it.each([
    ['overloaded', 'The model provider reported an error: overloaded'],
    [{ message: 'slow', code: 429 }, 'The model provider responded with status 429: slow'],
    [{ message: 'slow', code: 399 }, 'The model provider reported an error: slow'],
    [{ message: 'slow', code: 600 }, 'The model provider reported an error: slow'],
    [{ message: 'no', code: 400 }, 'The model provider rejected the request with status 400: no'],
    [{ message: 'no', type: 'invalid_request_error' }, 'The model provider rejected the request: no'],
    [{ message: 'no', code: 'invalid_api_key' }, 'The model provider rejected the API key.'],
  ])('%j becomes the message %j', (error, message) => {
    expect(ofEvent(error).message).toBe(message);
  });
});

describe('a failure of a package', () => {
  it('repeats the message of an error, without secrets', () => {
    const error = new Error('It has no sk-secret.');
    expect(reader().ofPackage(error)).toMatchObject({
      code: 'MODEL_UNAVAILABLE',
      message: "The model provider's package failed: It has no ….",
      retryable: false,
      cause: error,
    });
    expect(reader().ofPackage('nothing').message).toBe("The model provider's package failed.");
  });
});

describe('a failure of the transport', () => {
  it('with a code can be repeated, unless the request itself cannot be sent', () => {
    const reset = Object.assign(new Error('read 10.0.0.1'), { code: 'ECONNRESET' });
    expect(transportFailure(reset)).toMatchObject({
      message: 'The connection to the model provider failed (ECONNRESET).',
      retryable: true,
      cause: reset,
    });
    const numbered = Object.assign(new TypeError('x'), { code: 5 });
    expect(transportFailure(numbered)).toMatchObject({
      message: 'The connection to the model provider failed (TypeError).',
    });
    expect(connectionFailure('UND_ERR_INVALID_ARG', null).retryable).toBe(false);
  });

  it.each([
    ['an error without a code', new Error('a defect')],
    ['the failure of a model', Object.assign(incompleteResponse(), { code: 'MODEL_UNAVAILABLE' })],
    ['a reason that is no error', { code: 'shutdown' }],
    ['a text', 'shutdown'],
  ])('is not %s, which stays as it is', (_what, error) => {
    expect(transportFailure(error)).toBe(error);
  });
});

describe('a response that violates the protocol', () => {
  it('can be repeated, and says what is wrong', () => {
    expect(incompleteResponse()).toMatchObject({
      code: 'MODEL_UNAVAILABLE',
      message: "The model provider's response ended before it was complete.",
      retryable: true,
    });
    expect(parseProviderJson('[1]')).toEqual([1]);
    let error: unknown;
    try {
      parseProviderJson('[');
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(ModelError);
    expect(error).toMatchObject({
      message: 'The model provider sent an invalid response: it is not JSON.',
      cause: expect.any(SyntaxError),
    });
  });
});

it('the secrets are the given texts, and headers of eight characters or more', () => {
  expect(secretsOf(['key', null, undefined, ''], { 'x-key': '12345678', 'x-flag': '1234567' })).toEqual([
    'key',
    '12345678',
  ]);
});

describe('retryAfterSeconds', () => {
  const now = Date.parse('2026-11-22T08:00:00Z');
  it.each([
    ['7', 7],
    ['0.5', 0.5],
    ['0.25', 0.25],
    [' 15 ', 15],
    [['7', '9'], 7],
    ['7 seconds', null],
    ['Sun, 22 Nov 2026 08:01:30 GMT', 90],
    ['Sun, 22 Nov 2026 07:00:00 GMT', 0],
    ['soon', null],
    ['-1', null],
    [undefined, null],
  ])('%j is %j', (value, seconds) => {
    expect(retryAfterSeconds(value, now)).toBe(seconds);
  });
});
