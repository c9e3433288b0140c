import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Clock } from '../../clock.ts';
import { MCP_STOP_SECONDS } from '../../config/limits.ts';
import type { HttpTransportConfig } from '../../config/tools-config.ts';
import type { Channel } from './channel.ts';

/** A channel to a server over streamable HTTP. Closing it terminates the session on the server. */
export function createHttpChannel({ url, headers }: HttpTransportConfig, clock: Clock): Channel {
  const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } });
  let closing: Promise<void> | null = null;

  async function close(): Promise<void> {
    const stopWaiting = new AbortController();
    const timeout = clock.sleep(MCP_STOP_SECONDS * 1000, stopWaiting.signal).catch(() => {});
    // A server that is gone has no session, and one that hangs must not delay the shutdown.
    await Promise.race([transport.terminateSession().catch(() => {}), timeout]);
    stopWaiting.abort();
    await transport.close();
  }

  return {
    transport,
    failure: () => null,
    detectsLoss: false,
    close() {
      closing ??= close();
      return closing;
    },
  };
}
