import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import {
  CallToolRequestSchema,
  ListToolsRequestSchema,
  type ProgressNotification,
} from '@modelcontextprotocol/sdk/types.js';
import type { Clock } from '../../../../src/clock.ts';
import { compileSchema } from '../../../../src/tools/json-schema/compile-schema.ts';
import { createMcpServer, type McpServer } from '../../../../src/tools/mcp/mcp-server.ts';
import type { McpServerOptions } from '../../../../src/tools/mcp/server-lifecycle.ts';

type ListedTool = { name: string } & Record<string, unknown>;
type Respond = (
  call: { name: string; arguments?: Record<string, unknown>; _meta?: { progressToken?: string | number } },
  extra: { signal: AbortSignal },
) => unknown;

/** An MCP server in this process that can be made to fail, and the log about it. */
export interface FakeServer {
  /** The pages of its list of tools. */
  pages: ListedTool[][];
  /** Answers calls. */
  respond: Respond;
  /** Whether starting it fails. */
  broken: boolean;
  /** Whether progress reports wait for the next message and arrive together with it, as in one chunk of a stream. */
  holdsReports: boolean;
  /** How many times it was started. */
  starts: number;
  /** Warnings in the log. */
  warnings: { facts: object; text: string }[];
  /** Closes the connection without notice. */
  crash(): Promise<void>;
  /** Notifies the client that the list of tools has changed. */
  announce(): Promise<void>;
  /** Sends a progress report. */
  report(params: ProgressNotification['params']): Promise<void>;
  /** The server as a source of tools. */
  createSource(
    name: string,
    clock: Clock,
    config?: Partial<McpServerOptions['config']>,
    rivals?: McpServerOptions['rivals'],
  ): McpServer;
}

/** Compiles and checks in this thread. */
export const schemaChecker: McpServerOptions['schemaChecker'] = {
  forParty: () => async (schema, subject) => {
    const check = compileSchema(schema, subject);
    return async (value) => check(value);
  },
};

export const anyInput = { type: 'object' };

export function createFakeServer(pages: ListedTool[][]): FakeServer {
  let current: Server | null = null;
  const open = () => {
    const [clientSide, serverSide] = InMemoryTransport.createLinkedPair();
    bundleReports(serverSide, () => fake.holdsReports);
    const server = serve(fake);
    current = server;
    fake.starts += 1;
    const connected = server.connect(serverSide);
    const start = clientSide.start.bind(clientSide);
    clientSide.start = async () => {
      await connected;
      if (fake.broken) throw new Error('It is broken.');
      await start();
    };
    return { transport: clientSide, failure: () => null, detectsLoss: true, close: () => clientSide.close() };
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
    createSource(name, clock, config, rivals = () => []) {
      const log = {
        debug: () => {},
        info: () => {},
        warn: (facts: object, text: string) => void fake.warnings.push({ facts, text }),
      };
      const fullConfig = {
        disabled: false,
        problem: null,
        timeoutSeconds: 60,
        elicitation: false,
        tools: {},
        ...config,
      };
      return createMcpServer({
        name,
        config: fullConfig,
        open,
        rivals,
        clock,
        random: () => 0.5,
        log,
        version: '1',
        schemaChecker,
      });
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
    await Promise.all(held.splice(0).map((heldMessage) => send(...heldMessage)));
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
