import { Agent, request as httpRequest } from 'undici';
import type { Clock } from '../clock.ts';
import {
  MODEL_FIRST_BYTE_SECONDS,
  MODEL_IDLE_SECONDS,
  PROVIDER_ERROR_BYTES,
  PROVIDER_LINE_BYTES,
} from '../config/limits.ts';
import { type Model, ModelError, type ModelFinish, type ModelRequest, type ModelSink } from './model.ts';
import { readEvents, readText } from './openai/body.ts';
import { createCompletionReader } from './openai/completion.ts';
import { type Endpoint, endpointOf } from './openai/endpoint.ts';
import { connectionFailure, createFailureReader, type FailureReader, retryAfterSeconds } from './openai/failure.ts';
import { startPatience } from './openai/patience.ts';
import { completionBody } from './openai/request.ts';

export interface OpenAiCompatibleOptions {
  /** Address up to and without `/chat/completions`. May hold a user and a password. */
  baseURL: string;
  /** The provider's name for the model. */
  model: string;
  apiKey: string | null;
  /** Sent along; they win over our own. */
  headers?: Record<string, string>;
  maxOutputTokens?: number;
  clock: Clock;
  firstByteMilliseconds?: number;
  idleMilliseconds?: number;
}

/**
 * A model behind any server that speaks OpenAI's chat completions, as Ollama, vLLM, LM Studio and llama.cpp do. Reads
 * whatever of that protocol they leave out or do in their own way. Its connections are kept alive until it is disposed.
 */
export function createOpenAiCompatibleModel(options: OpenAiCompatibleOptions): Model & AsyncDisposable {
  const endpoint = endpointOf(options);
  const failures = createFailureReader(endpoint.secrets);
  // Both time-outs are kept by our own clock, once a call and not once a chunk.
  const agent = new Agent({ headersTimeout: 0, bodyTimeout: 0 });

  return {
    async stream(request, sink, signal) {
      signal.throwIfAborted();
      const teardown = new AbortController();
      const abort = () => teardown.abort(signal.reason);
      signal.addEventListener('abort', abort, { once: true });
      const patience = startPatience({
        clock: options.clock,
        firstByteMilliseconds: options.firstByteMilliseconds ?? MODEL_FIRST_BYTE_SECONDS * 1000,
        idleMilliseconds: options.idleMilliseconds ?? MODEL_IDLE_SECONDS * 1000,
        onExpiry: (waited) => teardown.abort(silence(waited)),
      });
      try {
        return await converse({ options, endpoint, failures, agent, heard: patience.heard }, request, sink, teardown);
      } catch (error) {
        // Whatever ended the call, nothing of it stays open; the first reason is the one that counts.
        teardown.abort(error);
        signal.throwIfAborted();
        throw failureOf(teardown.signal.reason);
      } finally {
        patience.end();
        signal.removeEventListener('abort', abort);
      }
    },
    async [Symbol.asyncDispose]() {
      await agent.destroy();
    },
  };
}

interface Line {
  options: OpenAiCompatibleOptions;
  endpoint: Endpoint;
  failures: FailureReader;
  agent: Agent;
  heard(): void;
}

async function converse(
  line: Line,
  request: ModelRequest,
  sink: ModelSink,
  teardown: AbortController,
): Promise<ModelFinish> {
  const { options, endpoint, failures, heard } = line;
  const settings = { model: options.model, maxOutputTokens: options.maxOutputTokens ?? null };
  const response = await untilAborted(
    httpRequest(endpoint.url, {
      method: 'POST',
      dispatcher: line.agent,
      headers: endpoint.headers,
      body: completionBody(settings, request),
      signal: teardown.signal,
    }),
    teardown.signal,
  );
  const { statusCode, headers, body } = response;
  if (statusCode < 200 || statusCode > 299) {
    const text = await readText(body, { heard, bytes: PROVIDER_ERROR_BYTES, beyond: 'cut' });
    throw failures.ofAnswer(statusCode, text, retryAfterSeconds(headers['retry-after'], options.clock.now()));
  }
  const reader = createCompletionReader({ sink, usedIds: usedIdsOf(request), failureOf: failures.ofEvent });
  if (isWhole(headers['content-type'])) {
    reader.readWhole(await readText(body, { heard, bytes: PROVIDER_LINE_BYTES, beyond: 'refuse' }));
  } else {
    await readEvents(body, reader, { heard, clock: options.clock, signal: teardown.signal });
  }
  return reader.finish();
}

/** A connection that is still being made does not listen to its signal; whoever waits for it need not wait on. */
function untilAborted<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    work.then(resolve, reject);
  });
}

function isWhole(contentType: string | string[] | undefined): boolean {
  return /^application\/(\S+\+)?json\b/i.test(String(contentType ?? ''));
}

function usedIdsOf({ messages }: ModelRequest): ReadonlySet<string> {
  const ids = new Set<string>();
  for (const message of messages) {
    if (message.role === 'assistant') for (const { callId } of message.calls) ids.add(callId);
  }
  return ids;
}

function silence(waitedMilliseconds: number): ModelError {
  const message = `The model provider was silent for ${waitedMilliseconds / 1000} seconds.`;
  return new ModelError('MODEL_UNAVAILABLE', message, { retryable: true });
}

/** Errors of the transport carry a code; anything else is the caller's reason, or a mistake of ours. */
function failureOf(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof ModelError || !('code' in error)) return error;
  return connectionFailure(typeof error.code === 'string' ? error.code : error.name, error);
}
