import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import type { Model } from '../../../src/models/model.ts';
import {
  createOpenAiCompatibleModel,
  type OpenAiCompatibleOptions,
} from '../../../src/models/openai-compatible/chat-model.ts';
import { withRetry } from '../../../src/models/retry.ts';
import { createStoppableClock } from '../stoppable-clock.ts';
import {
  type FakeProvider,
  sendEvents,
  sendJson,
  startProvider,
  stopChunk,
  textChunk,
  usageChunk,
} from './fake-provider.ts';

function modelAt({ baseURL }: { baseURL: string }, options: Partial<OpenAiCompatibleOptions> = {}) {
  const model = createOpenAiCompatibleModel({ baseURL, model: 'small', apiKey: null, clock: systemClock, ...options });
  onTestFinished(() => model[Symbol.asyncDispose]());
  return model;
}

/** Calls a model; `firstPiece` resolves when the sink has received a piece. */
function call(model: Model) {
  const texts: string[] = [];
  const thoughts: string[] = [];
  const abort = new AbortController();
  let receive: () => void = () => {};
  const firstPiece = new Promise<void>((resolve) => {
    receive = resolve;
  });
  const sink = {
    text(piece: string) {
      texts.push(piece);
      receive();
    },
    thought: (piece: string) => thoughts.push(piece),
  };
  const finish = model.stream(
    { instructions: 'Be kind.', messages: [{ role: 'user', text: 'hello' }], tools: [] },
    sink,
    abort.signal,
  );
  return { finish, texts, thoughts, abort, firstPiece };
}

const counted = (input: number, output: number) => ({ input, output, cachedInput: null, reasoning: null });
const complete = (provider: FakeProvider) => call(modelAt(provider)).finish;

describe('a stream', () => {
  it('arrives piece by piece, with usage after the end', async () => {
    const provider = await startProvider((response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(': a comment\n\nretry: soon\n\nnonsense\n\nevent: message\r\n');
      sendEvents(response, textChunk('Hel'), textChunk('lo'), stopChunk(), usageChunk, '[DONE]');
      response.end();
    });
    const { finish, texts } = call(modelAt(provider, { apiKey: 'key', headers: { 'x-mine': 'yes' } }));
    expect(await finish).toEqual({ reason: 'stop', calls: [], usage: counted(3, 4), responseId: 'r1' });
    expect(texts).toEqual(['Hel', 'lo']);
    const [request] = provider.requests;
    expect(request?.path).toBe('/v1/chat/completions');
    expect(request?.headers).toMatchObject({ authorization: 'Bearer key', 'x-mine': 'yes' });
    expect(JSON.parse(request?.body ?? '')).toMatchObject({ model: 'small', stream: true });
  });

  it('may be split anywhere, even in the middle of a character', async () => {
    const provider = await startProvider(async (response) => {
      const events = [textChunk('Grüße 👋🏽 – ok'), stopChunk(), '[DONE]'];
      const bytes = Buffer.from(
        events.map((event) => `data: ${typeof event === 'string' ? event : JSON.stringify(event)}\r\n\r\n`).join(''),
      );
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.socket?.setNoDelay(true);
      // Awaiting each write makes every byte a chunk of its own.
      for (const byte of bytes) await new Promise((resolve) => response.write(Buffer.of(byte), resolve));
      response.end();
    });
    const { finish, texts } = call(modelAt(provider));
    await finish;
    expect(texts).toEqual(['Grüße 👋🏽 – ok']);
  });

  it('resolves at [DONE] although the connection stays open', async () => {
    const provider = await startProvider((response) => sendEvents(response, textChunk('a'), stopChunk(), '[DONE]'));
    expect((await complete(provider)).reason).toBe('stop');
  });

  it('may end without [DONE] or a final line break, and may lose its connection after the end', async () => {
    const ends = await startProvider((response) => {
      sendEvents(response, textChunk('a'));
      response.end(`data: ${JSON.stringify(stopChunk('length'))}`);
    });
    expect((await complete(ends)).reason).toBe('length');
    const breaks = await startProvider((response) => {
      sendEvents(response, textChunk('a'), stopChunk());
      response.write(': flushed', () => response.destroy());
    });
    expect((await complete(breaks)).reason).toBe('stop');
  });

  it('leaves its connection open for later calls', async () => {
    const provider = await startProvider((response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(`data: ${JSON.stringify(textChunk('a'))}\n\ndata: [DONE]\n\n`);
    });
    const model = modelAt(provider);
    for (let round = 0; round < 20; round += 1) await call(model).finish;
    // A connection becomes free one turn of the event loop later, so the second call may open another one.
    expect(provider.connections()).toBeLessThan(4);
  });

  it('may be missing: a server that ignores `stream` responds with one object', async () => {
    const provider = await startProvider((response) =>
      sendJson(response, 200, {
        id: 'r2',
        choices: [{ message: { role: 'assistant', content: 'Hello', reasoning: 'hm' }, finish_reason: 'stop' }],
        usage: { prompt_tokens: 1, completion_tokens: 2 },
      }),
    );
    const { finish, texts, thoughts } = call(modelAt(provider));
    expect(await finish).toEqual({ reason: 'stop', calls: [], usage: counted(1, 2), responseId: 'r2' });
    expect([texts, thoughts]).toEqual([['Hello'], ['hm']]);
  });
});

