import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import {
  CallToolRequestSchema,
  ListToolsRequestSchema,
  type ProgressNotification,
} from '@modelcontextprotocol/sdk/types.js';
import type { Clock } from '../../../../src/clock.ts';
import { createMcpServer, type McpServer } from '../../../../src/tools/mcp/mcp-server.ts';
import type { McpServerOptions } from '../../../../src/tools/mcp/server-lifecycle.ts';

type Listed = { name: string } & Record<string, unknown>;
type Respond = (
  call: { name: string; arguments?: Record<string, unknown>; _meta?: { progressToken?: string | number } },
  extra: { signal: AbortSignal },
) => unknown;

/** An MCP server in this process, which can be told to fail, and what was said of it. */
export interface FakeServer {
  /** Pages of what it lists. */
  pages: Listed[][];
  /** What a call gives. */
  respond: Respond;
  /** The next starts fail. */
  broken: boolean;
  /** Its reports wait for the next message, and arrive together with it, as in one chunk of a stream. */
  holdsReports: boolean;
  /** How often it was started. */
  starts: number;
  /** Warnings in the log. */
  warnings: { facts: object; text: string }[];
  /** Ends it as a crash would. */
  crash(): Promise<void>;
  /** Says that its tools are others now. */
  announce(): Promise<void>;
  /** Reports how far a call is. */
  report(params: ProgressNotification['params']): Promise<void>;
  /** What the gateway makes of it. */
  subject(name: string, clock: Clock, config?: Partial<McpServerOptions['config']>): McpServer;
}

export const anyInput = { type: 'object' };

export function createFakeServer(pages: Listed[][]): FakeServer {
  let current: Server | null = null;
  const open = () => {
    const [ours, theirs] = InMemoryTransport.createLinkedPair();
    bundleReports(theirs, () => fake.holdsReports);
    const server = serve(fake);
    current = server;
    fake.starts += 1;
    const connected = server.connect(theirs);
    const start = ours.start.bind(ours);
    ours.start = async () => {
      await connected;
      if (fake.broken) throw new Error('It is broken.');
      await start();
    };
    return { transport: ours, failure: () => null, noticesLoss: true, close: () => ours.close() };
  };
  const fake: FakeServer = {
    pages,
    broken: false,
    holdsReports: false,
    starts: 0,
    warnings: [],
    respond: () => ({ content: [] }),
    crash: async () => current?.close(),
    announce: async () => current?.sendToolListChanged(),
    report: async (params) => current?.notification({ method: 'notifications/progress', params }),
    subject(name, clock, config) {
      const log = {
        debug: () => {},
        info: () => {},
        warn: (facts: object, text: string) => void fake.warnings.push({ facts, text }),
      };
      const settings = { disabled: false, timeoutSeconds: 60, tools: {}, ...config };
      return createMcpServer({ name, config: settings, open, clock, random: () => 0.5, log, version: '1' });
    },
  };
  return fake;
}

function bundleReports(transport: InMemoryTransport, isHolding: () => boolean): void {
  const send = transport.send.bind(transport);
  const held: Parameters<typeof send>[] = [];
  transport.send = async (...message) => {
    held.push(message);
    const isReport = 'method' in message[0] && message[0].method === 'notifications/progress';
    if (isReport && isHolding()) return;
    await Promise.all(held.splice(0).map((one) => send(...one)));
  };
}

function serve(fake: FakeServer): Server {
  const server = new Server({ name: 'fake', version: '1' }, { capabilities: { tools: { listChanged: true } } });
  server.setRequestHandler(ListToolsRequestSchema, ({ params }) => {
    const page = Number(params?.cursor ?? 0);
    const nextCursor = page + 1 < fake.pages.length ? { nextCursor: String(page + 1) } : {};
    return { tools: (fake.pages[page] ?? []) as never, ...nextCursor };
  });
  server.setRequestHandler(
    CallToolRequestSchema,
    async ({ params }, extra) => (await fake.respond(params, extra)) as never,
  );
  return server;
}
