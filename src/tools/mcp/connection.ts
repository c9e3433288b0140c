import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import {
  type CallToolResult,
  CallToolResultSchema,
  ContentBlockSchema,
  ElicitRequestSchema,
  ErrorCode,
  McpError,
  type Tool as McpToolDescription,
  ProgressNotificationSchema,
  ToolListChangedNotificationSchema,
  ToolSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';
import type { Clock } from '../../clock.ts';
import {
  MCP_PING_PAUSE_SECONDS,
  MCP_PING_SECONDS,
  MCP_QUESTION_REPORT_SECONDS,
  MCP_RESULT_BLOCKS,
  MCP_START_SECONDS,
  MCP_TOOL_PAGES,
  MCP_TOOLS,
  MCP_UNANSWERED_PINGS,
} from '../../config/limits.ts';
import type { ProgressReport } from '../tool.ts';
import { type Channel, describeFailure, type Log } from './channel.ts';
import type { Questions } from './elicitation.ts';
import { guardTransport } from './guarded-transport.ts';

export interface CallOptions {
  signal: AbortSignal;
  /** The SDK forgets the request later; null if the call may wait for persons. */
  timeoutSeconds: number | null;
  idempotencyKey: string;
  /** Gets the reports of the server until the call ends. Without it, the server is not asked for reports. */
  progress: ((report: ProgressReport) => void) | undefined;
  traceParent: string | undefined;
}

/** A server after the handshake. */
export interface McpConnection {
  /** All pages of its list of tools, within the limits. Entries that are not valid tools are left out. */
  listTools(): Promise<McpToolDescription[]>;
  /**
   * Tells the server if the signal aborts. Rejects with LostConnection if the server is lost during the call, and with the
   * server's message if it answers with an error.
   */
  call(tool: string, input: Record<string, unknown>, options: CallOptions): Promise<CallToolResult>;
  /** Resolves with the reason when the server is lost. Never rejects. */
  lost: Promise<string>;
}

/** The server was lost before it answered. */
export class LostConnection extends Error {}

class InvalidResult extends Error {}

interface ConnectOptions {
  clock: Clock;
  log: Log;
  /** Version of the gateway, for the handshake. */
  version: string;
  onToolsChanged(): void;
  /** Answers the questions of the server. Without it, the server is told that it cannot ask. */
  questions?: Questions;
}

/** A longer timer ends at once. */
const LONGEST_TIMER_MILLISECONDS = 2 ** 31 - 1;

/** Entries are validated one by one, so that an invalid one does not invalidate the others. */
const toolPage = z.looseObject({ tools: z.array(z.unknown()), nextCursor: z.string().optional() });

/**
 * Starts the channel and performs the handshake. Rejects if that fails. Closing the channel ends all requests. The SDK gets no
 * signal for that, because it never removes its listener.
 */
export async function connect(channel: Channel, options: ConnectOptions): Promise<McpConnection> {
  const { log, onToolsChanged } = options;
  const client = createClient(options);
  const connected = new AbortController();
  const lost = new Promise<string>((resolve) => {
    connected.signal.addEventListener('abort', () => resolve(String(connected.signal.reason)));
  });
  const lose = (reason: string) => connected.abort(channel.failure() ?? reason);
  let pingNow = () => {};
  client.onclose = () => lose('It closed the connection.');
  client.onerror = (error) => {
    log.debug({ failure: describeFailure(error) }, 'a message of an MCP server failed');
    pingNow();
  };
  client.setNotificationHandler(ToolListChangedNotificationSchema, onToolsChanged);
  const progressListeners = createProgressListeners(client);
  try {
    const admitQuestion = (params: unknown) => options.questions?.admit(params) ?? null;
    await client.connect(guardTransport(channel.transport, { admitQuestion, lose }), {
      timeout: MCP_START_SECONDS * 1000,
    });
  } catch (error) {
    throw new Error(channel.failure() ?? describeFailure(error));
  }
  if (!channel.detectsLoss) pingNow = startPings(client, options.clock, connected.signal, lose);
  return {
    lost,
    listTools: () => listTools(client, log),
    async call(tool, input, { idempotencyKey, progress, traceParent, ...options }) {
      const listener = progressListeners.add(progress);
      const trace = traceParent === undefined ? {} : { traceparent: traceParent };
      const meta = { 'runtape/idempotencyKey': idempotencyKey, ...trace, ...listener.meta };
      const params = { name: tool, arguments: input, _meta: meta };
      try {
        const send = () => requestCall(client, params, options);
        const { traced } = channel;
        return readResult(await (traceParent !== undefined && traced ? traced(traceParent, send) : send()));
      } catch (error) {
        if (connected.signal.aborted) throw new LostConnection(await lost);
        if (error instanceof McpError || error instanceof InvalidResult) throw error;
        // An error that the server did not send is a failure of the transport.
        pingNow();
        throw new LostConnection(describeFailure(error));
      } finally {
        listener.remove();
      }
    },
  };
}

function createClient({ clock, version, questions }: ConnectOptions): Client {
  const capabilities = questions ? { elicitation: { form: {}, url: {} } } : {};
  const client = new Client({ name: 'runtape', version }, { capabilities });
  if (!questions) return client;
  client.setRequestHandler(ElicitRequestSchema, async ({ params }, { signal, sendNotification }) => {
    const answered = new AbortController();
    const progressToken = params._meta?.progressToken;
    if (progressToken !== undefined) {
      const report = (progress: number) =>
        sendNotification({ method: 'notifications/progress', params: { progressToken, progress } });
      // A report resets the timeout of a server that wants reports: people are slow.
      reportRegularly(clock, report, answered.signal).catch(() => {});
    }
    try {
      return await questions.elicit(params, signal);
    } finally {
      answered.abort();
    }
  });
  return client;
}

async function reportRegularly(
  clock: Clock,
  report: (progress: number) => Promise<void>,
  end: AbortSignal,
): Promise<void> {
  for (let progress = 1; ; progress += 1) {
    await clock.sleep(MCP_QUESTION_REPORT_SECONDS * 1000, end);
    await report(progress);
  }
}

/**
 * Maps progress tokens to calls. `onprogress` of the SDK would lose a report that arrives together with the result, and would
 * treat a later one as an error of the connection.
 */
function createProgressListeners(client: Client) {
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

async function requestCall(
  client: Client,
  params: { name: string; arguments: Record<string, unknown>; _meta: Record<string, unknown> },
  { signal, timeoutSeconds }: Pick<CallOptions, 'signal' | 'timeoutSeconds'>,
): Promise<unknown> {
  // The SDK never removes its listener and would cancel calls that were answered long ago, so it gets its own signal.
  const abortion = new AbortController();
  const abort = () => abortion.abort(signal.reason);
  signal.addEventListener('abort', abort);
  try {
    signal.throwIfAborted();
    // The timeout of the tool is earlier. This one only ensures that the SDK forgets the request.
    const timeout = timeoutSeconds === null ? LONGEST_TIMER_MILLISECONDS : (timeoutSeconds + 1) * 1000;
    return await client.request({ method: 'tools/call', params }, z.unknown(), { signal: abortion.signal, timeout });
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

const resultWithBlocks = z.looseObject({ content: z.array(z.unknown()).default([]) });

/** Validates block by block, up to the first invalid one: the errors of all would be longer than the result. */
function readResult(result: unknown): CallToolResult {
  const { content, ...rest } = validated(resultWithBlocks, result);
  if (content.length > MCP_RESULT_BLOCKS) {
    throw new InvalidResult(`The MCP server sent a result with more than ${MCP_RESULT_BLOCKS} blocks of content.`);
  }
  const blocks = content.map((block) => validated(ContentBlockSchema, block));
  return { ...validated(CallToolResultSchema, { ...rest, content: [] }), content: blocks };
}

function validated<Value>(schema: z.ZodType<Value>, value: unknown): Value {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new InvalidResult(`The MCP server sent an invalid result: ${parsed.error.message}`);
}

async function listTools(client: Client, log: Log): Promise<McpToolDescription[]> {
  if (!client.getServerCapabilities()?.tools) return [];
  const descriptions: McpToolDescription[] = [];
  let entries = 0;
  let cursor: string | undefined;
  for (let page = 0; page < MCP_TOOL_PAGES && entries <= MCP_TOOLS; page += 1) {
    const params = cursor === undefined ? {} : { cursor };
    const { tools, nextCursor } = await client.request({ method: 'tools/list', params }, toolPage);
    for (const entry of tools.slice(0, MCP_TOOLS + 1 - entries)) {
      entries += 1;
      const parsed = ToolSchema.safeParse(entry);
      if (parsed.success) descriptions.push(parsed.data);
      else log.warn({ problem: describeFailure(parsed.error) }, 'an MCP server lists an invalid tool; it is left out');
    }
    if (nextCursor === undefined || nextCursor === cursor) return descriptions;
    cursor = nextCursor;
  }
  return descriptions;
}

/** Pings a server regularly until it is lost or does not answer. Returns a function that pings at once, or after a short pause. */
function startPings(
  client: Client,
  clock: Clock,
  connected: AbortSignal,
  onLost: (reason: string) => void,
): () => void {
  let pause = new AbortController();
  connected.addEventListener('abort', () => pause.abort());
  const pingRegularly = async () => {
    for (let unanswered = 0; unanswered < MCP_UNANSWERED_PINGS; ) {
      await clock.sleep((MCP_PING_SECONDS - MCP_PING_PAUSE_SECONDS) * 1000, pause.signal).catch(() => {});
      if (connected.aborted) return;
      const result = await ping(client);
      if (connected.aborted) return;
      if (result.kind === 'failed') return onLost(result.reason);
      // One ping can be late because the server is busy.
      unanswered = result.kind === 'answered' ? 0 : unanswered + 1;
      pause = new AbortController();
      // A server that sends nothing but invalid messages would be pinged without end.
      await clock.sleep(MCP_PING_PAUSE_SECONDS * 1000, connected).catch(() => {});
    }
    onLost('It does not answer.');
  };
  pingRegularly().catch((error: unknown) => onLost(describeFailure(error)));
  return () => pause.abort();
}

type PingResult = { kind: 'answered' | 'unanswered' } | { kind: 'failed'; reason: string };

async function ping(client: Client): Promise<PingResult> {
  try {
    await client.ping({ timeout: MCP_PING_SECONDS * 1000 });
    return { kind: 'answered' };
  } catch (error) {
    if (!(error instanceof McpError)) return { kind: 'failed', reason: describeFailure(error) };
    // An error response is an answer too.
    return { kind: error.code === ErrorCode.RequestTimeout ? 'unanswered' : 'answered' };
  }
}
