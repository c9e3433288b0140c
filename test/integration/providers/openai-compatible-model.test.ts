import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import type { Model } from '../../../src/models/model.ts';
import { createOpenAiCompatibleModel, type OpenAiCompatibleOptions } from '../../../src/models/openai-compatible/chat-model.ts';
import { withRetry } from '../../../src/models/retry.ts';
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

/** Asks a model; `heard` resolves when the first piece has come. */
function ask(model: Model) {
  const texts: string[] = [];
  const thoughts: string[] = [];
  const abort = new AbortController();
  let hear: () => void = () => {};
  const heard = new Promise<void>((resolve) => {
    hear = resolve;
  });
  const sink = {
    text(piece: string) {
      texts.push(piece);
      hear();
    },
    thought: (piece: string) => thoughts.push(piece),
  };
  const finish = model.stream(
    { instructions: 'Be kind.', messages: [{ role: 'user', text: 'hello' }], tools: [] },
    sink,
    abort.signal,
  );
  return { finish, texts, thoughts, abort, heard };
}

const counted = (input: number, output: number) => ({ input, output, cachedInput: null, reasoning: null });
const complete = (provider: FakeProvider) => ask(modelAt(provider)).finish;

describe('a stream', () => {
  it('arrives piece by piece, with usage behind the end', async () => {
    const provider = await startProvider((response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(': a comment\n\nretry: soon\n\nnonsense\n\nevent: message\r\n');
      sendEvents(response, textChunk('Hel'), textChunk('lo'), stopChunk(), usageChunk, '[DONE]');
      response.end();
    });
    const { finish, texts } = ask(modelAt(provider, { apiKey: 'key', headers: { 'x-mine': 'yes' } }));
    expect(await finish).toEqual({ reason: 'stop', calls: [], usage: counted(3, 4), responseId: 'r1' });
    expect(texts).toEqual(['Hel', 'lo']);
    const [request] = provider.requests;
    expect(request?.path).toBe('/v1/chat/completions');
    expect(request?.headers).toMatchObject({ authorization: 'Bearer key', 'x-mine': 'yes' });
    expect(JSON.parse(request?.body ?? '')).toMatchObject({ model: 'small', stream: true });
  });

  it('may be cut anywhere, also in the middle of a character', async () => {
    const provider = await startProvider(async (response) => {
      const events = [textChunk('Grüße 👋🏽 – ok'), stopChunk(), '[DONE]'];
      const bytes = Buffer.from(
        events.map((event) => `data: ${typeof event === 'string' ? event : JSON.stringify(event)}\r\n\r\n`).join(''),
      );
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.socket?.setNoDelay(true);
      // Awaiting each write puts every byte into a chunk of its own.
      for (const byte of bytes) await new Promise((resolve) => response.write(Buffer.of(byte), resolve));
      response.end();
    });
    const { finish, texts } = ask(modelAt(provider));
    await finish;
    expect(texts).toEqual(['Grüße 👋🏽 – ok']);
  });

  it('resolves at [DONE] though the connection stays open', async () => {
    const provider = await startProvider((response) => sendEvents(response, textChunk('a'), stopChunk(), '[DONE]'));
    expect((await complete(provider)).reason).toBe('stop');
  });

  it('may end without [DONE], without its last line end, and may lose its connection behind the end', async () => {
    const ends = await startProvider((response) => {
      sendEvents(response, textChunk('a'));
      response.end(`data: ${JSON.stringify(stopChunk('length'))}`);
    });
    expect((await complete(ends)).reason).toBe('length');
    const tears = await startProvider((response) => {
      sendEvents(response, textChunk('a'), stopChunk());
      response.write(': flushed', () => response.destroy());
    });
    expect((await complete(tears)).reason).toBe('stop');
  });

  it('leaves its connection to later ones', async () => {
    const provider = await startProvider((response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(`data: ${JSON.stringify(textChunk('a'))}\n\ndata: [DONE]\n\n`);
    });
    const model = modelAt(provider);
    for (let round = 0; round < 20; round += 1) await ask(model).finish;
    // A connection is free again one turn of the event loop later, so the second call may need another one.
    expect(provider.connections()).toBeLessThan(4);
  });

  it('may not be one: a server that ignores `stream` answers in one piece', async () => {
    const provider = await startProvider((response) =>
      sendJson(response, 200, {
        id: 'r2',
        choices: [{ message: { role: 'assistant', content: 'Hello', reasoning: 'hm' }, finish_reason: 'stop' }],
        usage: { prompt_tokens: 1, completion_tokens: 2 },
      }),
    );
    const { finish, texts, thoughts } = ask(modelAt(provider));
    expect(await finish).toEqual({ reason: 'stop', calls: [], usage: counted(1, 2), responseId: 'r2' });
    expect([texts, thoughts]).toEqual([['Hello'], ['hm']]);
  });
});

