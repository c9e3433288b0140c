import type { Tool as McpToolDescription } from '@modelcontextprotocol/sdk/types.js';
import { MCP_TOOLS } from '../../config/limits.ts';
import type { McpServerConfig } from '../../config/tools-config.ts';
import type { Tool } from '../tool.ts';
import { describeFailure, type Log } from './channel/channel.ts';
import { type Execute, mcpTool } from './mcp-tool.ts';

interface Offering {
  name: string;
  config: Pick<McpServerConfig, 'timeoutSeconds' | 'tools'>;
  log: Log;
}

/**
 * The tools that the gateway offers of those that a server lists; why one is left out is in the log.
 * Compiling a schema takes milliseconds: others get their turn after each.
 */
export async function offeredTools(
  { name: server, config, log }: Offering,
  listed: readonly McpToolDescription[],
  execute: Execute,
): Promise<Tool[]> {
  const leftOut = (tool: string, reason: string) =>
    log.warn({ mcpServer: server, tool, reason }, 'a tool of an MCP server is left out');
  const enabled = listed.filter(({ name }) => !Object.hasOwn(config.tools, name) || config.tools[name]?.enabled);
  const tools = new Map<string, Tool>();
  for (const description of enabled.slice(0, MCP_TOOLS)) {
    try {
      const tool = mcpTool(server, config, description, execute);
      if (tools.has(tool.name)) leftOut(description.name, 'Its name stands twice in the list.');
      else tools.set(tool.name, tool);
    } catch (error) {
      leftOut(description.name, describeFailure(error));
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (enabled.length > MCP_TOOLS) leftOut('', `It offers more than ${MCP_TOOLS} tools; those behind are left out.`);
  for (const named of Object.keys(config.tools)) {
    if (listed.every(({ name }) => name !== named)) leftOut(named, 'The configuration names it, the server has none.');
  }
  return [...tools.values()];
}
