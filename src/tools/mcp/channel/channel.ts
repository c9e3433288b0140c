import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';

/** A way to one server, used once. Everything that touches a process or a socket is behind it. */
export interface Channel {
  /** Started by the client that is given it. */
  transport: Transport;
  /** Why it closed or does not work, for people; null where nothing more is known than that. */
  failure(): string | null;
  /** Whether it tells by itself that the other side is gone; otherwise it has to be asked now and then. */
  noticesLoss: boolean;
  /** Ends what it opened, to the last process and session. Bounded in time, never rejects, may be called again. */
  close(): Promise<void>;
}

/** A fresh channel, not started yet. */
export type OpenChannel = () => Channel;

/** Where what happens is said; loggers are this. */
export interface Log {
  debug(facts: object, text: string): void;
  info(facts: object, text: string): void;
  warn(facts: object, text: string): void;
}

const FAILURE_CHARACTERS = 300;

/** What went wrong, with the cause that names it: `fetch failed` alone says nothing. */
export function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error).slice(0, FAILURE_CHARACTERS);
  const inner = error.cause instanceof AggregateError ? error.cause.errors[0] : error.cause;
  const text = inner instanceof Error ? `${error.message} (${inner.message})` : error.message;
  return text.replace(/\s+/g, ' ').trim().slice(0, FAILURE_CHARACTERS);
}
