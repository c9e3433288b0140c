import { MCP_SETTLE_SECONDS } from '../../config/limits.ts';
import type { Json } from '../../domain/events.ts';
import type { Tool, ToolContext } from '../tool.ts';
import type { ToolSource } from '../toolbox.ts';
import { callOutput } from './call-output.ts';
import { LostConnection } from './connection.ts';
import { keepRunning, type McpServerOptions, type McpServerState, type ServerLifecycle } from './server-lifecycle.ts';
import { mayBeToolOf } from './tool-names.ts';

/** How a server is, for those who look after it. */
export interface McpServerStatus {
  name: string;
  state: McpServerState;
  /** What can be called now. */
  tools: readonly Tool[];
  /** Why it was not there the last time that it was not; null where that never happened. */
  lastError: string | null;
}

/** One MCP server of the configuration, and the tools that come from it. */
export interface McpServer extends ToolSource {
  status(): McpServerStatus;
  /** Begins to start it, and to start it again whenever it is lost. Returns at once. */
  start(): void;
  /** Ends it, calls under way included. Bounded in time. */
  close(): Promise<void>;
}

export function createMcpServer(options: McpServerOptions): McpServer {
  const { name, config, clock } = options;
  const life: ServerLifecycle = {
    state: config.disabled ? 'DISABLED' : 'STARTING',
    lastError: null,
    tools: [],
    known: new Set(),
    connection: null,
    channel: null,
  };
  const closing = new AbortController();
  let running: Promise<void> = Promise.resolve();
  let onOutcome: () => void = () => {};
  const started = new Promise<void>((resolve) => {
    onOutcome = resolve;
  });
  const list = () => (life.state === 'READY' ? life.tools : []);
  return {
    list,
    status: () => ({ name, state: life.state, tools: list(), lastError: life.lastError }),
    absence(tool) {
      if (list().some((one) => one.name === tool)) return null;
      const isOurs = life.known.has(tool) || (life.state !== 'READY' && mayBeToolOf(name, tool));
      return isOurs ? absenceOf(name, life) : null;
    },
    async settled(tool, signal) {
      if (life.state !== 'STARTING' || !mayBeToolOf(name, tool)) return;
      await Promise.race([started, clock.sleep(MCP_SETTLE_SECONDS * 1000, signal)]);
    },
    start() {
      if (life.state !== 'STARTING') return;
      const execute = (tool: string, input: Json, context: ToolContext) => call(life, options, tool, input, context);
      running = keepRunning(life, options, execute, { closing: closing.signal, onOutcome });
    },
    async close() {
      closing.abort();
      await life.channel?.close();
      await running;
    },
  };
}

async function call(
  life: ServerLifecycle,
  { name, config }: McpServerOptions,
  tool: string,
  input: Json,
  { signal, idempotencyKey, progress }: ToolContext,
): Promise<Json> {
  if (life.connection === null) throw new Error(absenceOf(name, life));
  const bounds = { signal, idempotencyKey, timeoutSeconds: config.timeoutSeconds, progress };
  try {
    return callOutput(await life.connection.call(tool, input as { [key: string]: Json }, bounds));
  } catch (error) {
    if (!(error instanceof LostConnection)) throw error;
    const doubt = 'It went away during the call, which may have had its effect or not.';
    throw new Error(`The MCP server "${name}" is not running: ${error.message} ${doubt}`);
  }
}

/** Why its tools can not be called, in words for the model. */
function absenceOf(name: string, { state, lastError }: ServerLifecycle): string {
  switch (state) {
    case 'STARTING':
      return `The MCP server "${name}" is not running yet: it is being started.`;
    case 'RESTARTING':
      return `The MCP server "${name}" is not running: ${lastError ?? 'It was lost.'} It is started again by itself.`;
    case 'DISABLED':
      return `The MCP server "${name}" is not running: the configuration disables it.`;
    case 'READY':
      return `The MCP server "${name}" does not have this tool any more.`;
    default:
      return state satisfies never;
  }
}
