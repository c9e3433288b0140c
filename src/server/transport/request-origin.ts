import type { IncomingMessage } from 'node:http';
import type { RequestOrigin } from '../../application/command-context.ts';
import { parseTraceParent } from '../../domain/trace-context.ts';

/** Where a request or a connection comes from. */
export function originOf({ socket, headers }: IncomingMessage): RequestOrigin {
  return { address: socket.remoteAddress ?? null, traceParent: validTraceParent(headers.traceparent) };
}

/** The header as it is; null if it is malformed. */
export function validTraceParent(text: unknown): string | null {
  return typeof text === 'string' && parseTraceParent(text) ? text : null;
}
