/**
 * The WebSocket addresses of a host for `connect-src`, since not every browser counts them as 'self'. None for a host that could
 * add another directive.
 */
export function webSocketOrigins(host: string): string[] {
  return /^[\w.:[\]-]+$/.test(host) ? [`ws://${host}`, `wss://${host}`] : [];
}
