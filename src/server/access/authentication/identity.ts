import type { IncomingHttpHeaders } from 'node:http';
import type { Viewer } from '../../../application/command-context.ts';

/** What a client shows of itself: the headers of its request, or what it sent when its WebSocket was opened. */
export interface Credentials {
  headers: IncomingHttpHeaders;
  connectionParams: Readonly<Record<string, unknown>>;
}

/** Somebody who was let in. */
export interface Identity extends Viewer {
  /** Epoch milliseconds from which the credentials count no more; absent where they count for good. */
  expiresAt?: number;
}

/** Who shows these credentials. Throws what `unauthenticated` makes where nobody may. */
export type Authenticate = (credentials: Credentials) => Identity | Promise<Identity>;

/** Without accounts whoever reaches the server is its operator; it listens on loopback only. */
export const localIdentity: Identity = { principal: 'local', scopes: ['read', 'write', 'approve', 'admin'] };

/** The token of `Authorization: Bearer …`, of the header or of `connectionParams`; null where there is none. */
export function bearerToken({ headers, connectionParams }: Credentials): string | null {
  const shown = connectionParams.authorization ?? connectionParams.Authorization ?? headers.authorization;
  if (typeof shown !== 'string') return null;
  return /^Bearer +([^\s]+)$/i.exec(shown.trim())?.[1] ?? null;
}
