import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { MCP_FAILURE_CHARACTERS } from '../../config/limits.ts';
import { maskedBeginning } from '../../domain/secrets/mask.ts';

/**
 * A connection to one MCP server, used once: the only code that touches processes and sockets. After `close` has resolved,
 * nothing that it opened is left.
 */
export interface Channel {
  /** The MCP client that gets it starts it. */
  transport: Transport;
  /** Why it closed or does not work, for people. Null if nothing is known. */
  failure(): string | null;
  /** Whether `transport.onclose` reports the loss of the server. If not, the server has to be pinged. */
  detectsLoss: boolean;
  /** Sends the requests of `send` with the header `traceparent`. Missing where requests have no headers. */
  traced?<Result>(traceParent: string, send: () => Promise<Result>): Promise<Result>;
  /** Ends the session or the process group. Bounded in time, never rejects, and can be called again. */
  close(): Promise<void>;
}

/** Creates a channel that is not started. */
export type OpenChannel = () => Channel;

/** The part of a logger that MCP servers use. */
export interface Log {
  debug(facts: object, text: string): void;
  info(facts: object, text: string): void;
  warn(facts: object, text: string): void;
}

/** The message of an error with that of its cause: `fetch failed` alone does not name the problem. */
export function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return maskedBeginning(String(error), MCP_FAILURE_CHARACTERS);
  const cause = error.cause instanceof AggregateError ? error.cause.errors[0] : error.cause;
  const text = cause instanceof Error ? `${error.message} (${cause.message})` : error.message;
  // The message of another party can be as long as its messages.
  const line = text
    .slice(0, 8 * MCP_FAILURE_CHARACTERS)
    .replace(/\s+/g, ' ')
    .trim();
  return maskedBeginning(line, MCP_FAILURE_CHARACTERS);
}
