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

/** The explorer with every asset in one page: nine megabytes, so it is made at the first visit and kept compressed. */
export function createGraphiqlPage(endpoint: string): GraphiqlPage {
  let compressed: Promise<Buffer> | null = null;

  async function make(): Promise<Buffer> {
    const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql');
    const html = renderGraphiQL({ title: TITLE, endpoint, subscriptionsProtocol: 'WS', defaultQuery: firstQuery });
    return promisify(gzip)(html);
  }

  return {
    async send(request, response) {
      compressed ??= make();
      const page = await compressed;
      const takesGzip = /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
      const body = takesGzip ? page : await promisify(gunzip)(page);
      response.writeHead(200, {
        'content-type': 'text/html; charset=utf-8',
        'cache-control': 'no-cache',
        'content-length': body.length,
        'content-security-policy': [
          "default-src 'none'",
          "script-src 'unsafe-inline' 'unsafe-eval' blob:",
          'worker-src blob:',
          "style-src 'unsafe-inline'",
          "img-src 'self' data:",
          "font-src 'self' data:",
          "connect-src 'self' ws: wss:",
        ].join('; '),
        ...(takesGzip ? { 'content-encoding': 'gzip' } : {}),
      });
      response.end(body);
    },
  };
}
