import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';

import { addToGraphiql, FAVICON, MARK } from './graphiql-additions.ts';
import { webSocketOrigins } from './web-socket-origins.ts';

const TITLE = 'Runtape';

/** The comments are the instructions for a first run. */
const firstQuery = `# 1. Send this message with the button or Ctrl-Enter.
# 2. Open a second tab and follow the run:
#
#    subscription Follow {
#      runEvents(runId: "run_…") {
#        seq type
#        ... on OutputDeltaEvent { text }
#        ... on ApprovalRequestEvent { approval { id } }
#      }
#    }
#
# 3. Send "fetch https://example.com". This needs
#    your approval. Its id is among the events, and
#    \`{ approvals { nodes { id summary } } }\` lists it.
#    Answer with \`decideApproval\`.

mutation Send {
  sendMessage(input: {
    sessionKey: "first"
    text: "Hello, what can you do?"
  }) {
    __typename
    ... on SendMessageSuccess {
      run { id state }
      cursor
    }
    ... on Error { message }
  }
}
`;

export interface GraphiqlPage {
  send(request: IncomingMessage, response: ServerResponse): Promise<void>;
}

interface Page {
  compressed: Buffer;
  /** @param host the host of the request: only its WebSockets may be opened, since not every browser counts them as 'self' */
  contentSecurityPolicy(host: string): string;
}

/** GraphiQL with all assets in one page. It has nine megabytes, so it is rendered on the first request and kept compressed. */
export function createGraphiqlPage(endpoint: string, subscriptionsProtocol: 'WS' | 'SSE'): GraphiqlPage {
  let rendered: Promise<Page> | null = null;

  async function render(): Promise<Page> {
    const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql');
    const options = {
      title: TITLE,
      logo: MARK,
      favicon: FAVICON,
      endpoint,
      subscriptionsProtocol,
      defaultQuery: firstQuery,
    };
    const html = addToGraphiql(renderGraphiQL(options));
    return { compressed: await promisify(gzip)(html), contentSecurityPolicy: contentSecurityPolicyOf(html) };
  }

  return {
    async send(request, response) {
      rendered ??= render();
      const { compressed, contentSecurityPolicy } = await rendered;
      const acceptsGzip = /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
      const body = acceptsGzip ? compressed : await promisify(gunzip)(compressed);
      response.writeHead(200, {
        'content-type': 'text/html; charset=utf-8',
        'cache-control': 'no-cache',
        'content-length': body.length,
        'content-security-policy': contentSecurityPolicy(request.headers.host ?? ''),
        ...(acceptsGzip ? { 'content-encoding': 'gzip' } : {}),
      });
      response.end(body);
    },
  };
}

/** Allows the scripts of the page by their hashes: no other inline script, no eval, no other host. */
function contentSecurityPolicyOf(html: string): (host: string) => string {
  const hashes = [...html.matchAll(/<script>(.*?)<\/script>/gs)].map(([, script = '']) => {
    const digest = createHash('sha256').update(script).digest('base64');
    return `'sha256-${digest}'`;
  });
  return (host) =>
    [
      "default-src 'none'",
      `script-src ${hashes.join(' ')} blob:`,
      'worker-src blob:',
      // The editor sets style attributes, which hashes cannot allow.
      "style-src 'unsafe-inline'",
      "img-src 'self' data:",
      "font-src 'self' data:",
      `connect-src ${["'self'", ...webSocketOrigins(host)].join(' ')}`,
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ].join('; ');
}
