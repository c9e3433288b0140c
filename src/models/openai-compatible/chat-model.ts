import type { Json } from '../../domain/events.ts';
import type { Model } from '../model.ts';
import { transportFailure } from '../provider/failure.ts';
import { type CallTimeouts, guardCall } from '../provider/guarded-call.ts';
import { usedCallIds } from '../provider/tool-calls.ts';
import { createCompletionReader } from './completion-reader.ts';
import { completionBody } from './completion-request.ts';
import { type ConnectionOptions, openConnection } from './connection.ts';
import { readResponse } from './response-body.ts';

export interface OpenAiCompatibleOptions extends ConnectionOptions, CallTimeouts {
  /** The provider's name for the model. */
  model: string;
  /** If missing, the provider decides. */
  maxOutputTokens?: number;
  /** Additional fields of the request's body, such as `temperature`. */
  options?: Record<string, Json>;
}

/**
 * A model behind any server that implements OpenAI's chat completions, such as Ollama, vLLM, LM Studio and llama.cpp,
 * including servers that implement the protocol only in part. Disposing it closes its connections.
 */
export function createOpenAiCompatibleModel(options: OpenAiCompatibleOptions): Model & AsyncDisposable {
  const { clock, firstByteMilliseconds, idleMilliseconds } = options;
  const timeouts = { clock, firstByteMilliseconds, idleMilliseconds };
  const settings = {
    model: options.model,
    maxOutputTokens: options.maxOutputTokens ?? null,
    options: options.options ?? {},
  };
  const connection = openConnection(options, 'chat/completions');
  return {
    stream: (request, sink, signal) =>
      guardCall({ ...timeouts, signal, failureOf: transportFailure }, async (call) => {
        const { body, contentType } = await connection.post(
          completionBody(settings, request),
          call,
          request.traceParent,
        );
        const reader = createCompletionReader({
          sink,
          contentType,
          usedIds: usedCallIds(request),
          failureOf: connection.failures.ofEvent,
        });
        await readResponse(body, reader, call, clock);
        return reader.finish();
      }),
    [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
  };
}
