import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import {
  type CallToolResult,
  CallToolResultSchema,
  ErrorCode,
  McpError,
  type Tool as McpToolDescription,
  ProgressNotificationSchema,
  ToolListChangedNotificationSchema,
  ToolSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';
import type { Clock } from '../../clock.ts';
import { MCP_PING_SECONDS, MCP_START_SECONDS, MCP_TOOL_PAGES, MCP_TOOLS } from '../../config/limits.ts';
import type { ProgressReport } from '../tool.ts';
import { type Channel, describeFailure, type Log } from './channel/channel.ts';

export interface CallOptions {
  signal: AbortSignal;
  timeoutSeconds: number;
  idempotencyKey: string;
  /** Is told what the server reports of the call until it is over; without it the server is not asked to. */
  progress: ((report: ProgressReport) => void) | undefined;
}

/** A server that was greeted and answers. */
export interface McpConnection {
  /** Every page of what it offers; entries that are no tools are left out. */
  listTools(): Promise<McpToolDescription[]>;
  /** Tells the server where the signal aborts. Rejects with a LostConnection where the server went away meanwhile. */
  call(tool: string, input: Record<string, unknown>, options: CallOptions): Promise<CallToolResult>;
  /** Resolves with the reason when the server is gone. Never rejects. */
  lost: Promise<string>;
}

/** The server went away before it answered. */
export class LostConnection extends Error {}

class BadAnswer extends Error {}

interface ConnectOptions {
  clock: Clock;
  log: Log;
  /** Of the gateway, told to the server. */
  version: string;
  onToolsChanged(): void;
}

/** A list as it comes: one entry that breaks the rules must not take the others with it. */
const toolPage = z.looseObject({ tools: z.array(z.unknown()), nextCursor: z.string().optional() });

/** Pings in a row without an answer before a server counts as gone: one may be busy. */
const SILENT_PINGS = 3;

/**
 * Starts the channel and greets the server. Rejects where that fails. Closing the channel ends everything that is under
 * way here; no signal is handed to the SDK for that, because it would never stop listening to it.
 */
export async function connect(channel: Channel, options: ConnectOptions): Promise<McpConnection> {
  const { log, version, onToolsChanged } = options;
  const client = new Client({ name: 'runtape', version });
  const alive = new AbortController();
  const lost = new Promise<string>((resolve) => {
    alive.signal.addEventListener('abort', () => resolve(String(alive.signal.reason)));
  });
  const lose = (reason: string) => alive.abort(channel.failure() ?? reason);
  let checkNow = () => {};
  client.onclose = () => lose('It closed the connection.');
  client.onerror = (error) => {
    log.debug({ failure: describeFailure(error) }, 'a message of an MCP server went wrong');
    checkNow();
  };
  client.setNotificationHandler(ToolListChangedNotificationSchema, onToolsChanged);
  const listeners = listenToProgress(client);
  try {
    await client.connect(channel.transport, { timeout: MCP_START_SECONDS * 1000 });
  } catch (error) {
    throw new Error(channel.failure() ?? describeFailure(error));
  }
  if (!channel.noticesLoss) checkNow = keepAsking(client, options.clock, alive.signal, lose);
  return {
    lost,
    listTools: () => listTools(client, log),
    async call(tool, input, { idempotencyKey, progress, ...bounds }) {
      const listener = listeners.add(progress);
      const meta = { 'runtape/idempotencyKey': idempotencyKey, ...listener.meta };
      const params = { name: tool, arguments: input, _meta: meta };
      try {
        return readResult(await callOnce(client, params, bounds));
      } catch (error) {
        if (alive.signal.aborted) throw new LostConnection(await lost);
        if (error instanceof McpError || error instanceof BadAnswer) throw error;
        // Whatever the server did not say itself is a fault of the way to it.
        checkNow();
        throw new LostConnection(describeFailure(error));
      } finally {
        listener.remove();
      }
    },
  };
}

/**
 * Reports go by tokens of our own, not by `onprogress` of the SDK: that one is gone before a report that arrives together with
 * the result is handled, and takes what comes later for a fault of the connection.
 */
function listenToProgress(client: Client) {
  const listeners = new Map<string | number, (report: ProgressReport) => void>();
  let lastToken = 0;
  client.setNotificationHandler(ProgressNotificationSchema, ({ params }) => {
    const { progressToken, progress, total = null, message = null } = params;
    listeners.get(progressToken)?.({ progress, total, message });
  });
  return {
    add(listener: ((report: ProgressReport) => void) | undefined) {
      if (!listener) return { meta: {}, remove: () => {} };
      lastToken += 1;
      const progressToken = lastToken;
      listeners.set(progressToken, listener);
      return { meta: { progressToken }, remove: () => void listeners.delete(progressToken) };
    },
  };
}

async function callOnce(
  client: Client,
  params: { name: string; arguments: Record<string, unknown>; _meta: Record<string, unknown> },
  { signal, timeoutSeconds }: { signal: AbortSignal; timeoutSeconds: number },
): Promise<unknown> {
  // The SDK listens to its signal for ever, and would cancel calls that were answered long ago.
  const own = new AbortController();
  const abort = () => own.abort(signal.reason);
  signal.addEventListener('abort', abort);
  try {
    signal.throwIfAborted();
    // The tool's own time-out comes first; this one only makes sure that nothing is kept for ever.
    const timeout = (timeoutSeconds + 1) * 1000;
    return await client.request({ method: 'tools/call', params }, z.unknown(), {
      signal: own.signal,
      timeout,
    });
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

function readResult(answer: unknown): CallToolResult {
  const parsed = CallToolResultSchema.safeParse(answer);
  if (parsed.success) return parsed.data;
  throw new BadAnswer(`The MCP server answered with something that is no result of a tool: ${parsed.error.message}`);
}

async function listTools(client: Client, log: Log): Promise<McpToolDescription[]> {
  if (!client.getServerCapabilities()?.tools) return [];
  const found: McpToolDescription[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < MCP_TOOL_PAGES && found.length <= MCP_TOOLS; page += 1) {
    const params = cursor === undefined ? {} : { cursor };
    const { tools, nextCursor } = await client.request({ method: 'tools/list', params }, toolPage);
    for (const entry of tools) {
      const parsed = ToolSchema.safeParse(entry);
      if (parsed.success) found.push(parsed.data);
      else log.warn({ problem: parsed.error.message }, 'an MCP server lists something that is no tool; it is left out');
    }
    if (nextCursor === undefined || nextCursor === cursor) return found;
    cursor = nextCursor;
  }
  return found;
}

/** Asks a server now and then whether it is there, and at once when the returned function is called. */
function keepAsking(client: Client, clock: Clock, alive: AbortSignal, onGone: (reason: string) => void): () => void {
  let pause = new AbortController();
  alive.addEventListener('abort', () => pause.abort());
  const asking = async () => {
    for (let silent = 0; silent < SILENT_PINGS; ) {
      await clock.sleep(MCP_PING_SECONDS * 1000, pause.signal).catch(() => {});
      if (alive.aborted) return;
      const failure = await ping(client);
      if (alive.aborted) return;
      if (failure !== null && failure !== 'silence') return onGone(failure);
      silent = failure === null ? 0 : silent + 1;
      pause = new AbortController();
    }
    onGone('It does not answer.');
  };
  asking().catch((error: unknown) => onGone(describeFailure(error)));
  return () => pause.abort();
}

/** Null where there was an answer, be it an error. */
async function ping(client: Client): Promise<string | null> {
  try {
    await client.ping({ timeout: MCP_PING_SECONDS * 1000 });
    return null;
  } catch (error) {
    if (!(error instanceof McpError)) return describeFailure(error);
    return error.code === ErrorCode.RequestTimeout ? 'silence' : null;
  }
}
