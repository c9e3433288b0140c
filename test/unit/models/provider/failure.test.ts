import { describe, expect, it } from 'vitest';
import { createFailureReader, retryAfterSeconds } from '../../../../src/models/provider/failure.ts';

const { ofResponse, ofEvent } = createFailureReader(['sk-secret', 'inner.host:8080']);
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
});

describe('retryAfterSeconds', () => {
  const now = Date.parse('2026-11-22T08:00:00Z');
  it.each([
    ['7', 7],
    ['0.5', 0.5],
    ['Sun, 22 Nov 2026 08:01:30 GMT', 90],
    ['Sun, 22 Nov 2026 07:00:00 GMT', 0],
    ['soon', null],
    ['-1', null],
    [undefined, null],
  ])('%j is %j', (value, seconds) => {
    expect(retryAfterSeconds(value, now)).toBe(seconds);
  });
});
