import type { LanguageModelV3, LanguageModelV3CallOptions, LanguageModelV3StreamPart } from '@ai-sdk/provider';
import { expect, it } from 'vitest';
import { createSdkModel } from '../../../../src/models/ai-sdk/sdk-model.ts';
import { createFakeClock } from '../../fake-clock.ts';

type Controller = ReadableStreamDefaultController<LanguageModelV3StreamPart>;

const text = (delta: string): LanguageModelV3StreamPart => ({ type: 'text-delta', id: '1', delta });
const inputTokens = { total: 1, noCache: undefined, cacheRead: undefined, cacheWrite: undefined };
const end: LanguageModelV3StreamPart = {
  type: 'finish',
  finishReason: { unified: 'stop', raw: 'stop' },
  usage: { inputTokens, outputTokens: { total: 1, text: undefined, reasoning: undefined } },
};

/** A call of a package that ignores its signal. The test decides when the stream opens and what it contains. */
function startCall(more: { maxOutputTokens?: number } = {}) {
  const clock = createFakeClock();
  let parts: Controller | null = null;
  let isCancelled = false;
  const stream = new ReadableStream<LanguageModelV3StreamPart>({
    start: (controller) => {
      parts = controller;
    },
    cancel: () => {
      isCancelled = true;
    },
  });
  const requests: LanguageModelV3CallOptions[] = [];
  let open = () => {};
  const sdk: LanguageModelV3 = {
    specificationVersion: 'v3',
    provider: 'fake',
    modelId: 'small',
    supportedUrls: {},
    doGenerate: () => Promise.reject(new Error('not expected')),
    doStream(options) {
      requests.push(options);
      return new Promise((resolve) => {
        open = () => resolve({ stream });
      });
    },
  };
  const timeouts = { clock, firstByteMilliseconds: 1000, idleMilliseconds: 400 };
  const model = createSdkModel(sdk, { name: 'mine', secrets: [], ...timeouts, ...more });
  const pieces: string[] = [];
  const sink = { text: (piece: string) => pieces.push(piece), thought: (piece: string) => pieces.push(piece) };
  const abort = new AbortController();
  const finish = model.stream({ instructions: 'Be kind.', messages: [], tools: [] }, sink, abort.signal);
  finish.catch(() => {});
  const send = (...list: LanguageModelV3StreamPart[]) => {
    for (const part of list) parts?.enqueue(part);
  };
  return { clock, finish, abort, requests, pieces, send, open: () => open(), isCancelled: () => isCancelled };
}

it('passes on what is configured', async () => {
  const { requests, open, send, finish, clock } = startCall({ maxOutputTokens: 50 });
  expect(requests[0]).toMatchObject({ maxOutputTokens: 50, prompt: [{ role: 'system', content: 'Be kind.' }] });
  open();
  send(text('Hello'), end);
  await clock.advance(1000);
  expect((await finish).reason).toBe('stop');
});

it('closes a connection that stays open after the response', async () => {
  const { open, send, finish, pieces, clock, isCancelled } = startCall();
  open();
  send(text('Hello'), end);
  await clock.advance(249);
  expect([pieces, isCancelled()]).toEqual([['Hello'], false]);
  await clock.advance(1);
  expect((await finish).reason).toBe('stop');
  expect([isCancelled(), clock.pending()]).toEqual([true, 0]);
});

it('does not count metadata as content: the timeout of the first content applies', async () => {
  const { open, send, finish, clock, isCancelled } = startCall();
  open();
  send({ type: 'stream-start', warnings: [] }, { type: 'response-metadata', id: 'r1' });
  await clock.advance(999);
  send({ type: 'response-metadata', id: 'r1' });
  await clock.advance(1);
  const failure = {
    code: 'MODEL_UNAVAILABLE',
    retryable: true,
    message: 'The model provider sent nothing for 1 seconds.',
  };
  await expect(finish).rejects.toMatchObject(failure);
  expect([isCancelled(), clock.pending()]).toEqual([true, 0]);
});

it('has a shorter timeout after the first content', async () => {
  const { open, send, finish, pieces, clock, isCancelled } = startCall();
  open();
  send(text('So'));
  await clock.advance(390);
  send(text(' far'));
  await clock.advance(400);
  await expect(finish).rejects.toMatchObject({ message: 'The model provider sent nothing for 0.4 seconds.' });
  expect([pieces, isCancelled()]).toEqual([['So', ' far'], true]);
});

it('rejects at once when the caller aborts, and cancels a stream that opens later', async () => {
  const { open, finish, abort, requests, clock, isCancelled } = startCall();
  abort.abort('enough');
  await expect(finish).rejects.toBe('enough');
  expect(requests[0]?.abortSignal?.aborted).toBe(true);
  open();
  await clock.advance(0);
  expect([isCancelled(), clock.pending()]).toEqual([true, 0]);
});

it('gives nothing to the sink after the caller has aborted', async () => {
  const { open, send, finish, pieces, abort, clock } = startCall();
  open();
  send(text('Hello'));
  await clock.advance(0);
  abort.abort('enough');
  await expect(finish).rejects.toBe('enough');
  await clock.advance(0);
  expect(pieces).toEqual(['Hello']);
});
