import type { Clock } from '../../clock.ts';
import * as limits from '../../config/limits.ts';
import type { McpServerConfig } from '../../config/tools-config.ts';
import type { Tool } from '../tool.ts';
import { type Channel, describeFailure, type Log, type OpenChannel } from './channel/channel.ts';
import { connect, type McpConnection } from './connection.ts';
import type { Execute } from './mcp-tool.ts';
import { offeredTools } from './offered-tools.ts';

export type McpServerState = 'STARTING' | 'READY' | 'RESTARTING' | 'DISABLED';

export interface McpServerOptions {
  name: string;
  config: Pick<McpServerConfig, 'disabled' | 'timeoutSeconds' | 'tools'>;
  open: OpenChannel;
  clock: Clock;
  /** 0 ≤ value < 1. */
  random(): number;
  log: Log;
  /** Of the gateway. */
  version: string;
}

/** What is known of a server at the moment; `keepRunning` alone changes it. */
export interface ServerLifecycle {
  state: McpServerState;
  /** Why it was not there the last time that it was not. */
  lastError: string | null;
  tools: readonly Tool[];
  /** Every name that it ever had, so that a tool that is gone is not taken for one that never was. */
  known: Set<string>;
  connection: McpConnection | null;
  channel: Channel | null;
}

/**
 * Starts a server, and starts it again whenever it is lost, until the signal aborts and its channel is closed.
 * `onOutcome` is called each time that it is there, and each time that it is not.
 *
 *     STARTING ──▶ READY ◀──────────────┐
 *        │           │ lost             │ greeted, tools listed
 *        └───────────┴──▶ RESTARTING ───┘
 *          failed         waits, longer after each failure in a row
 */
export async function keepRunning(
  life: ServerLifecycle,
  options: McpServerOptions,
  execute: Execute,
  { closing, onOutcome }: { closing: AbortSignal; onOutcome(): void },
): Promise<void> {
  const { name, clock, log, random } = options;
  let failures = 0;
  while (!closing.aborted) {
    const begunAt = clock.elapsed();
    const reason = await serveOnce(life, options, execute, onOutcome).catch(describeFailure);
    life.state = 'RESTARTING';
    life.lastError = reason;
    onOutcome();
    if (closing.aborted) return;
    const wasStable = clock.elapsed() - begunAt >= limits.MCP_STABLE_SECONDS * 1000;
    failures = wasStable ? 1 : failures + 1;
    const waitMilliseconds = restartWait(failures, random());
    log.warn({ mcpServer: name, reason, waitMilliseconds }, 'an MCP server is not running');
    await clock.sleep(waitMilliseconds, closing).catch(() => {});
  }
}

/** From a start to its end; resolves with the reason of the latter. */
async function serveOnce(
  life: ServerLifecycle,
  options: McpServerOptions,
  execute: Execute,
  onReady: () => void,
): Promise<string> {
  const { name, clock, log } = options;
  const channel = options.open();
  life.channel = channel;
  const refresh = async (connection: McpConnection) => {
    life.tools = await offeredTools(options, await connection.listTools(), execute);
    for (const tool of life.tools) life.known.add(tool.name);
  };
  const refresher = createRefresher(clock, async () => {
    if (life.connection) await refresh(life.connection).catch((error: unknown) => notRefreshed(error));
  });
  const notRefreshed = (error: unknown) =>
    log.warn({ mcpServer: name, reason: describeFailure(error) }, 'the tools of an MCP server can not be listed');
  try {
    const connection = await connect(channel, { clock, log, version: options.version, onToolsChanged: refresher.ask });
    await refresh(connection);
    life.connection = connection;
    life.state = 'READY';
    onReady();
    log.info({ mcpServer: name, tools: life.tools.length }, 'an MCP server is ready');
    const reason = await connection.lost;
    // Said before its end is complete, which may take a moment: calls fail at once.
    life.state = 'RESTARTING';
    life.lastError = reason;
    return reason;
  } finally {
    life.connection = null;
    await channel.close();
    await refresher.stop();
  }
}

/** Lists again when asked to, one list at a time and never more often than a bound. */
function createRefresher(clock: Clock, refresh: () => Promise<void>) {
  const stopped = new AbortController();
  let isAsked = false;
  let working: Promise<void> | null = null;
  const work = async () => {
    while (isAsked && !stopped.signal.aborted) {
      isAsked = false;
      await refresh();
      await clock.sleep(limits.MCP_REFRESH_SECONDS * 1000, stopped.signal).catch(() => {});
    }
    working = null;
  };
  return {
    ask() {
      isAsked = true;
      working ??= work();
    },
    async stop() {
      stopped.abort();
      await working;
    },
  };
}

/** Doubles with each failure in a row; the jitter keeps servers that died together from coming back together. */
function restartWait(failures: number, random: number): number {
  const bound = Math.min(limits.MCP_LONGEST_RESTART_SECONDS, limits.MCP_RESTART_SECONDS * 2 ** (failures - 1));
  return Math.round(bound * 1000 * (0.5 + random / 2));
}
