import type { AttachmentRef, Json, RunErrorCode } from '../domain/events.ts';
import type { Message } from '../domain/transcript.ts';

/** A tool as a model sees it. */
export interface ToolDescription {
  name: string;
  description: string;
  /** JSON Schema of an object. */
  inputSchema: Json;
}

/** A piece of a user message with attachments. */
export type UserPart =
  | { type: 'text'; text: string }
  | { type: 'file'; name: string; mediaType: string; bytes: Uint8Array };

/**
 * What a model is shown of an attachment: the file itself, its text, or only its name, type and size, because the model cannot read
 * it (`unreadable`) or the request has no room for it (`left-out`).
 */
export type AttachmentForm = 'file' | 'text' | 'unreadable' | 'left-out';

export interface ShownAttachment extends AttachmentRef {
  form: AttachmentForm;
}

interface UserMessage {
  role: 'user';
  text: string;
  attachments?: readonly ShownAttachment[];
  /** Replaces `text` and `attachments`: the pieces with the bytes of the files. */
  parts?: readonly UserPart[];
}

export type ModelMessage = Exclude<Message, { role: 'user' }> | UserMessage;

export interface ModelRequest {
  /** The system prompt; empty for none. */
  instructions: string;
  /** Oldest first. The results of a call follow the message that requested it. */
  messages: readonly ModelMessage[];
  tools: readonly ToolDescription[];
  /** Shortens the answer; without it, the model's own limit applies. */
  maxOutputTokens?: number;
  /** JSON Schema that the answer should fit, for providers with a response format. The answer may still not fit. */
  outputSchema?: Json;
  /** The header `traceparent`, for providers that take part in traces. */
  traceParent?: string;
}

/**
 * Receives a response piece by piece, in the order in which the model wrote it. Pieces are not empty.
 * Its methods are called synchronously, must not throw, and are not called after `stream` has settled.
 */
export interface ModelSink {
  /** Text of the response. */
  text(piece: string): void;
  /** Reasoning, which is not part of the response's text. */
  thought(piece: string): void;
}

export interface RequestedCall {
  /** The provider's id; null if it gave none, or one that was used before. */
  callId: string | null;
  tool: string;
  /** The arguments as the model wrote them: usually JSON, but not checked. */
  arguments: string;
}

/** Tokens of one model call, as the provider counted them. */
export interface ModelUsage {
  /** All input, including what the provider read from its cache. */
  input: number;
  /** All output, including reasoning. */
  output: number;
  /** The part of the input that came from the provider's cache; null if it does not say. */
  cachedInput: number | null;
  /** The part of the output that is reasoning; null if it does not say. */
  reasoning: number | null;
}

/** How a model call ended. The text itself went to the sink. */
export interface ModelFinish {
  /** `stop`, `length`, `tool-calls`, `content-filter`, `refusal`, or the provider's own word. */
  reason: string;
  /** What the model said instead of answering, or after it stopped answering; not part of the text. */
  refusal?: string;
  /** In the order in which the model requested them. */
  calls: RequestedCall[];
  /** Null if the provider did not report it. */
  usage: ModelUsage | null;
  /** The provider's id of the response; null if it gave none. */
  responseId: string | null;
  /** What the provider needs to see again together with this response, such as signatures of its reasoning. */
  providerState?: Json;
}

/** One model of one provider. Calls are independent of each other and may run concurrently. */
export interface Model {
  /**
   * Sends a request and streams the response into the sink.
   *
   * Resolves when the response is complete and all of it was given to the sink. Rejects with a ModelError if the call
   * fails; pieces that the sink has received by then are the beginning of an incomplete response. Rejects with the
   * signal's reason, and stops the provider's request, if the signal aborts.
   */
  stream(request: ModelRequest, sink: ModelSink, signal: AbortSignal): Promise<ModelFinish>;
}

/** A failure of a model call. Users see its message, so it contains no key and no internal address. */
export class ModelError extends Error {
  readonly code: RunErrorCode;
  /** Whether the same call may succeed later. */
  readonly retryable: boolean;
  /** The wait that the provider requested with `Retry-After`; null if it requested none. */
  readonly retryAfterSeconds: number | null;
  /** Whether a fallback may take over before the first output: not if a person has to change something. */
  readonly isForFallback: boolean;

  constructor(
    code: RunErrorCode,
    message: string,
    options: { retryable: boolean; retryAfterSeconds?: number | null; isForFallback?: boolean; cause?: unknown },
  ) {
    super(message, { cause: options.cause });
    this.name = 'ModelError';
    this.code = code;
    this.retryable = options.retryable;
    this.retryAfterSeconds = options.retryAfterSeconds ?? null;
    this.isForFallback = options.isForFallback ?? code === 'MODEL_UNAVAILABLE';
  }
}
