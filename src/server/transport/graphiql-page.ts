import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';

const TITLE = 'Runtape';

/** Comments in the editor are all the manual that a first run needs. */
const firstQuery = `# 1. Send this message: the button, or Ctrl-Enter.
# 2. Open a second tab and follow its run:
#
#    subscription Follow {
#      runEvents(runId: "run_…") {
#        seq type ... on OutputDeltaEvent { text }
#      }
#    }
#
# 3. Send "fetch https://example.com" and the
#    scripted model needs your approval. Find
#    its id, and answer with decideApproval:
#
#    { approvals { nodes { id tool status } } }

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
  policy: string;
}

/** The explorer with every asset in one page: nine megabytes, so it is made at the first visit and kept compressed. */
export function createGraphiqlPage(endpoint: string, subscriptionsProtocol: 'WS' | 'SSE'): GraphiqlPage {
  let made: Promise<Page> | null = null;

  async function make(): Promise<Page> {
    const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql');
    const html = renderGraphiQL({ title: TITLE, endpoint, subscriptionsProtocol, defaultQuery: firstQuery });
    return { compressed: await promisify(gzip)(html), policy: policyFor(html) };
  }

  return {
    async send(request, response) {
      made ??= make();
      const { compressed, policy } = await made;
      const takesGzip = /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
      const body = takesGzip ? compressed : await promisify(gunzip)(compressed);
      response.writeHead(200, {
        'content-type': 'text/html; charset=utf-8',
        'cache-control': 'no-cache',
        'content-length': body.length,
        'content-security-policy': policy,
        ...(takesGzip ? { 'content-encoding': 'gzip' } : {}),
      });
      response.end(body);
    },
  };
}

/** Allows the scripts of the page by their hashes and nothing else: no other inline script, no eval, no other host. */
function policyFor(html: string): string {
  const hashes = [...html.matchAll(/<script>(.*?)<\/script>/gs)].map(([, script = '']) => {
    const digest = createHash('sha256').update(script).digest('base64');
    return `'sha256-${digest}'`;
  });
  return [
    "default-src 'none'",
    `script-src ${hashes.join(' ')} blob:`,
    'worker-src blob:',
    // The editor sets styles on elements, which no hash can name.
    "style-src 'unsafe-inline'",
    "img-src 'self' data:",
    "font-src 'self' data:",
    "connect-src 'self' ws: wss:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}
