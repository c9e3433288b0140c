import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Clock } from '../../../clock.ts';
import { MCP_STOP_SECONDS } from '../../../config/limits.ts';
import type { HttpReach } from '../../../config/tools-config.ts';
import type { Channel } from './channel.ts';

/** A server that listens somewhere, reached over streamable HTTP. Its session is given back at the end. */
export function createHttpChannel({ url, headers }: HttpReach, clock: Clock): Channel {
  const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } });
  let closing: Promise<void> | null = null;

  async function close(): Promise<void> {
    const stopWaiting = new AbortController();
    const bounded = clock.sleep(MCP_STOP_SECONDS * 1000, stopWaiting.signal).catch(() => {});
    // A server that is gone has no session to give back, and one that hangs is not waited for.
    await Promise.race([transport.terminateSession().catch(() => {}), bounded]);
    stopWaiting.abort();
    await transport.close();
  }

  return {
    transport,
    failure: () => null,
    noticesLoss: false,
    close() {
      closing ??= close();
      return closing;
    },
  };
}
