import type { Clock } from '../../clock.ts';
import * as limits from '../../config/limits.ts';
import type { McpServerConfig } from '../../config/tools-config.ts';
import type { SchemaChecker } from '../json-schema/schema-checker.ts';
import type { Tool } from '../tool.ts';
import { type Channel, describeFailure, type Log, type OpenChannel } from './channel.ts';
import { connect, type McpConnection } from './connection.ts';
import { refuseQuestions } from './elicitation.ts';
import { type CallTool, createMcpTools } from './mcp-tool.ts';

export type McpServerState = 'STARTING' | 'READY' | 'RESTARTING' | 'DISABLED';

export interface McpServerOptions {
  name: string;
  config: Pick<McpServerConfig, 'disabled' | 'problem' | 'timeoutSeconds' | 'elicitation' | 'tools'>;
  open: OpenChannel;
  /** Other servers whose tools could have the names of this one. */
  rivals(): readonly NameRival[];
  clock: Clock;
  /** 0 ≤ value < 1. */
  random(): number;
  log: Log;
  /** Version of the gateway. */
  version: string;
  schemaChecker: Pick<SchemaChecker, 'forParty'>;
}

/** A server that could have a tool with the same name. */
export interface NameRival {
  name: string;
  /** Whether it has or had a tool with this name, or could have one and has not listed its tools yet. */
  mayHave(tool: string): boolean;
}

/** The current state of a server. While it runs, only `keepRunning` changes it. */
export interface ServerLifecycle {
  state: McpServerState;
  /** Why it was last unavailable; null if it never was. */
  lastError: string | null;
  tools: readonly Tool[];
  /** Names of all tools that it ever had, to tell a removed tool from an unknown one. */
  knownTools: Set<string>;
  connection: McpConnection | null;
  channel: Channel | null;
}

/**
 * Starts a server and restarts it when it is lost, until `closing` aborts and its channel is closed. Calls `onOutcome` whenever
 * it becomes ready or fails.
 *
 *     STARTING ──▶ READY ◀──────────────┐
 *        │           │ lost             │ handshake done, tools listed
 *        └───────────┴──▶ RESTARTING ───┘
 *          failed         waits, longer after each failure in a row
 */
export async function keepRunning(
  lifecycle: ServerLifecycle,
  options: McpServerOptions,
  callTool: CallTool,
  { closing, onOutcome }: { closing: AbortSignal; onOutcome(): void },
): Promise<void> {
  const { name, clock, log, random } = options;
  let failures = 0;
  while (!closing.aborted) {
    const startedAt = clock.elapsed();
    const reason = await runOnce(lifecycle, options, callTool, onOutcome).catch(describeFailure);
    lifecycle.state = 'RESTARTING';
    lifecycle.lastError = reason;
    onOutcome();
    if (closing.aborted) return;
    const wasStable = clock.elapsed() - startedAt >= limits.MCP_STABLE_SECONDS * 1000;
    failures = wasStable ? 1 : failures + 1;
    const waitMilliseconds = restartDelay(failures, random());
    log.warn({ mcpServer: name, reason, waitMilliseconds }, 'an MCP server is not running');
    await clock.sleep(waitMilliseconds, closing).catch(() => {});
  }
}

/** Resolves with the reason when the server is lost. Rejects if it does not become ready. */
async function runOnce(
  lifecycle: ServerLifecycle,
  options: McpServerOptions,
  callTool: CallTool,
  onReady: () => void,
): Promise<string> {
  const { name, clock, log } = options;
  const channel = options.open();
  const compileSchema = options.schemaChecker.forParty();
  lifecycle.channel = channel;
  const loadTools = async (connection: McpConnection) => {
    lifecycle.tools = await createMcpTools({ ...options, compileSchema }, await connection.listTools(), callTool);
    for (const tool of lifecycle.tools) lifecycle.knownTools.add(tool.name);
    for (const tool of lifecycle.tools) {
      const rival = options.rivals().find((other) => other.mayHave(tool.name));
      const facts = { mcpServer: name, otherMcpServer: rival?.name, tool: tool.name };
      if (rival) log.warn(facts, 'two MCP servers may have a tool of this name; it is not offered');
    }
  };
  const refresher = createRefresher(clock, async () => {
    if (lifecycle.connection) await loadTools(lifecycle.connection).catch(logFailedRefresh);
  });
  const logFailedRefresh = (error: unknown) =>
    log.warn({ mcpServer: name, reason: describeFailure(error) }, 'the tools of an MCP server cannot be listed');
  try {
    const { version } = options;
    const asking = options.config.elicitation ? { questions: refuseQuestions } : {};
    const connection = await connect(channel, { clock, log, version, onToolsChanged: refresher.request, ...asking });
    await loadTools(connection);
    lifecycle.connection = connection;
    lifecycle.state = 'READY';
    onReady();
    log.info({ mcpServer: name, tools: lifecycle.tools.length }, 'an MCP server is ready');
    const reason = await connection.lost;
    // Before the channel is closed, which can take seconds: calls fail at once.
    lifecycle.state = 'RESTARTING';
    lifecycle.lastError = reason;
    return reason;
  } finally {
    lifecycle.connection = null;
    await channel.close();
    await refresher.stop();
  }
}

/** Runs `refresh` on request, one at a time and with a minimum interval. Requests in between are combined. */
function createRefresher(clock: Clock, refresh: () => Promise<void>) {
  const stopped = new AbortController();
  let isRequested = false;
  let running: Promise<void> | null = null;
  const run = async () => {
    while (isRequested && !stopped.signal.aborted) {
      isRequested = false;
      await refresh();
      await clock.sleep(limits.MCP_REFRESH_SECONDS * 1000, stopped.signal).catch(() => {});
    }
    running = null;
  };
  return {
    request() {
      isRequested = true;
      running ??= run();
    },
    async stop() {
      stopped.abort();
      await running;
    },
  };
}

/** Milliseconds. Doubles with each failure in a row, with jitter so that servers that failed together do not restart together. */
function restartDelay(failures: number, random: number): number {
  const seconds = Math.min(
    limits.MCP_MAX_RESTART_DELAY_SECONDS,
    limits.MCP_RESTART_DELAY_SECONDS * 2 ** (failures - 1),
  );
  return Math.round(seconds * 1000 * (0.5 + random / 2));
}
