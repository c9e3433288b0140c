import type { Clock } from '../../clock.ts';
import type { McpServerConfig } from '../../config/tools-config.ts';
import { createSchemaChecker } from '../json-schema/schema-checker.ts';
import type { Log, OpenChannel } from './channel.ts';
import { createHttpChannel } from './http-channel.ts';
import { createMcpServer, type McpServer, type McpServerStatus } from './mcp-server.ts';
import { canShareNames } from './mcp-tool.ts';
import { createProcessGroups, type ProcessGroups } from './process-groups.ts';
import { createStderrLines, createStdioChannel } from './stdio-channel.ts';

/** All MCP servers of the configuration, in its order. */
export interface McpServers {
  sources: readonly McpServer[];
  statuses(): McpServerStatus[];
  /** Starts them in the background. Returns at once; their tools appear when they are ready. */
  start(): void;
  /** Stops them, including all their processes and sessions. Bounded in time. */
  close(): Promise<void>;
}

export interface McpDependencies {
  clock: Clock;
  /** 0 ≤ value < 1. */
  random(): number;
  log: Log;
  /** Version of the gateway. */
  version: string;
}

export function createMcpServers(
  configs: Readonly<Record<string, McpServerConfig>>,
  dependencies: McpDependencies,
): McpServers {
  const groups = createProcessGroups();
  const schemaChecker = createSchemaChecker(dependencies.clock);
  const sources: McpServer[] = Object.entries(configs).map(([name, config]) => {
    const rivalNames = Object.keys(configs).filter((other) => other !== name && canShareNames(name, other));
    const rivals = () => (rivalNames.length === 0 ? [] : sources.filter((source) => rivalNames.includes(source.name)));
    const open = () => channelOpener(name, config, dependencies, groups)();
    return createMcpServer({ ...dependencies, name, config, open, rivals, schemaChecker });
  });
  return {
    sources,
    statuses: () => sources.map((source) => source.status()),
    start() {
      for (const source of sources) source.start();
    },
    async close() {
      await Promise.all(sources.map((source) => source.close()));
      groups.close();
      await schemaChecker.close();
    },
  };
}

function channelOpener(
  name: string,
  { transport }: McpServerConfig,
  { clock, log }: McpDependencies,
  groups: ProcessGroups,
): OpenChannel {
  // A server without a transport has a problem and is never started.
  if (transport === null) throw new Error(`The MCP server "${name}" has no transport.`);
  if (transport.kind === 'http') return () => createHttpChannel(transport, clock);
  const logLine = (line: string) => log.info({ mcpServer: name, line }, 'an MCP server wrote to stderr');
  return () => createStdioChannel(transport, { clock, groups, onStderr: createStderrLines(clock, logLine) });
}
