import { interrupted, isRecord, protocolError } from '../provider/response-values.ts';
import type { ModelError, ModelFinish, ModelSink } from '../model.ts';
import { type CallCollector, createCallCollector } from './tool-calls.ts';
import { usageOf } from './usage.ts';

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
  /** Takes what a server reports in place of an event; never returns. */
  readFailure(text: string): never;
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
  let usageCameLast = false;
  let responseId: string | null = null;

  /** Returns whether there was a choice in it. */
  function readChunk(chunk: unknown): boolean {
    if (!isRecord(chunk)) throw protocolError('an event that is no object');
    const choice: unknown = Array.isArray(chunk.choices) ? chunk.choices[0] : undefined;
    const complaint = complaintIn(chunk) ?? (isRecord(choice) ? complaintIn(choice) : null);
    if (complaint !== null) throw failureOf(complaint);
    if (responseId === null && typeof chunk.id === 'string' && chunk.id !== '') responseId = label(chunk.id);
    if (chunk.usage) usage = usageOf(chunk.usage) ?? usage;
    usageCameLast = usage !== null && !isRecord(choice);
    if (!isRecord(choice)) return false;
    const delta = choice.delta ?? choice.message;
    if (isRecord(delta)) readDelta(delta, sink, collector);
    const finished = choice.finish_reason;
    if (finished === 'error') throw failureOf('It ended its answer with an error.');
    if (typeof finished === 'string' && finished !== '') reason = finishReasons.get(finished) ?? label(finished);
    return true;
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
    readFailure(text) {
      throw failureOf(text.startsWith('{') ? parse(text) : text);
    },
    readWhole(body) {
      if (!readChunk(parse(body))) throw protocolError('an answer without a choice');
      reason ??= 'stop';
    },
    isDone: () => isDone,
    hasFinished: () => reason !== null,
    finish() {
      // Usage in a chunk of its own is the last thing that a server says, and some say no other end.
      if (reason === null && !isDone && !usageCameLast) throw interrupted();
      const calls = collector.calls(usedIds);
      const ended = reason ?? 'stop';
      return { reason: calls.length > 0 && ended === 'stop' ? 'tool-calls' : ended, calls, usage, responseId };
    },
  };
}

function readDelta(delta: Record<string, unknown>, sink: ModelSink, collector: CallCollector): void {
  // Servers that write both write the same twice.
  const thought = [delta.reasoning_content, delta.reasoning].find((text) => typeof text === 'string' && text !== '');
  if (typeof thought === 'string') sink.thought(thought);
  readContent(delta.content, sink);
  if (typeof delta.refusal === 'string' && delta.refusal !== '') sink.text(delta.refusal);
  if (Array.isArray(delta.tool_calls)) for (const fragment of delta.tool_calls) collector.take(fragment);
  else if (isRecord(delta.tool_calls)) collector.take(delta.tool_calls);
  if (isRecord(delta.function_call)) collector.take({ index: 0, function: delta.function_call });
}

/** What a server complains of: in its own field, or, as vLLM does, as an object of the kind `error`. */
function complaintIn(record: Record<string, unknown>): unknown {
  if (record.error !== undefined && record.error !== null) return record.error;
  return record.object === 'error' ? record : null;
}

/** Text is a string, or parts of which some are text and some thoughts. */
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

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw protocolError('something that is not JSON', cause);
  }
}

function label(text: string): string {
  return text.slice(0, LABEL_CHARACTERS).toWellFormed();
}
