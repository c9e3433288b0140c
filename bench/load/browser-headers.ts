/** What a browser adds to a request of a page that is served under the same origin. Servers parse and keep all of it. */
export const browserHeaders = (origin: string): Record<string, string> => ({
  Connection: 'keep-alive',
  'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36',
  'sec-ch-ua': '"Chromium";v="142", "Google Chrome";v="142", "Not_A Brand";v="99"',
  'sec-ch-ua-mobile': '?0',
  'sec-ch-ua-platform': '"Linux"',
  Origin: origin,
  Referer: `${origin}/`,
  'Sec-Fetch-Site': 'same-origin',
  'Sec-Fetch-Mode': 'cors',
  'Sec-Fetch-Dest': 'empty',
  'Accept-Encoding': 'gzip, deflate, br, zstd',
  'Accept-Language': 'en-US,en;q=0.9',
});

/** What a browser sends to open a WebSocket, apart from the protocol. */
export const browserSocketHeaders = (origin: string): Record<string, string> => ({
  Pragma: 'no-cache',
  'Cache-Control': 'no-cache',
  'User-Agent': browserHeaders(origin)['User-Agent'] ?? '',
  Origin: origin,
  'Accept-Encoding': 'gzip, deflate, br, zstd',
  'Accept-Language': 'en-US,en;q=0.9',
  'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits',
});

export const headerLines = (headers: Record<string, string>): string[] =>
  Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
