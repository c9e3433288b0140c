import { AsyncLocalStorage } from 'node:async_hooks';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { Agent } from 'undici';
import type { Clock } from '../../clock.ts';
import { MCP_STOP_SECONDS } from '../../config/limits.ts';
import type { HttpTransportConfig } from '../../config/tools-config.ts';
import { createBoundedFetch } from './bounded-fetch.ts';
import type { Channel } from './channel.ts';
import { boundInterimResponses } from './interim-responses.ts';

/** A channel to a server over streamable HTTP. Closing it terminates the session on the server. */
export function createHttpChannel({ url, headers }: HttpTransportConfig, clock: Clock): Channel {
  let failure: string | null = null;
  let closing: Promise<void> | null = null;
  // Calls have their own timeouts, and their answers may wait for persons.
  const agent = new Agent({ headersTimeout: 0, bodyTimeout: 0 });
  const boundedFetch = createBoundedFetch(agent.compose(boundInterimResponses), clock, (reason) => {
    failure ??= reason;
    // Its calls fail at once, and the server is connected again.
    transport.close().catch(() => {});
  });
  // The SDK takes no headers for one request.
  const traceParents = new AsyncLocalStorage<string>();
  const tracedFetch: typeof boundedFetch = (target, init) => {
    const traceParent = traceParents.getStore();
    if (traceParent === undefined) return boundedFetch(target, init);
    const headersOfCall = new Headers(init?.headers);
    headersOfCall.set('traceparent', traceParent);
    return boundedFetch(target, { ...init, headers: headersOfCall });
  };
  const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers }, fetch: tracedFetch });

  async function close(): Promise<void> {
    const stopWaiting = new AbortController();
    const timeout = clock.sleep(MCP_STOP_SECONDS * 1000, stopWaiting.signal).catch(() => {});
    // A server that is gone has no session, and one that hangs must not delay the shutdown.
    await Promise.race([transport.terminateSession().catch(() => {}), timeout]);
    stopWaiting.abort();
    await transport.close();
    await agent.destroy();
  }

  return {
    transport,
    failure: () => failure,
    detectsLoss: false,
    traced: (traceParent, send) => traceParents.run(traceParent, send),
    close() {
      closing ??= close();
      return closing;
    },
  };
}