describe('the content type', () => {
  const response = { id: 'r', choices: [{ message: { content: 'Hello' }, finish_reason: 'stop' }] };
  const streamed = `\n\ndata: ${JSON.stringify(textChunk('Hello'))}\n\ndata: [DONE]\n\n`;

  it.each([
    ['text/plain', JSON.stringify(response, null, 2)],
    ['text/event-stream', JSON.stringify(response)],
    ['application/json', streamed],
    ['text/plain', streamed],
  ])('may be wrong: %s', async (type, body) => {
    const provider = await startProvider((response) => response.writeHead(200, { 'content-type': type }).end(body));
    const { finish, texts } = call(modelAt(provider));
    expect((await finish).reason).toBe('stop');
    expect(texts).toEqual(['Hello']);
  });
});

describe('a failure', () => {
  const retryable = { name: 'ModelError', code: 'MODEL_UNAVAILABLE', retryable: true };

  it.each([
    ['ends early', [textChunk('a')], 'ended before it was complete'],
    ['sends a truncated event', [textChunk('a'), '{"choices":[{"del'], 'not JSON'],
    ['sends something else', [textChunk('a'), 'oops'], 'not JSON'],
    ['reports an error', [textChunk('a'), { error: { message: 'overloaded' } }], 'overloaded'],
  ])('of a stream that %s', async (_name, events, words) => {
    const provider = await startProvider((response) => {
      sendEvents(response, ...events);
      response.end();
    });
    await expect(complete(provider)).rejects.toMatchObject({ ...retryable, message: expect.stringContaining(words) });
  });

  it.each([
    ['an HTML page', 'text/html', '<!doctype html><p>Sign in</p>', 'it is an HTML page. Check baseURL'],
    ['nothing', 'text/event-stream', '', 'it is empty'],
    ['blank lines', 'text/event-stream', '\n\n', 'it is empty'],
    ['something else', 'text/plain', 'hello', 'it contains no answer (content type text/plain)'],
    ['an empty JSON object', 'application/json', '{}', 'it contains no answer'],
    ['no choice', 'text/event-stream', 'data: [DONE]\n\n', 'it contains no answer (content type text/event-stream)'],
  ])('of status 200 with %s says what came', async (_name, type, body, words) => {
    const provider = await startProvider((response) => response.writeHead(200, { 'content-type': type }).end(body));
    await expect(complete(provider)).rejects.toMatchObject({ ...retryable, message: expect.stringContaining(words) });
  });

  it('of a stream that ends in the middle of an event says that it is incomplete', async () => {
    const provider = await startProvider((response) => {
      sendEvents(response, textChunk('a'));
      response.end('data: {"choices":[{"del');
    });
    await expect(complete(provider)).rejects.toMatchObject({
      message: expect.stringContaining('ended before it was complete'),
    });
  });

  it('in the last event is reported even without a final line break', async () => {
    const provider = await startProvider((response) => {
      sendEvents(response, textChunk('a'));
      response.end('data: {"error":{"message":"no","type":"invalid_request_error"}}');
    });
    await expect(complete(provider)).rejects.toMatchObject({ retryable: false });
  });

  it('in a field `error`, as llama.cpp sends it, is reported', async () => {
    const provider = await startProvider((response) => {
      sendEvents(response, textChunk('a'));
      response.end('error: {"code":400,"message":"the request exceeds the available context size","type":"x"}\n\n');
    });
    await expect(complete(provider)).rejects.toMatchObject({ code: 'CONTEXT_OVERFLOW' });
  });

  it('of an endless line closes the connection', async () => {
    const provider = await startProvider((response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: "');
      const more = () => response.write('x'.repeat(64 * 1024), () => response.destroyed || more());
      more();
    });
    await expect(complete(provider)).rejects.toMatchObject({
      message: expect.stringContaining('a line is too long'),
    });
    await provider.requests[0]?.closed;
  });

  it('of a response that is not streamed and too long is retryable', async () => {
    const provider = await startProvider((response) => sendJson(response, 200, { padding: 'x'.repeat(5_000_000) }));
    await expect(complete(provider)).rejects.toMatchObject(retryable);
  });

  it('with a status has the message of the provider and its Retry-After', async () => {
    const provider = await startProvider((response) =>
      sendJson(response, 429, { error: { message: 'Slow down' } }, { 'retry-after': '7' }),
    );
    await expect(complete(provider)).rejects.toMatchObject({
      ...retryable,
      message: 'The model provider responded with status 429: Slow down',
      retryAfterSeconds: 7,
    });
  });

  it('with an endless body is read up to a limit', async () => {
    const provider = await startProvider((response) => {
      response.writeHead(400, { 'content-type': 'text/plain' });
      const more = () => response.write('too bad '.repeat(4096), () => response.destroyed || more());
      more();
    });
    await expect(complete(provider)).rejects.toMatchObject({ code: 'MODEL_REFUSED', retryable: false });
    await provider.requests[0]?.closed;
  });

  it('never contains the key, the password or the address', async () => {
    const provider = await startProvider((response, { headers }) =>
      sendJson(response, 400, { error: { message: `Bad ${headers.authorization} at http://${headers.host}/v1` } }),
    );
    const baseURL = provider.baseURL.replace('http://', 'http://ada:password@');
    await expect(call(modelAt({ baseURL }, { apiKey: 'sk-very-secret' })).finish).rejects.toMatchObject({
      message: 'The model provider rejected the request with status 400: Bad Bearer … at http://…/v1',
    });
    await expect(call(modelAt({ baseURL: 'http://ada:password@127.0.0.1:1/v1' })).finish).rejects.toMatchObject({
      ...retryable,
      message: 'The connection to the model provider failed (ECONNREFUSED).',
    });
  });

  it('is retried until the sink has received something', async () => {
    let attempts = 0;
    const provider = await startProvider((response) => {
      attempts += 1;
      if (attempts === 1) return sendJson(response, 503, {}, { 'retry-after': '0' });
      if (attempts === 2) return response.destroy();
      sendEvents(response, textChunk('a'));
      return response.end();
    });
    const model = withRetry(modelAt(provider), { clock: systemClock, random: () => 0 });
    await expect(call(model).finish).rejects.toMatchObject({
      message: expect.stringContaining('ended before it was complete'),
    });
    expect(attempts).toBe(3);
  });
});

