import { runChatLoad } from '../load/chat-load.ts';
import type { ChatServer, ChatSystem } from '../systems/chat-system.ts';
import type { BenchContext } from './row.ts';

const WARM_UP_SECONDS = 3;
const WARM_UP_CLIENTS = 32;
const WARM_UP_TOKENS = 20;

export type NamedChatServer = ChatServer & { name: string };

/** Starts the servers of the systems, warms them up, and stops them when `use` has settled. */
export async function withChatServers<Result>(
  { modelUrl, log }: BenchContext,
  systems: readonly ChatSystem[],
  use: (servers: NamedChatServer[]) => Promise<Result>,
): Promise<Result> {
  const servers: NamedChatServer[] = [];
  try {
    for (const system of systems) {
      log(`starting ${system.name}`);
      const server = { name: system.name, ...(await system.start(modelUrl)) };
      servers.push(server);
      const prompt = { tokens: WARM_UP_TOKENS, paceMilliseconds: 0 };
      await runChatLoad(server, { prompt, clients: WARM_UP_CLIENTS, seconds: WARM_UP_SECONDS });
    }
    return await use(servers);
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
  }
}
