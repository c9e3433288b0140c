import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Viewer } from '../../../application/command-context.ts';
import { type JwtConfig, LOCAL_PRINCIPAL, type TokenEntry } from '../../../config/access-config.ts';

/** What a client sends to authenticate: the headers of its request, and the payload of `connection_init` on a WebSocket. */
export interface Credentials {
  headers: IncomingHttpHeaders;
  connectionParams: Readonly<Record<string, unknown>>;
  /** IP address of the client, or of the proxy before it. */
  address?: string;
}

export function credentialsOf(
  request: IncomingMessage,
  connectionParams: Credentials['connectionParams'] = {},
): Credentials {
  return { headers: request.headers, connectionParams, address: request.socket.remoteAddress };
}

/** An authenticated client. */
export interface Identity extends Viewer {
  /** Epoch milliseconds at which the credentials expire; absent if they do not. */
  expiresAt?: number;
  /** The part of the configuration that accepts the credentials; absent if they can neither be revoked nor expire. */
  acceptedBy?: TokenEntry | JwtConfig;
}

/** Returns the identity of valid credentials. Throws an error of `unauthenticated` or `unavailable`. */
export type Authenticate = (credentials: Credentials) => Identity | Promise<Identity>;

/** How clients authenticate by one configuration. */
export interface Authentication {
  authenticate: Authenticate;
  /** Whether an identity that was authenticated before, perhaps by another configuration, would be the same now. */
  accepts(identity: Identity): boolean;
}

/** The identity of every client of a server without authentication, which listens on loopback only. */
export const localIdentity: Identity = {
  principal: LOCAL_PRINCIPAL,
  scopes: ['read', 'write', 'approve', 'approve:any', 'admin'],
};

/** The token of `Authorization: Bearer …`, from `connectionParams` or else from the headers; null if there is none. */
export function bearerToken({ headers, connectionParams }: Credentials): string | null {
  const authorization = connectionParams.authorization ?? connectionParams.Authorization ?? headers.authorization;
  if (typeof authorization !== 'string') return null;
  return /^Bearer +([^\s]+)$/i.exec(authorization.trim())?.[1] ?? null;
}