describe('the type of its content', () => {
  const answer = { id: 'r', choices: [{ message: { content: 'Hello' }, finish_reason: 'stop' }] };
  const streamed = `\n\ndata: ${JSON.stringify(textChunk('Hello'))}\n\ndata: [DONE]\n\n`;

  it.each([
    ['text/plain', JSON.stringify(answer, null, 2)],
    ['text/event-stream', JSON.stringify(answer)],
    ['application/json', streamed],
    ['text/plain', streamed],
  ])('may be wrong: %s', async (type, body) => {
    const provider = await startProvider((response) => response.writeHead(200, { 'content-type': type }).end(body));
    const { finish, texts } = ask(modelAt(provider));
    expect((await finish).reason).toBe('stop');
    expect(texts).toEqual(['Hello']);
  });
});

describe('failures', () => {
  const retryable = { name: 'ModelError', code: 'MODEL_UNAVAILABLE', retryable: true };

  it.each([
    ['breaks off', [textChunk('a')], 'broke off'],
    ['breaks off in an event', [textChunk('a'), '{"choices":[{"del'], 'nonsense'],
    ['sends garbage', [textChunk('a'), 'oops'], 'nonsense'],
    ['reports an error', [textChunk('a'), { error: { message: 'overloaded' } }], 'overloaded'],
  ])('one that %s', async (_name, events, words) => {
    const provider = await startProvider((response) => {
      sendEvents(response, ...events);
      response.end();
    });
    await expect(complete(provider)).rejects.toMatchObject({ ...retryable, message: expect.stringContaining(words) });
  });

  it('one that ends in the middle of an event broke off', async () => {
    const provider = await startProvider((response) => {
      sendEvents(response, textChunk('a'));
      response.end('data: {"choices":[{"del');
    });
    await expect(complete(provider)).rejects.toMatchObject({ message: expect.stringContaining('broke off') });
  });

  it('an error as the last event, its line not ended, is reported', async () => {
    const provider = await startProvider((response) => {
      sendEvents(response, textChunk('a'));
      response.end('data: {"error":{"message":"no","type":"invalid_request_error"}}');
    });
    await expect(complete(provider)).rejects.toMatchObject({ retryable: false });
  });

  it('one that is reported in a line of its own, as llama.cpp does', async () => {
    const provider = await startProvider((response) => {
      sendEvents(response, textChunk('a'));
      response.end('error: {"code":400,"message":"the request exceeds the available context size","type":"x"}\n\n');
    });
    await expect(complete(provider)).rejects.toMatchObject({ code: 'CONTEXT_OVERFLOW' });
  });

  it('a line without an end is refused, and its connection closed', async () => {
    const provider = await startProvider((response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: "');
      const more = () => response.write('x'.repeat(64 * 1024), () => response.destroyed || more());
      more();
    });
    await expect(complete(provider)).rejects.toMatchObject({
      message: expect.stringContaining('a line without an end'),
    });
    await provider.requests[0]?.closed;
  });

  it('an answer in one piece has a bound too', async () => {
    const provider = await startProvider((response) => sendJson(response, 200, { padding: 'x'.repeat(5_000_000) }));
    await expect(complete(provider)).rejects.toMatchObject(retryable);
  });

  it('of a status carry the words of the provider and its wish to wait', async () => {
    const provider = await startProvider((response) =>
      sendJson(response, 429, { error: { message: 'Slow down' } }, { 'retry-after': '7' }),
    );
    await expect(complete(provider)).rejects.toMatchObject({
      ...retryable,
      message: 'The model provider answered 429: Slow down',
      retryAfterSeconds: 7,
    });
  });

  it('with an endless page are read up to a bound', async () => {
    const provider = await startProvider((response) => {
      response.writeHead(400, { 'content-type': 'text/plain' });
      const more = () => response.write('too bad '.repeat(4096), () => response.destroyed || more());
      more();
    });
    await expect(complete(provider)).rejects.toMatchObject({ code: 'MODEL_UNAVAILABLE', retryable: false });
    await provider.requests[0]?.closed;
  });

  it('never name the key, the password or the address', async () => {
    const provider = await startProvider((response, { headers }) =>
      sendJson(response, 400, { error: { message: `Bad ${headers.authorization} at http://${headers.host}/v1` } }),
    );
    const baseURL = provider.baseURL.replace('http://', 'http://ada:password@');
    await expect(ask(modelAt({ baseURL }, { apiKey: 'sk-very-secret' })).finish).rejects.toMatchObject({
      message: 'The model provider answered 400: Bad Bearer … at http://…/v1',
    });
    await expect(ask(modelAt({ baseURL: 'http://ada:password@127.0.0.1:1/v1' })).finish).rejects.toMatchObject({
      ...retryable,
      message: 'The connection to the model provider failed (ECONNREFUSED).',
    });
  });

  it('are retried until something was said', async () => {
    let attempts = 0;
    const provider = await startProvider((response) => {
      attempts += 1;
      if (attempts === 1) return sendJson(response, 503, {}, { 'retry-after': '0' });
      if (attempts === 2) return response.destroy();
      sendEvents(response, textChunk('a'));
      return response.end();
    });
    const model = withRetry(modelAt(provider), { clock: systemClock, random: () => 0 });
    await expect(ask(model).finish).rejects.toMatchObject({ message: expect.stringContaining('broke off') });
    expect(attempts).toBe(3);
  });
});