describe('a timeout', () => {
  it('before the first byte, or in the middle, is a retryable failure and closes the connection', async () => {
    const silent = await startProvider(() => {});
    await expect(call(modelAt(silent, { firstByteMilliseconds: 30 })).finish).rejects.toMatchObject({
      retryable: true,
      message: 'The model provider sent nothing for 0.03 seconds.',
    });
    await silent.requests[0]?.closed;
    const stalled = await startProvider((response) => sendEvents(response, textChunk('a')));
    const { finish, texts } = call(modelAt(stalled, { idleMilliseconds: 40 }));
    await expect(finish).rejects.toMatchObject({ message: 'The model provider sent nothing for 0.04 seconds.' });
    expect(texts).toEqual(['a']);
    await stalled.requests[0]?.closed;
  });
});

describe('an abort', () => {
  const reason = new Error('cancelled');

  it('in the middle of a response closes the connection at once', async () => {
    const provider = await startProvider((response) => sendEvents(response, textChunk('a')));
    const clock = createStoppableClock();
    const { finish, abort, firstPiece } = call(modelAt(provider, { clock }));
    await firstPiece;
    await clock.withoutTimers(async () => {
      abort.abort(reason);
      await expect(finish).rejects.toBe(reason);
      await provider.requests[0]?.closed;
    });
    expect(provider.requests).toHaveLength(1);
  });

  it('before the first byte closes the connection at once', async () => {
    let arrived: () => void = () => {};
    const arrival = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const provider = await startProvider(() => arrived());
    const { finish, abort } = call(modelAt(provider));
    await arrival;
    abort.abort(reason);
    await expect(finish).rejects.toBe(reason);
    await provider.requests[0]?.closed;
  });

  it('while connecting rejects at once, and sends nothing', async () => {
    const provider = await startProvider(() => {});
    const { finish, abort } = call(modelAt(provider));
    abort.abort(reason);
    await expect(finish).rejects.toBe(reason);
    expect(provider.requests).toEqual([]);
  });

  it('before the call opens no connection', async () => {
    const provider = await startProvider(() => {});
    const model = modelAt(provider);
    await expect(
      model.stream(
        { instructions: '', messages: [], tools: [] },
        { text() {}, thought() {} },
        AbortSignal.abort(reason),
      ),
    ).rejects.toBe(reason);
    expect(provider.connections()).toBe(0);
  });
});

it('another protocol is a retryable failure', async () => {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.end('SSH-2.0-nothing\r\n');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  await expect(call(modelAt({ baseURL: `http://127.0.0.1:${port}` })).finish).rejects.toMatchObject({
    retryable: true,
  });
});

it('disposing the model fails the calls in progress', async () => {
  const provider = await startProvider((response) => sendEvents(response, textChunk('a')));
  const model = modelAt(provider);
  const { finish, firstPiece } = call(model);
  await firstPiece;
  await Promise.all([
    expect(finish).rejects.toMatchObject({ code: 'MODEL_UNAVAILABLE' }),
    model[Symbol.asyncDispose](),
  ]);
});
