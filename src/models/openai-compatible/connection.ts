import { secretHeaders, secretsOf } from '../call/secrets.ts';

export interface Endpoint {
  /** Without user and password: those travel in a header. */
  url: URL;
  headers: Record<string, string>;
  /** What no message may hold. */
  secrets: string[];
}

export function endpointOf(
  options: { baseURL: string; apiKey: string | null; headers?: Record<string, string> },
  path: 'chat/completions' | 'embeddings' = 'chat/completions',
): Endpoint {
  const url = new URL(options.baseURL);
  const user = decodeURIComponent(url.username);
  const password = decodeURIComponent(url.password);
  url.username = '';
  url.password = '';
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/${path}`;
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    accept: 'text/event-stream, application/json',
    'user-agent': 'runtape',
  };
  if (options.apiKey !== null) headers.authorization = `Bearer ${options.apiKey}`;
  else if (user !== '') headers.authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  const own = options.headers ?? {};
  for (const [name, value] of Object.entries(own)) headers[name.toLowerCase()] = value;
  return { url, headers, secrets: secretsOf([options.apiKey, password], secretHeaders(own), [url.host]) };
}
