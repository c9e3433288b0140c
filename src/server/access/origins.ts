import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';

/**
 * Decides which web pages may call the server, by the headers that browsers add to their requests. Other programs do not send
 * `Origin` and `Sec-Fetch-Site`, and are not restricted by them.
 */
export interface Origins {
  /** Why a request with these headers is not allowed; null if it is. */
  refusal(headers: IncomingHttpHeaders): string | null;
  /** The CORS headers of the response to a page of a listed origin; null for all other requests. */
  corsHeaders(request: IncomingMessage): Readonly<Record<string, string>> | null;
}

const loopbackHost = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i;

/**
 * @param allowedOrigins the other origins whose pages may call the server
 * @param loopbackOnly accept only loopback host names: without authentication, a page could otherwise reach the server as its
 *   own origin by a DNS name that resolves to this machine (DNS rebinding)
 */
export function createOrigins(allowedOrigins: readonly string[], loopbackOnly: boolean): Origins {
  const origins = new Set(allowedOrigins);
  const hosts = new Set(allowedOrigins.map((origin) => new URL(origin).host));
  const isAllowed = (origin: string | undefined): origin is string => origin !== undefined && origins.has(origin);
  return {
    refusal({ origin, host = '', 'sec-fetch-site': site }) {
      if (loopbackOnly && !loopbackHost.test(host) && !hosts.has(host)) return hostRefusal(host);
      if (origin === undefined) {
        const isCrossSite = site === 'cross-site' || site === 'same-site';
        return isCrossSite
          ? 'Cross-origin requests without an Origin header are not allowed. Call the API with fetch, from an origin in "cors": {"origins": […]}.'
          : null;
      }
      if (isAllowed(origin) || hostOf(origin) === host) return null;
      return `Origin "${origin}" is not allowed. To allow it, add it to "cors": {"origins": […]} in the configuration.`;
    },
    corsHeaders({ headers: { origin }, method }) {
      if (!isAllowed(origin)) return null;
      const headers = {
        'access-control-allow-origin': origin,
        'access-control-expose-headers': 'retry-after, content-disposition, content-digest',
        'cross-origin-resource-policy': 'cross-origin',
      };
      if (method !== 'OPTIONS') return headers;
      return {
        ...headers,
        'access-control-allow-methods': 'GET, POST',
        'access-control-allow-headers':
          'authorization, content-type, content-digest, accept, last-event-id, traceparent',
        'access-control-max-age': '600',
      };
    },
  };
}

function hostRefusal(host: string): string {
  const port = /:\d+$/.exec(host)?.[0] ?? '';
  return (
    `Host header "${host}" is not allowed: without authentication only loopback host names are accepted. ` +
    `Configure auth, or open http://127.0.0.1${port}.`
  );
}

function hostOf(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host : null;
}
