import { MCP_READY_WAIT_SECONDS } from '../../config/limits.ts';
import type { Json } from '../../domain/events.ts';
import type { Tool, ToolContext } from '../tool.ts';
import type { ToolSource } from '../toolbox.ts';
import { callOutput } from './call-output.ts';
import { LostConnection } from './connection.ts';
import { canBeToolOf, type ServerTool } from './mcp-tool.ts';
import { createOwnerConnections, type OwnerConnections } from './owner-connections.ts';
import {
  keepRunning,
  type McpServerOptions,
  type McpServerState,
  type NameRival,
  type ServerLifecycle,
} from './server-lifecycle.ts';

export interface McpServerStatus {
  name: string;
  state: McpServerState;
  /** The tools that can be called now. */
  tools: readonly Tool[];
  /** Why it was last unavailable; null if it never was. */
  lastError: string | null;
}

/** One MCP server of the configuration, as a source of tools. It has tools only while it is READY. */
export interface McpServer extends ToolSource, NameRival {
  status(): McpServerStatus;
  /** Starts it in the background, and restarts it when it is lost. Returns at once. Does not start a disabled server. */
  start(): void;
  /** Stops it for good. Calls in progress fail. Bounded in time. */
  close(): Promise<void>;
  /** Offers no tools from now on, and closes when the calls in progress have ended. */
  retire(): Promise<void>;
}

export function createMcpServer(options: McpServerOptions): McpServer {
  const { name, config, clock, log } = options;
  const lifecycle: ServerLifecycle = {
    state: config.disabled || config.problem !== null ? 'DISABLED' : 'STARTING',
    lastError: config.problem,
    tools: [],
    knownTools: new Set(),
    connection: null,
    channel: null,
  };
  const compileSchema = options.schemaChecker.forParty();
  const ownerConnections = config.elicitation ? createOwnerConnections({ ...options, compileSchema }) : null;
  const closing = new AbortController();
  let running: Promise<void> = Promise.resolve();
  let resolveFirstOutcome: () => void = () => {};
  const firstOutcome = new Promise<void>((resolve) => {
    resolveFirstOutcome = resolve;
  });
  const calls = new Set<Promise<Json>>();
  let isRetired = false;
  const rivalOf = (tool: string) => options.rivals().find((rival) => rival.mayHave(tool));
  const list = () => {
    if (lifecycle.state !== 'READY' || isRetired) return [];
    // A call must not reach another server than the one that was meant.
    return options.rivals().length === 0 ? lifecycle.tools : lifecycle.tools.filter((tool) => !rivalOf(tool.name));
  };
  async function close(): Promise<void> {
    closing.abort();
    await Promise.all([lifecycle.channel?.close(), ownerConnections?.close()]);
    await running;
  }

  return {
    name,
    list,
    mayHave(tool) {
      const hasListed = lifecycle.knownTools.size > 0 || lifecycle.state === 'DISABLED';
      return lifecycle.knownTools.has(tool) || (!hasListed && canBeToolOf(name, tool));
    },
    status: () => ({ name, state: lifecycle.state, tools: list(), lastError: lifecycle.lastError }),
    unavailableReason(tool) {
      if (list().some((listed) => listed.name === tool)) return null;
      const rival = lifecycle.tools.some((own) => own.name === tool) ? rivalOf(tool) : undefined;
      if (rival) {
        return `The MCP servers "${name}" and "${rival.name}" may both have a tool of this name, so it is not offered. Rename one of them in the configuration.`;
      }
      const isOfServer = lifecycle.knownTools.has(tool) || (lifecycle.state !== 'READY' && canBeToolOf(name, tool));
      return isOfServer ? unavailableText(name, lifecycle) : null;
    },
    async waitUntilReady(tool, signal) {
      if (lifecycle.state !== 'STARTING' || !canBeToolOf(name, tool)) return;
      await Promise.race([firstOutcome, clock.sleep(MCP_READY_WAIT_SECONDS * 1000, signal)]);
    },
    start() {
      if (config.problem !== null) {
        log.warn({ mcpServer: name, reason: config.problem }, 'an MCP server is not started');
      }
      if (lifecycle.state !== 'STARTING') return;
      const callTool = (tool: ServerTool, input: Json, context: ToolContext) => {
        const called = call({ lifecycle, options, ownerConnections }, tool, input, context).finally(() =>
          calls.delete(called),
        );
        calls.add(called);
        return called;
      };
      running = keepRunning(lifecycle, options, callTool, { closing: closing.signal, onOutcome: resolveFirstOutcome });
    },
    close,
    async retire() {
      isRetired = true;
      await Promise.allSettled(calls);
      await close();
      lifecycle.state = 'DISABLED';
      lifecycle.lastError = 'It was removed from the configuration, or changed in it.';
    },
  };
}

interface CalledServer {
  lifecycle: ServerLifecycle;
  options: McpServerOptions;
  /** Null unless the server may ask persons. */
  ownerConnections: OwnerConnections | null;
}

async function call(
  { lifecycle, options: { name, config }, ownerConnections }: CalledServer,
  { name: tool, checkOutput }: ServerTool,
  input: Json,
  context: ToolContext,
): Promise<Json> {
  if (lifecycle.connection === null) throw new Error(unavailableText(name, lifecycle));
  const { signal, idempotencyKey, progress, traceParent } = context;
  const options = { signal, idempotencyKey, timeoutSeconds: config.timeoutSeconds, progress, traceParent };
  const members = input as { [key: string]: Json };
  try {
    const result = ownerConnections
      ? await ownerConnections.call(tool, members, context)
      : await lifecycle.connection.call(tool, members, options);
    return await callOutput(result, checkOutput);
  } catch (error) {
    if (!(error instanceof LostConnection)) throw error;
    const consequence = 'It was lost during the call, which may or may not have had its effect.';
    throw new Error(`The MCP server "${name}" is not running: ${error.message} ${consequence}`);
  }
}

/** For the model. */
function unavailableText(name: string, { state, lastError }: ServerLifecycle): string {
  switch (state) {
    case 'STARTING':
      return `The MCP server "${name}" is not running yet: it is starting.`;
    case 'RESTARTING':
      return `The MCP server "${name}" is not running: ${lastError ?? 'It was lost.'} It is being restarted.`;
    case 'DISABLED':
      return `The MCP server "${name}" is not running: ${lastError ?? 'It is disabled in the configuration.'}`;
    case 'READY':
      return `The MCP server "${name}" no longer has this tool.`;
    default:
      return state satisfies never;
  }
}
