import type { IncomingHttpHeaders } from 'node:http';
import type { Viewer } from '../application/command-context.ts';

/** What a client shows of itself: the headers of its request, or what it sent when its WebSocket was opened. */
export interface Credentials {
  headers: IncomingHttpHeaders;
  connectionParams: Readonly<Record<string, unknown>>;
}

export type Authenticate = (credentials: Credentials) => Viewer;

/** Without accounts whoever reaches the server is its operator; it listens on loopback only. */
export const localViewer: Viewer = { principal: 'local', scopes: ['read', 'write', 'approve', 'admin'] };
