import { Agent, request as httpRequest } from 'undici';
import type { Json } from '../../domain/events.ts';
import { connectionFailure, createFailureReader, type FailureReader, retryAfterSeconds } from '../provider/failure.ts';
import { type Call, guardCall, untilAborted, type Waits } from '../provider/guarded-call.ts';
import { usedIdsOf } from '../call/used-ids.ts';
import { type Model, ModelError, type ModelFinish, type ModelRequest, type ModelSink } from '../model.ts';
import { readAnswer, readText } from './response-body.ts';
import { createCompletionReader } from './completion-reader.ts';
import { type Endpoint, endpointOf } from './connection.ts';
import { completionBody } from './completion-request.ts';

export interface OpenAiCompatibleOptions extends Waits {
  /** Address up to and without `/chat/completions`. May hold a user and a password. */
  baseURL: string;
  /** The provider's name for the model. */
  model: string;
  apiKey: string | null;
  /** Sent along; they win over our own. */
  headers?: Record<string, string>;
  maxOutputTokens?: number;
  /** More fields of the request's body, as `temperature`. */
  options?: Record<string, Json>;
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
    stream: (request, sink, signal) =>
      guardCall({ ...options, signal, failureOf }, (call) =>
        converse({ options, endpoint, failures, agent, call }, request, sink),
      ),
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
  call: Call;
}

async function converse(line: Line, request: ModelRequest, sink: ModelSink): Promise<ModelFinish> {
  const { options, endpoint, failures } = line;
  const { signal, heard } = line.call;
  const settings = {
    model: options.model,
    maxOutputTokens: options.maxOutputTokens ?? null,
    options: options.options ?? {},
  };
  // A connection that is still being made does not listen to its signal.
  const response = await untilAborted(
    httpRequest(endpoint.url, {
      method: 'POST',
      dispatcher: line.agent,
      headers: endpoint.headers,
      body: completionBody(settings, request),
      signal,
    }),
    signal,
  );
  const { statusCode, headers, body } = response;
  if (statusCode < 200 || statusCode > 299) {
    const text = await readText(body, heard);
    throw failures.ofAnswer(statusCode, text, retryAfterSeconds(headers['retry-after'], options.clock.now()));
  }
  const reader = createCompletionReader({ sink, usedIds: usedIdsOf(request), failureOf: failures.ofEvent });
  await readAnswer(body, reader, { heard, clock: options.clock, signal });
  return reader.finish();
}

/** Errors of the transport carry a code; anything else is the caller's reason, or a mistake of ours. */
function failureOf(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof ModelError || !('code' in error)) return error;
  return connectionFailure(typeof error.code === 'string' ? error.code : error.name, error);
}