describe('silence', () => {
  it('before the first byte, and in the middle, is a retryable failure and closes the connection', async () => {
    const mute = await startProvider(() => {});
    await expect(ask(modelAt(mute, { firstByteMilliseconds: 30 })).finish).rejects.toMatchObject({
      retryable: true,
      message: 'The model provider was silent for 0.03 seconds.',
    });
    await mute.requests[0]?.closed;
    const stuck = await startProvider((response) => sendEvents(response, textChunk('a')));
    const { finish, texts } = ask(modelAt(stuck, { idleMilliseconds: 40 }));
    await expect(finish).rejects.toMatchObject({ message: 'The model provider was silent for 0.04 seconds.' });
    expect(texts).toEqual(['a']);
    await stuck.requests[0]?.closed;
  });
});

describe('abort', () => {
  const reason = new Error('cancelled');

  it('in the middle of an answer closes the connection at once', async () => {
    const provider = await startProvider((response) => sendEvents(response, textChunk('a')));
    const { finish, abort, heard } = ask(modelAt(provider));
    await heard;
    const before = performance.now();
    abort.abort(reason);
    await expect(finish).rejects.toBe(reason);
    await provider.requests[0]?.closed;
    expect(performance.now() - before).toBeLessThan(100);
  });

  it('before the first byte closes the connection at once', async () => {
    let arrived: () => void = () => {};
    const arrival = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const provider = await startProvider(() => arrived());
    const { finish, abort } = ask(modelAt(provider));
    await arrival;
    abort.abort(reason);
    await expect(finish).rejects.toBe(reason);
    await provider.requests[0]?.closed;
  });

  it('while connecting does not wait, and sends nothing', async () => {
    const provider = await startProvider(() => {});
    const { finish, abort } = ask(modelAt(provider));
    abort.abort(reason);
    await expect(finish).rejects.toBe(reason);
    expect(provider.requests).toEqual([]);
  });

  it('beforehand does not even connect', async () => {
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

it('a server that speaks another protocol is a retryable failure', async () => {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.end('SSH-2.0-nothing\r\n');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  await expect(ask(modelAt({ baseURL: `http://127.0.0.1:${port}` })).finish).rejects.toMatchObject({ retryable: true });
});

it('disposing ends what is under way', async () => {
  const provider = await startProvider((response) => sendEvents(response, textChunk('a')));
  const model = modelAt(provider);
  const { finish, heard } = ask(model);
  await heard;
  await Promise.all([
    expect(finish).rejects.toMatchObject({ code: 'MODEL_UNAVAILABLE' }),
    model[Symbol.asyncDispose](),
  ]);
});
