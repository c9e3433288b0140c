import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';

/** Says which pages of which sites may speak with the server. Programs that are no browsers send nothing of this. */
export interface Origins {
  /** Why the request comes from where it may not, or null. */
  refusal(headers: IncomingHttpHeaders): string | null;
  /** What lets the browser show the answer to pages of the listed sites; null for all others. */
  headers(request: IncomingMessage): Readonly<Record<string, string>> | null;
}

const loopbackHost = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i;

/**
 * @param listed origins of other sites that may come
 * @param isLocal without accounts only names of this machine are answered, so that no name on the internet that leads here
 * (DNS rebinding) makes a page the same site as the server
 */
export function createOrigins(listed: readonly string[], isLocal: boolean): Origins {
  const known = new Set(listed);
  const hosts = new Set(listed.map((origin) => new URL(origin).host));
  const isListed = (origin: string | undefined): origin is string => origin !== undefined && known.has(origin);
  return {
    refusal({ origin, host = '', 'sec-fetch-site': site }) {
      if (isLocal && !loopbackHost.test(host) && !hosts.has(host)) {
        return `Without accounts only names of this machine are answered, and "${host}" is none.`;
      }
      if (origin === undefined) {
        const isForeign = site === 'cross-site' || site === 'same-site';
        return isForeign ? 'Pages of other sites may not ask here.' : null;
      }
      if (isListed(origin) || hostOf(origin) === host) return null;
      return `Pages of ${origin} may not ask here. Add it to "cors": {"origins": […]} in the configuration to let them.`;
    },
    headers({ headers: { origin }, method }) {
      if (!isListed(origin)) return null;
      const answering = {
        'access-control-allow-origin': origin,
        'access-control-expose-headers': 'retry-after',
        'cross-origin-resource-policy': 'cross-origin',
      };
      if (method !== 'OPTIONS') return answering;
      return {
        ...answering,
        'access-control-allow-methods': 'GET, POST',
        'access-control-allow-headers': 'authorization, content-type, accept, last-event-id',
        'access-control-max-age': '600',
      };
    },
  };
}

function hostOf(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host : null;
}
