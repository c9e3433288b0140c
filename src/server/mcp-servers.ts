import type { McpServerConfig } from '../config/tools-config.ts';
import type { McpDependencies, McpServers } from '../tools/mcp/mcp-servers.ts';

const none: McpServers = { sources: [], statuses: () => [], start: () => {}, close: async () => {} };

/** The MCP servers of the configuration. Loads the MCP client, which takes half a second, only when there is one. */
export async function loadMcpServers(
  configs: Readonly<Record<string, McpServerConfig>>,
  surroundings: McpDependencies,
): Promise<McpServers> {
  if (Object.keys(configs).length === 0) return none;
  const { createMcpServers } = await import('../tools/mcp/mcp-servers.ts');
  return createMcpServers(configs, surroundings);
}
