import type { LanguageModelV3, LanguageModelV3StreamPart, SharedV3ProviderOptions } from '@ai-sdk/provider';
import { createFailureReader } from '../provider/failure.ts';
import { type Call, guardCall, untilAborted, type Waits } from '../provider/guarded-call.ts';
import { usedIdsOf } from '../call/used-ids.ts';
import type { Model, ModelRequest } from '../model.ts';
import { type AnswerReader, createAnswerReader } from './response-reader.ts';
import { sdkFailure } from './failure.ts';
import { promptOf } from './prompt.ts';

/** How long the end of a connection may take behind the end of an answer. */
const TAIL_MILLISECONDS = 250;

export interface SdkModelOptions extends Waits {
  /** Of the model, as the configuration has it. */
  name: string;
  maxOutputTokens?: number;
  /** By provider, as its own documentation has them. */
  providerOptions?: SharedV3ProviderOptions;
  /** What no message may hold. */
  secrets: readonly string[];
}

/** A model behind a provider package of the AI SDK, by way of its specification interface. */
export function createSdkModel(sdk: LanguageModelV3, options: SdkModelOptions): Model {
  const { clock, maxOutputTokens, providerOptions } = options;
  const failures = createFailureReader(options.secrets);
  const failureOf = (error: unknown) => sdkFailure(error, failures, clock.now());

  async function converse(request: ModelRequest, reader: AnswerReader, { signal, heard }: Call): Promise<void> {
    const asked = Promise.resolve(
      sdk.doStream({ ...promptOf(request, options.name), maxOutputTokens, providerOptions, abortSignal: signal }),
    );
    // One that is made too late is let go of again.
    asked.then(({ stream }) => signal.aborted && letGo(stream), noop);
    const { stream } = await untilAborted(asked, signal);
    const parts = stream.getReader();
    // For packages that do not listen to the signal themselves.
    const stop = () => letGo(parts);
    signal.addEventListener('abort', stop, { once: true });
    try {
      for (;;) {
        const { done, value } = await parts.read();
        signal.throwIfAborted();
        if (done) return;
        if (reader.take(value)) heard();
        if (reader.isDone()) return await readTail(parts);
      }
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  /** A connection that is read to its end can be used again. */
  async function readTail(parts: ReadableStreamDefaultReader<LanguageModelV3StreamPart>): Promise<void> {
    const cancelTimer = clock.after(TAIL_MILLISECONDS, () => letGo(parts));
    try {
      while (!(await parts.read()).done);
    } catch {
      // The answer is complete: what is lost behind it is nothing.
    } finally {
      cancelTimer();
    }
  }

  return {
    stream: (request, sink, signal) =>
      guardCall({ ...options, signal, failureOf }, async (call) => {
        const reader = createAnswerReader({ sink, usedIds: usedIdsOf(request), failureOf });
        await converse(request, reader, call);
        return reader.finish();
      }),
  };
}

const noop = () => {};

function letGo(stream: { cancel(): Promise<void> }): void {
  stream.cancel().catch(noop);
}
