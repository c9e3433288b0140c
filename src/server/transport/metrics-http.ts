import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ObservationConfig } from '../../config/observation-config.ts';
import { notSupported, unauthenticated, withHttp } from '../../graphql/public-errors.ts';
import type { Metrics } from '../../observation/metrics.ts';
import type { Access } from '../access/access.ts';
import { bearerToken, credentialsOf } from '../access/authentication/identity.ts';
import { hashOfToken } from '../access/authentication/tokens.ts';
import { sendError } from './graphql-response.ts';
import type { MaskError } from './masked-errors.ts';

const notAllowed =
  'The metrics need the token of `metrics.tokenSha256`, or a token with the scope "admin". Use one of them.';

export type MetricsHttp = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

interface Options {
  metrics: Pick<Metrics, 'text' | 'contentType'>;
  access: Access;
  config: ObservationConfig['metrics'];
  /** Whether clients need a token. Without authentication the server listens on loopback only. */
  isOpen: boolean;
  maskError: MaskError;
}

/**
 * Serves the metrics to a client with the token of the metrics, or with a token of the API that has the scope `admin`. Without
 * authentication and without a token of the metrics, every local client may read them.
 */
export function createMetricsHttp({ metrics, access, config, isOpen, maskError }: Options): MetricsHttp {
  async function authorise(request: IncomingMessage): Promise<void> {
    const credentials = credentialsOf(request);
    const token = bearerToken(credentials);
    if (config.tokenSha256 !== undefined) {
      if (token !== null && hashOfToken(token) === config.tokenSha256) return;
      if (isOpen) throw unauthenticated(token === null ? 'missing' : 'unknown');
    }
    const { scopes } = await access.authentication.authenticate(credentials);
    if (!scopes.includes('admin')) throw withHttp('FORBIDDEN', notAllowed, { status: 403 });
  }

  return async (request, response) => {
    const refusal = access.origins.refusal(request.headers);
    if (refusal !== null) {
      response.writeHead(403, { 'content-type': 'text/plain; charset=utf-8' }).end(`${refusal}\n`);
      return;
    }
    response.setHeader('cache-control', 'no-store');
    try {
      if (request.method !== 'GET' && request.method !== 'HEAD') {
        throw notSupported('The metrics are read by GET.', 405, { allow: 'GET, HEAD' });
      }
      await authorise(request);
      const text = await metrics.text();
      response.writeHead(200, { 'content-type': metrics.contentType, 'content-length': Buffer.byteLength(text) });
      response.end(request.method === 'HEAD' ? undefined : text);
    } catch (error) {
      sendError(request, response, maskError(error));
    }
  };
}
