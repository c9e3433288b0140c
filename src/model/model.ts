import type { Json, RunErrorCode } from '../domain/events.ts';
import type { Message } from '../domain/transcript.ts';

/** A tool as a model sees it. */
export interface ToolDescription {
  name: string;
  description: string;
  /** JSON Schema of an object. */
  inputSchema: Json;
}

export interface ModelRequest {
  instructions: string;
  messages: readonly Message[];
  tools: readonly ToolDescription[];
}

/** Takes the pieces of an answer as they arrive, in order. Must not throw. */
export interface ModelSink {
  text(piece: string): void;
  thought(piece: string): void;
}

export interface RequestedCall {
  /** The provider's id; null where it gave none. */
  callId: string | null;
  tool: string;
  /** The arguments as the model wrote them: JSON, if it kept to the form. */
  arguments: string;
}

/** How a model call ended. The text itself went to the sink. */
export interface ModelFinish {
  /** `stop`, `length`, `tool-calls`, `content-filter`, or what else the provider said. */
  reason: string;
  calls: RequestedCall[];
  /** Tokens; null where the provider did not say. */
  usage: { input: number; output: number } | null;
  responseId: string | null;
}

/** One way of asking one model. */
export interface Model {
  /**
   * Asks the model and streams its answer into the sink. Resolves when the answer is complete.
   * Rejects with a ModelError; rejects with the signal's reason where it aborts, the provider's request being stopped then.
   */
  stream(request: ModelRequest, sink: ModelSink, signal: AbortSignal): Promise<ModelFinish>;
}

/** A failure of a model call. Its message is shown to users: no keys, no addresses of the inside. */
export class ModelError extends Error {
  readonly code: RunErrorCode;
  /** Whether the same call may succeed later. */
  readonly retryable: boolean;
  /** What the provider asked for with `Retry-After`. */
  readonly retryAfterSeconds: number | null;

  constructor(
    code: RunErrorCode,
    message: string,
    options: { retryable: boolean; retryAfterSeconds?: number | null; cause?: unknown },
  ) {
    super(message, { cause: options.cause });
    this.name = 'ModelError';
    this.code = code;
    this.retryable = options.retryable;
    this.retryAfterSeconds = options.retryAfterSeconds ?? null;
  }
}

/** Per million tokens, in the catalogue's currency. */
export interface Price {
  inputPerMillion: number;
  outputPerMillion: number;
}

/** A model under the name by which agents and clients ask for it. */
export interface CatalogueEntry {
  name: string;
  model: Model;
  /** What the model can be shown at once, its answer included. */
  contextTokens: number;
  price: Price | null;
}

export interface Catalogue {
  defaultName: string;
  names: readonly string[];
  find(name: string): CatalogueEntry | null;
}
