import { ModelError, type ModelFinish, type ModelSink } from '../model.ts';
import { isRecord, nonsense } from './nonsense.ts';
import { createCallCollector } from './tool-calls.ts';

/** Longest reason and response id that are kept; both end on the tape. */
const LABEL_CHARACTERS = 200;

const finishReasons: ReadonlyMap<string, string> = new Map([
  ['tool_calls', 'tool-calls'],
  ['function_call', 'tool-calls'],
  ['content_filter', 'content-filter'],
]);

/** Reads one answer of a provider, piece by piece. Each method throws a ModelError where it can not go on. */
export interface CompletionReader {
  /** Takes the data of one server-sent event. */
  readEvent(data: string): void;
  /** Takes an answer that came whole, as from a server that does not stream. */
  readWhole(body: string): void;
  /** Whether the provider said that nothing follows. */
  isDone(): boolean;
  /** Whether the answer itself is complete; its usage may still follow. */
  hasFinished(): boolean;
  finish(): ModelFinish;
}

/**
 * @param options.usedIds ids of the calls that the provider was shown
 * @param options.failureOf makes a failure of what a provider put under `error`
 */
export function createCompletionReader(options: {
  sink: ModelSink;
  usedIds: ReadonlySet<string>;
  failureOf: (error: unknown) => ModelError;
}): CompletionReader {
  const { sink, usedIds, failureOf } = options;
  const collector = createCallCollector();
  let isDone = false;
  let reason: string | null = null;
  let usage: ModelFinish['usage'] = null;
  let responseId: string | null = null;

  /** Returns whether there was a choice in it. */
  function readChunk(chunk: unknown): boolean {
    if (!isRecord(chunk)) throw nonsense('an event that is no object');
    if (chunk.error !== undefined && chunk.error !== null) throw failureOf(chunk.error);
    if (responseId === null && typeof chunk.id === 'string' && chunk.id !== '') responseId = label(chunk.id);
    if (chunk.usage) usage = usageOf(chunk.usage) ?? usage;
    const choice: unknown = Array.isArray(chunk.choices) ? chunk.choices[0] : undefined;
    if (!isRecord(choice)) return false;
    const delta = choice.delta ?? choice.message;
    if (isRecord(delta)) readDelta(delta);
    const finished = choice.finish_reason;
    if (typeof finished === 'string' && finished !== '') reason = finishReasons.get(finished) ?? label(finished);
    return true;
  }

  function readDelta(delta: Record<string, unknown>): void {
    const thought = delta.reasoning_content ?? delta.reasoning;
    if (typeof thought === 'string' && thought !== '') sink.thought(thought);
    if (typeof delta.content === 'string') {
      if (delta.content !== '') sink.text(delta.content);
    } else if (Array.isArray(delta.content)) {
      for (const part of delta.content) if (isRecord(part) && typeof part.text === 'string') sink.text(part.text);
    }
    if (typeof delta.refusal === 'string' && delta.refusal !== '') sink.text(delta.refusal);
    if (Array.isArray(delta.tool_calls)) for (const fragment of delta.tool_calls) collector.take(fragment);
    if (isRecord(delta.function_call)) collector.take({ index: 0, function: delta.function_call });
  }

  return {
    readEvent(data) {
      if (isDone) return;
      if (data.startsWith('{')) {
        readChunk(parse(data));
        return;
      }
      const word = data.trim();
      // Some servers keep a connection awake with events in which there is nothing.
      if (word === '[DONE]') isDone = true;
      else if (word !== '') readChunk(parse(word));
    },
    readWhole(body) {
      if (!readChunk(parse(body))) throw nonsense('an answer without a choice');
      reason ??= 'stop';
    },
    isDone: () => isDone,
    hasFinished: () => reason !== null,
    finish() {
      if (reason === null && !isDone) throw brokenOff();
      const calls = collector.calls(usedIds);
      const ended = reason ?? 'stop';
      return { reason: calls.length > 0 && ended === 'stop' ? 'tool-calls' : ended, calls, usage, responseId };
    },
  };
}

function brokenOff(): ModelError {
  return new ModelError('MODEL_UNAVAILABLE', 'The model provider broke off in the middle of its answer.', {
    retryable: true,
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw nonsense('something that is not JSON', cause);
  }
}

function usageOf(value: unknown): ModelFinish['usage'] {
  if (!isRecord(value)) return null;
  const input = value.prompt_tokens;
  const output = value.completion_tokens;
  return isCount(input) && isCount(output) ? { input, output } : null;
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function label(text: string): string {
  return text.slice(0, LABEL_CHARACTERS).toWellFormed();
}
