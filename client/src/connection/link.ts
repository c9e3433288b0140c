import type { RuntapeError } from '../runtape-error.ts';

/** The result of an operation, as GraphQL over WebSocket and server-sent events deliver it. */
export interface Result {
  data?: unknown;
  errors?: { message: string; extensions?: { code?: string; retryAfter?: number } }[];
}

export interface Sink {
  next(result: Result): void;
  /** The operation has ended: by the server, or with the errors that the server gave. */
  end(error: RuntapeError | null): void;
}

/** An open connection that carries subscriptions. */
export interface Link {
  /** Starts an operation; returns what stops it. */
  start(query: string, variables: object, sink: Sink): () => void;
  /** Makes sure that the server is still there: a dead link calls `onLost` soon. */
  check(): void;
  /** Does not call `onLost`. */
  close(): void;
}

export interface LinkOptions {
  token: string | null;
  /** Gives up opening; its reason says why. Without effect later. */
  signal: AbortSignal;
  /** The link has ended, and with it every operation. Called once, not after `close`. UNAUTHENTICATED: the token was refused or has expired. */
  onLost(error: RuntapeError): void;
}

/** Resolves when operations can be started. Rejects like `onLost`. */
export type OpenLink = (options: LinkOptions) => Promise<Link>;
