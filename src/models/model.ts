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

/** Tokens, as the provider counted them. */
export interface ModelUsage {
  /** All that it read, what it had in its cache included. */
  input: number;
  /** All that it wrote, what it thought included. */
  output: number;
  /** Of the input, read from its cache; null where it does not say. */
  cachedInput: number | null;
  /** Of the output, thought; null where it does not say. */
  reasoning: number | null;
}

/** How a model call ended. The text itself went to the sink. */
export interface ModelFinish {
  /** `stop`, `length`, `tool-calls`, `content-filter`, or what else the provider said. */
  reason: string;
  calls: RequestedCall[];
  /** Null where the provider did not say. */
  usage: ModelUsage | null;
  responseId: string | null;
  /** What the provider wants to be shown again with this answer, as signatures of its thoughts. */
  providerState?: Json;
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
  /** Where it is missing, what was cached costs as much as the rest. */
  cachedInputPerMillion?: number;
}

/** Whether a model is asked: always, not for now, or by one call that finds out. */
export type CircuitState = 'closed' | 'open' | 'half-open';

export interface Circuit {
  state(): CircuitState;
  /** Whether a call that is made now would be let through. */
  admits(): boolean;
}

/** A model under the name by which agents and clients ask for it. */
export interface CatalogueEntry {
  name: string;
  /** As the configuration names it. */
  provider: string;
  model: Model;
  circuit: Circuit;
  /** Names of the models that are asked in its place, in this order. */
  fallbacks: readonly string[];
  /** What the model can be shown at once, its answer included. */
  contextTokens: number;
  price: Price | null;
}

export interface Catalogue {
  defaultName: string;
  names: readonly string[];
  find(name: string): CatalogueEntry | null;
}
