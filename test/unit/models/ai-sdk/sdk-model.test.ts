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

/** A call of a package that pays no heed to signals; the test says when its stream is there and what stands in it. */
function startCall(more: { maxOutputTokens?: number } = {}) {
  const clock = createFakeClock();
  let parts: Controller | null = null;
  let isLetGo = false;
  const stream = new ReadableStream<LanguageModelV3StreamPart>({
    start: (controller) => {
      parts = controller;
    },
    cancel: () => {
      isLetGo = true;
    },
  });
  const asked: LanguageModelV3CallOptions[] = [];
  let begin = () => {};
  const sdk: LanguageModelV3 = {
    specificationVersion: 'v3',
    provider: 'fake',
    modelId: 'small',
    supportedUrls: {},
    doGenerate: () => Promise.reject(new Error('not asked for')),
    doStream(options) {
      asked.push(options);
      return new Promise((resolve) => {
        begin = () => resolve({ stream });
      });
    },
  };
  const waits = { clock, firstByteMilliseconds: 1000, idleMilliseconds: 400 };
  const model = createSdkModel(sdk, { name: 'mine', secrets: [], ...waits, ...more });
  const said: string[] = [];
  const sink = { text: (piece: string) => said.push(piece), thought: (piece: string) => said.push(piece) };
  const abort = new AbortController();
  const finish = model.stream({ instructions: 'Be kind.', messages: [], tools: [] }, sink, abort.signal);
  finish.catch(() => {});
  const say = (...list: LanguageModelV3StreamPart[]) => {
    for (const part of list) parts?.enqueue(part);
  };
  return { clock, finish, abort, asked, said, say, begin: () => begin(), isLetGo: () => isLetGo };
}

it('hands on what was configured', async () => {
  const { asked, begin, say, finish, clock } = startCall({ maxOutputTokens: 50 });
  expect(asked[0]).toMatchObject({ maxOutputTokens: 50, prompt: [{ role: 'system', content: 'Be kind.' }] });
  begin();
  say(text('Hello'), end);
  await clock.advance(1000);
  expect((await finish).reason).toBe('stop');
});

it('lets go of a connection that stays open behind the answer', async () => {
  const { begin, say, finish, said, clock, isLetGo } = startCall();
  begin();
  say(text('Hello'), end);
  await clock.advance(249);
  expect([said, isLetGo()]).toEqual([['Hello'], false]);
  await clock.advance(1);
  expect((await finish).reason).toBe('stop');
  expect([isLetGo(), clock.pending()]).toEqual([true, 0]);
});

it('is not silent while it thinks without a word, until its first one is due', async () => {
  const { begin, say, finish, clock, isLetGo } = startCall();
  begin();
  say({ type: 'stream-start', warnings: [] }, { type: 'response-metadata', id: 'r1' });
  await clock.advance(999);
  say({ type: 'response-metadata', id: 'r1' });
  await clock.advance(1);
  const failure = {
    code: 'MODEL_UNAVAILABLE',
    retryable: true,
    message: 'The model provider was silent for 1 seconds.',
  };
  await expect(finish).rejects.toMatchObject(failure);
  expect([isLetGo(), clock.pending()]).toEqual([true, 0]);
});

it('is silent for too long sooner when it has begun', async () => {
  const { begin, say, finish, said, clock, isLetGo } = startCall();
  begin();
  say(text('So'));
  await clock.advance(390);
  say(text(' far'));
  await clock.advance(400);
  await expect(finish).rejects.toMatchObject({ message: 'The model provider was silent for 0.4 seconds.' });
  expect([said, isLetGo()]).toEqual([['So', ' far'], true]);
});

it('ends with the reason of the caller at once, and lets go of a stream that comes later', async () => {
  const { begin, finish, abort, asked, clock, isLetGo } = startCall();
  abort.abort('enough');
  await expect(finish).rejects.toBe('enough');
  expect(asked[0]?.abortSignal?.aborted).toBe(true);
  begin();
  await clock.advance(0);
  expect([isLetGo(), clock.pending()]).toEqual([true, 0]);
});

it('says nothing more when the caller has given up', async () => {
  const { begin, say, finish, said, abort, clock } = startCall();
  begin();
  say(text('Hello'));
  await clock.advance(0);
  abort.abort('enough');
  await expect(finish).rejects.toBe('enough');
  await clock.advance(0);
  expect(said).toEqual(['Hello']);
});
