import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../clock.ts';
import type { McpServerConfig } from '../../config/tools-config.ts';
import { createSchemaChecker } from '../json-schema/schema-checker.ts';
import type { Log, OpenChannel } from './channel.ts';
import { createHttpChannel } from './http-channel.ts';
import { createMcpServer, type McpServer, type McpServerStatus } from './mcp-server.ts';
import { canShareNames } from './mcp-tool.ts';
import { createProcessGroups, type ProcessGroups } from './process-groups.ts';
import { createStderrLines, createStdioChannel } from './stdio-channel.ts';

/** All MCP servers of the configuration, in its order. There are none before the first call of `replace`. */
export interface McpServers {
  sources(): readonly McpServer[];
  statuses(): McpServerStatus[];
  /** Starts them in the background, and later ones as they come. Returns at once; their tools appear when they are ready. */
  start(): void;
  /**
   * Keeps the servers whose configuration is the same, with their connections. The tools of the others disappear at once; they are
   * stopped when their calls in progress have ended.
   */
  replace(configs: Readonly<Record<string, McpServerConfig>>): void;
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

interface ConfiguredServer {
  config: McpServerConfig;
  server: McpServer;
}

export function createMcpServers(dependencies: McpDependencies): McpServers {
  const groups = createProcessGroups();
  const schemaChecker = createSchemaChecker(dependencies.clock);
  let current: readonly ConfiguredServer[] = [];
  const retiring = new Map<McpServer, Promise<void>>();
  let isStarted = false;

  function create(name: string, config: McpServerConfig): ConfiguredServer {
    const rivals = () => current.flatMap(({ server }) => (isRival(name, server.name) ? [server] : []));
    const open = () => channelOpener(name, config, dependencies, groups)();
    return { config, server: createMcpServer({ ...dependencies, name, config, open, rivals, schemaChecker }) };
  }

  function retire(server: McpServer): void {
    retiring.set(
      server,
      server.retire().finally(() => retiring.delete(server)),
    );
  }

  return {
    sources: () => current.map(({ server }) => server),
    statuses: () => current.map(({ server }) => server.status()),
    start() {
      isStarted = true;
      for (const { server } of current) server.start();
    },
    replace(configs) {
      const previous = current;
      current = Object.entries(configs).map(([name, config]) => {
        const same = previous.find(({ server, config: old }) => server.name === name && isDeepStrictEqual(old, config));
        return same ?? create(name, config);
      });
      for (const { server } of previous.filter((entry) => !current.includes(entry))) retire(server);
      if (!isStarted) return;
      for (const { server } of current.filter((entry) => !previous.includes(entry))) server.start();
    },
    async close() {
      const servers = [...current.map(({ server }) => server), ...retiring.keys()];
      await Promise.all([...servers.map((server) => server.close()), ...retiring.values()]);
      groups.close();
      await schemaChecker.close();
    },
  };
}

const isRival = (name: string, other: string) => other !== name && canShareNames(name, other);

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
