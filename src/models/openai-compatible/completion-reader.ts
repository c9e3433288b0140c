import type { ModelError, ModelFinish, ModelSink, ModelUsage } from '../model.ts';
import { incompleteResponse, parseProviderJson, protocolError } from '../provider/failure.ts';
import { addRefusal, isRecord, labelOf, tokenCount } from '../provider/response-values.ts';
import { type CallAssembler, createCallAssembler } from './tool-calls.ts';

const finishReasons: ReadonlyMap<string, string> = new Map([
  ['tool_calls', 'tool-calls'],
  ['function_call', 'tool-calls'],
  ['content_filter', 'content-filter'],
  // Gemini's words, in the OpenAI-compatible API of several servers.
  ['safety', 'content-filter'],
  ['prohibited_content', 'content-filter'],
]);

/** Reads one response, piece by piece. Each method throws a ModelError if it cannot continue. */
export interface CompletionReader {
  /** Reads the data of one server-sent event. */
  readEvent(data: string): void;
  /** Reads a failure that a server reports instead of an event. */
  readFailure(text: string): never;
  /** Reads a complete response from a server that does not stream. */
  readWhole(body: string): void;
  /** Whether the provider said that nothing follows. */
  isDone(): boolean;
  /** Whether the response is complete; its usage may still follow. */
  hasFinished(): boolean;
  /** Throws a ModelError if the response has no end. */
  finish(): ModelFinish;
}

/**
 * @param options.contentType of the response, for the message about a response without an answer
 * @param options.usedIds ids of the calls that the request showed to the provider
 * @param options.failureOf turns what a provider reported under `error` into a failure
 */
export function createCompletionReader(options: {
  sink: ModelSink;
  contentType: string;
  usedIds: ReadonlySet<string>;
  failureOf: (error: unknown) => ModelError;
}): CompletionReader {
  const { sink, contentType, usedIds, failureOf } = options;
  const calls = createCallAssembler();
  let isDone = false;
  let reason: string | null = null;
  let usage: ModelUsage | null = null;
  let usageCameLast = false;
  let responseId: string | null = null;
  let refusal = '';
  let hasChoice = false;

  /** Returns whether the chunk has a choice. */
  function readChunk(chunk: unknown): boolean {
    if (!isRecord(chunk)) throw protocolError('an event is not an object');
    const choices: unknown[] = Array.isArray(chunk.choices) ? chunk.choices : [];
    const choice = answerAmong(choices);
    const error = errorIn(chunk) ?? (isRecord(choice) ? errorIn(choice) : null);
    if (error !== null) throw failureOf(error);
    if (responseId === null && typeof chunk.id === 'string' && chunk.id !== '') responseId = labelOf(chunk.id);
    if (chunk.usage) usage = usageOf(chunk.usage) ?? usage;
    usageCameLast = usage !== null && choices.length === 0;
    if (!isRecord(choice)) return false;
    hasChoice = true;
    const delta = choice.delta ?? choice.message;
    if (isRecord(delta)) {
      readDelta(delta, sink, calls);
      refusal = addRefusal(refusal, delta.refusal);
    }
    const finishReason = choice.finish_reason;
    if (finishReason === 'error') throw failureOf('The response ended with an error.');
    if (typeof finishReason === 'string' && finishReason !== '') {
      reason = finishReasons.get(finishReason.toLowerCase()) ?? labelOf(finishReason);
    }
    return true;
  }

  return {
    readEvent(data) {
      if (isDone) return;
      if (data.startsWith('{')) {
        readChunk(parseProviderJson(data));
        return;
      }
      const trimmed = data.trim();
      if (trimmed === '[DONE]') isDone = true;
      // Some servers send empty events to keep the connection open.
      else if (trimmed !== '') readChunk(parseProviderJson(trimmed));
    },
    readFailure(text) {
      throw failureOf(text.startsWith('{') ? parseProviderJson(text) : text);
    },
    readWhole(body) {
      if (!readChunk(parseProviderJson(body))) throw protocolError('it contains no answer');
      reason ??= 'stop';
    },
    isDone: () => isDone,
    hasFinished: () => reason !== null,
    finish() {
      if (!hasChoice) throw protocolError(`it contains no answer (content type ${contentType || 'missing'})`);
      // Some servers send neither a finish reason nor [DONE]. Usage without a choice is always the last chunk.
      if (reason === null && !isDone && !usageCameLast) throw incompleteResponse();
      const requested = calls.finish(usedIds);
      const ended = refusal === '' ? (reason ?? 'stop') : 'refusal';
      return {
        reason: requested.length > 0 && ended === 'stop' ? 'tool-calls' : ended,
        ...(refusal !== '' && { refusal }),
        calls: requested,
        usage,
        responseId,
      };
    },
  };
}

/** The choice that is the answer: a server that was asked for several sends the others as well. */
function answerAmong(choices: readonly unknown[]): unknown {
  const [first] = choices;
  if (!isRecord(first) || !first.index) return first;
  return choices.find((choice) => isRecord(choice) && choice.index === 0);
}

function readDelta(delta: Record<string, unknown>, sink: ModelSink, calls: CallAssembler): void {
  // Servers that send both fields send the same text twice.
  const thought = [delta.reasoning_content, delta.reasoning].find((text) => typeof text === 'string' && text !== '');
  if (typeof thought === 'string') sink.thought(thought);
  readContent(delta.content, sink);
  if (Array.isArray(delta.tool_calls)) for (const fragment of delta.tool_calls) calls.add(fragment);
  else if (isRecord(delta.tool_calls)) calls.add(delta.tool_calls);
  if (isRecord(delta.function_call)) calls.add({ index: 0, function: delta.function_call });
}

/** The error that a server reports in `error` or, as vLLM does, as an object of type `error`; null if there is none. */
function errorIn(record: Record<string, unknown>): unknown {
  if (record.error !== undefined && record.error !== null) return record.error;
  return record.object === 'error' ? record : null;
}

/** Content is a string, or a list of parts that are text or reasoning. */
function readContent(content: unknown, sink: ModelSink): void {
  if (typeof content === 'string') {
    if (content !== '') sink.text(content);
    return;
  }
  if (!Array.isArray(content)) return;
  for (const part of content) {
    if (!isRecord(part)) continue;
    if (typeof part.text === 'string' && part.text !== '') sink.text(part.text);
    if (typeof part.thinking === 'string' && part.thinking !== '') sink.thought(part.thinking);
    else if (Array.isArray(part.thinking)) readContent(part.thinking, { text: sink.thought, thought: sink.thought });
  }
}

/** Reads `usage`; null if it lacks the number of input or of output tokens. */
function usageOf(value: unknown): ModelUsage | null {
  if (!isRecord(value)) return null;
  const input = tokenCount(value.prompt_tokens);
  const output = tokenCount(value.completion_tokens);
  if (input === null || output === null) return null;
  const inputDetails = isRecord(value.prompt_tokens_details) ? value.prompt_tokens_details : {};
  const outputDetails = isRecord(value.completion_tokens_details) ? value.completion_tokens_details : {};
  const cached = tokenCount(inputDetails.cached_tokens) ?? tokenCount(value.prompt_cache_hit_tokens);
  const reasoning = tokenCount(outputDetails.reasoning_tokens) ?? tokenCount(value.reasoning_tokens);
  // A part that is larger than the whole is wrong.
  return {
    input,
    output,
    cachedInput: cached !== null && cached <= input ? cached : null,
    reasoning: reasoning !== null && reasoning <= output ? reasoning : null,
  };
}
