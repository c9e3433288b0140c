import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import type { Clock } from '../../clock.ts';
import { MCP_OWNER_IDLE_SECONDS, MCP_OWNERS } from '../../config/limits.ts';
import type { CompileSchema } from '../json-schema/schema-checker.ts';
import type { ToolContext } from '../tool.ts';
import { type Channel, describeFailure, type Log, type OpenChannel } from './channel.ts';
import { connect, type McpConnection } from './connection.ts';
import { type AskingCalls, createAskingCalls, untimed } from './elicitation.ts';

/**
 * Connections to one server that may ask persons: one for each owner of sessions, so that a question never reaches another owner,
 * whichever call it belongs to. A connection is opened by the first call of its owner, and closed when it was not used for a while.
 */
export interface OwnerConnections {
  /** Like `McpConnection.call`. Rejects with the reason if there is no connection. */
  call(tool: string, input: Record<string, unknown>, context: ToolContext): Promise<CallToolResult>;
  /** Calls in progress fail. Bounded in time, never rejects. */
  close(): Promise<void>;
}

interface OwnerConnectionsOptions {
  name: string;
  open: OpenChannel;
  compileSchema: CompileSchema;
  clock: Clock;
  log: Log;
  version: string;
}

interface OwnerConnection {
  channel: Channel;
  opened: Promise<McpConnection>;
  calls: AskingCalls;
  /** Calls in progress. */
  users: number;
  stopIdleTimer(): void;
}

export function createOwnerConnections(options: OwnerConnectionsOptions): OwnerConnections {
  const { name, clock, log, version } = options;
  const connections = new Map<string, OwnerConnection>();
  const closing = new Set<Promise<void>>();

  function drop(owner: string, connection: OwnerConnection): void {
    if (connections.get(owner) === connection) connections.delete(owner);
    connection.stopIdleTimer();
    const closed = connection.channel.close().finally(() => closing.delete(closed));
    closing.add(closed);
  }

  function openFor(owner: string): OwnerConnection {
    if (connections.size >= MCP_OWNERS) {
      const [idle] = [...connections].filter(([, { users }]) => users === 0);
      if (!idle) throw new Error(`Calls of ${MCP_OWNERS} principals use the MCP server "${name}" already.`);
      drop(...idle);
    }
    const channel = options.open();
    const calls = createAskingCalls(options.compileSchema);
    const onToolsChanged = () => {};
    const opened = connect(channel, { clock, log, version, onToolsChanged, questions: calls });
    const connection: OwnerConnection = { channel, opened, calls, users: 0, stopIdleTimer: () => {} };
    connections.set(owner, connection);
    const end = (reason: string) => {
      log.debug({ mcpServer: name, reason }, 'a connection to an MCP server ended');
      drop(owner, connection);
    };
    opened.then(({ lost }) => lost).then(end, (error: unknown) => end(describeFailure(error)));
    return connection;
  }

  return {
    async call(tool, input, context) {
      const { owner } = context.session;
      const connection = connections.get(owner) ?? openFor(owner);
      connection.users += 1;
      connection.stopIdleTimer();
      try {
        const opened = await untimed(context, () => connection.opened).catch((error: unknown) => {
          throw new Error(`The MCP server "${name}" is not running: ${describeFailure(error)}`);
        });
        const { signal, idempotencyKey, progress, traceParent } = context;
        return await connection.calls.make(context, () =>
          opened.call(tool, input, { signal, idempotencyKey, timeoutSeconds: null, progress, traceParent }),
        );
      } finally {
        connection.users -= 1;
        if (connection.users === 0) {
          connection.stopIdleTimer = clock.after(MCP_OWNER_IDLE_SECONDS * 1000, () => drop(owner, connection));
        }
      }
    },
    async close() {
      for (const [owner, connection] of connections) drop(owner, connection);
      await Promise.all(closing);
    },
  };
}
