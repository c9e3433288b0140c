import type { McpServerConfig } from '../config/tools-config.ts';
import type { McpServers, McpSurroundings } from '../tools/mcp/mcp-servers.ts';

const none: McpServers = { sources: [], statuses: () => [], start: () => {}, close: async () => {} };

/** The MCP servers of the configuration. The client for them takes half a second to load, which only those pay who have one. */
export async function loadMcpServers(
  configs: Readonly<Record<string, McpServerConfig>>,
  surroundings: McpSurroundings,
): Promise<McpServers> {
  if (Object.keys(configs).length === 0) return none;
  const { createMcpServers } = await import('../tools/mcp/mcp-servers.ts');
  return createMcpServers(configs, surroundings);
}
