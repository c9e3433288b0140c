import type { McpServerConfig } from '../config/tools-config.ts';
import type { McpDependencies, McpServers } from '../tools/mcp/mcp-servers.ts';

type Configs = Readonly<Record<string, McpServerConfig>>;

/** The MCP servers of the configuration, with a client that is loaded when it is needed. */
export interface ConfiguredMcpServers extends McpServers {
  /** Must be called before `replace` with the same servers. Loads the MCP client, which takes half a second, for the first one. */
  prepare(configs: Configs): Promise<void>;
}

export async function openMcpServers(configs: Configs, dependencies: McpDependencies): Promise<ConfiguredMcpServers> {
  let loaded: McpServers | null = null;
  let isStarted = false;

  async function prepare(next: Configs): Promise<void> {
    if (loaded !== null || Object.keys(next).length === 0) return;
    const { createMcpServers } = await import('../tools/mcp/mcp-servers.ts');
    loaded = createMcpServers(dependencies);
    if (isStarted) loaded.start();
  }

  const servers: ConfiguredMcpServers = {
    prepare,
    sources: () => loaded?.sources() ?? [],
    statuses: () => loaded?.statuses() ?? [],
    start() {
      isStarted = true;
      loaded?.start();
    },
    replace: (next) => loaded?.replace(next),
    close: async () => loaded?.close(),
  };
  await prepare(configs);
  servers.replace(configs);
  return servers;
}
