import type { LanguageModelV3, LanguageModelV3StreamPart, SharedV3ProviderOptions } from '@ai-sdk/provider';
import type { Model, ModelRequest } from '../model.ts';
import { createFailureReader } from '../provider/failure.ts';
import { type CallTimeouts, type GuardedCall, guardCall, untilAborted } from '../provider/guarded-call.ts';
import { usedCallIds } from '../provider/tool-calls.ts';
import { sdkFailure } from './failure.ts';
import { promptOf } from './prompt.ts';
import { createResponseReader, type ResponseReader } from './response-reader.ts';

/** How long the connection may stay open after the end of the response. */
const TAIL_MILLISECONDS = 250;

export interface SdkModelOptions extends CallTimeouts {
  /** The model's name in the configuration. */
  name: string;
  maxOutputTokens?: number;
  /** By provider, as the package's documentation describes them. */
  providerOptions?: SharedV3ProviderOptions;
  /** What no error message may contain. */
  secrets: readonly string[];
}

/** A model of a provider package of the AI SDK, called through the SDK's specification interface. */
export function createSdkModel(sdk: LanguageModelV3, options: SdkModelOptions): Model {
  const { clock, maxOutputTokens, providerOptions } = options;
  const failures = createFailureReader(options.secrets);
  const failureOf = (error: unknown) => sdkFailure(error, failures, clock.now());

  async function readResponse(request: ModelRequest, reader: ResponseReader, call: GuardedCall): Promise<void> {
    const { signal, received } = call;
    const streaming = Promise.resolve(
      sdk.doStream({
        ...promptOf(request, options.name),
        maxOutputTokens: request.maxOutputTokens ?? maxOutputTokens,
        providerOptions: request.outputSchema === undefined ? providerOptions : tolerant(providerOptions),
        abortSignal: signal,
        ...(request.traceParent !== undefined && { headers: { traceparent: request.traceParent } }),
        // The only way to see a refusal of OpenAI's models. Not every package says its name, although the interface requires it.
        includeRawChunks: String(sdk.provider).startsWith('openai'),
      }),
    );
    // A stream that is opened after the abort has to be closed too.
    streaming.then(({ stream }) => signal.aborted && cancel(stream), ignore);
    const { stream } = await untilAborted(streaming, signal);
    const parts = stream.getReader();
    // Some packages do not listen to the signal.
    const stop = () => cancel(parts);
    signal.addEventListener('abort', stop, { once: true });
    try {
      for (;;) {
        const { done, value } = await parts.read();
        signal.throwIfAborted();
        if (done) return;
        if (reader.read(value)) received();
        if (reader.isDone()) return await readTail(parts);
      }
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  /** Reads the connection to its end, so that it can be used again. */
  async function readTail(parts: ReadableStreamDefaultReader<LanguageModelV3StreamPart>): Promise<void> {
    const cancelTimer = clock.after(TAIL_MILLISECONDS, () => cancel(parts));
    try {
      while (!(await parts.read()).done);
    } catch {
      // The response is complete, so nothing is lost.
    } finally {
      cancelTimer();
    }
  }

  return {
    stream: (request, sink, signal) =>
      guardCall({ ...options, signal, failureOf }, async (call) => {
        const reader = createResponseReader({ sink, usedIds: usedCallIds(request), failureOf });
        await readResponse(request, reader, call);
        return reader.finish();
      }),
  };
}

/** OpenAI's strict mode refuses schemas with optional members. The answer is checked in any case. */
function tolerant(options: SharedV3ProviderOptions | undefined): SharedV3ProviderOptions {
  return { ...options, openai: { strictJsonSchema: false, ...options?.openai } };
}

const ignore = () => {};

function cancel(stream: { cancel(): Promise<void> }): void {
  stream.cancel().catch(ignore);
}
