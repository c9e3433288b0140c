/** Shorter header values are words like `true`, which need no hiding. */
const SECRET_CHARACTERS = 8;

export interface Endpoint {
  /** Without user and password: those travel in a header. */
  url: URL;
  headers: Record<string, string>;
  /** What no message may hold. */
  secrets: string[];
}

export function endpointOf(options: {
  baseURL: string;
  apiKey: string | null;
  headers?: Record<string, string>;
}): Endpoint {
  const url = new URL(options.baseURL);
  const user = decodeURIComponent(url.username);
  const password = decodeURIComponent(url.password);
  url.username = '';
  url.password = '';
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/chat/completions`;
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    accept: 'text/event-stream, application/json',
    'user-agent': 'runtape',
  };
  if (options.apiKey !== null) headers.authorization = `Bearer ${options.apiKey}`;
  else if (user !== '') headers.authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  const own = Object.entries(options.headers ?? {});
  for (const [name, value] of own) headers[name.toLowerCase()] = value;
  const hidden = own.map(([, value]) => value).filter((value) => value.length >= SECRET_CHARACTERS);
  const secrets = [options.apiKey ?? '', password, ...hidden, url.host].filter((secret) => secret !== '');
  return { url, headers, secrets };
}
