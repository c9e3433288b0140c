import type { Clock } from '../../clock.ts';
import type { McpServerConfig } from '../../config/tools-config.ts';
import type { Log, OpenChannel } from './channel/channel.ts';
import { createHttpChannel } from './channel/http-channel.ts';
import { createProcessGroups, type ProcessGroups } from './channel/process-group.ts';
import { createStderrLines } from './channel/stderr-lines.ts';
import { createStdioChannel } from './channel/stdio-channel.ts';
import { createMcpServer, type McpServer, type McpServerStatus } from './mcp-server.ts';

/** Every MCP server of the configuration, in its order. */
export interface McpServers {
  /** Where their tools come from. */
  sources: readonly McpServer[];
  statuses(): McpServerStatus[];
  /** Begins to start them. Returns at once: tools appear when they are there. */
  start(): void;
  /** Ends them all, to the last process and session. Bounded in time. */
  close(): Promise<void>;
}

export interface McpDependencies {
  clock: Clock;
  random(): number;
  log: Log;
  version: string;
}

export function createMcpServers(
  configs: Readonly<Record<string, McpServerConfig>>,
  surroundings: McpDependencies,
): McpServers {
  const groups = createProcessGroups();
  const sources = Object.entries(configs).map(([name, config]) =>
    createMcpServer({ ...surroundings, name, config, open: opener(name, config, surroundings, groups) }),
  );
  return {
    sources,
    statuses: () => sources.map((source) => source.status()),
    start() {
      for (const source of sources) source.start();
    },
    async close() {
      await Promise.all(sources.map((source) => source.close()));
      groups.close();
    },
  };
}

function opener(
  name: string,
  { reach }: McpServerConfig,
  { clock, log }: McpDependencies,
  groups: ProcessGroups,
): OpenChannel {
  if (reach.kind === 'http') return () => createHttpChannel(reach, clock);
  const say = (line: string) => log.info({ mcpServer: name, line }, 'an MCP server said on stderr');
  return () => createStdioChannel(reach, { clock, groups, onStderr: createStderrLines(clock, say) });
}
