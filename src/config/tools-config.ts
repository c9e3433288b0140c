import { z } from 'zod';
import { type ConfigurationIssue, explainIssue } from './configuration-issue.ts';
import * as limits from './limits.ts';
import { substituteVariables } from './substitution.ts';

/** The `source` of built-in tools. No MCP server can have this name. */
export const BUILTIN_SOURCE = 'builtin';

/** The `source` of tools that clients run. No MCP server can have this name. */
export const CLIENT_SOURCE = 'client';

const serverName = z
  .string()
  .min(1)
  .max(limits.MCP_SERVER_NAME_CHARACTERS)
  .refine((name) => name !== BUILTIN_SOURCE, `"${BUILTIN_SOURCE}" is reserved for the built-in tools. Use another name`)
  .refine(
    (name) => name !== CLIENT_SOURCE,
    `"${CLIENT_SOURCE}" is reserved for the tools of clients. Use another name`,
  );

/** Overrides what a server says about one of its tools. */
const toolOverride = z.strictObject({
  risk: z.enum(['LOW', 'MEDIUM', 'HIGH', 'CRITICAL']).optional(),
  idempotent: z.boolean().optional(),
  enabled: z.boolean().default(true),
  /** Member of the input that says what a call reaches. */
  target: z.string().min(1).optional(),
});
export type ToolOverride = z.infer<typeof toolOverride>;

const everyServer = {
  /** Keeps the entry without starting the server. */
  disabled: z.boolean().default(false),
  /** The longest time that one call can take. */
  timeoutSeconds: z.number().positive().max(limits.MCP_MAX_CALL_SECONDS).default(limits.MCP_CALL_SECONDS),
  /** Lets its tools ask persons while they run. */
  elicitation: z.boolean().default(false),
  /** Keys are the server's own names for its tools. */
  tools: z.record(z.string(), toolOverride).default({}),
};

const stdioServer = z.strictObject({
  type: z.literal('stdio').optional(),
  command: z.string().min(1),
  args: z.array(z.string()).default([]),
  env: z.record(z.string(), z.string()).default({}),
  cwd: z.string().min(1).optional(),
  ...everyServer,
});

const httpServer = z.strictObject({
  type: z.enum(['http', 'streamable-http', 'streamableHttp']).optional(),
  url: z.url({ protocol: /^https?$/, error: 'must be an http or https URL' }),
  headers: z
    .record(z.string(), z.string())
    .default({})
    .refine(areHeaders, 'must be an object of header names and values that HTTP allows'),
  ...everyServer,
});

/** The fields of an entry of `mcpServers`: a server with `command` uses stdio, one with `url` uses HTTP. */
export const mcpServerSchemas = { stdio: stdioServer, http: httpServer };

const stdio = stdioServer.transform(({ type: _type, command, args, env, cwd, ...rest }) => ({
  ...rest,
  problem: null,
  transport: { kind: 'stdio' as const, command, args, env, cwd: cwd ?? null },
}));

const http = httpServer.transform(({ type: _type, url, headers, ...rest }) => ({
  ...rest,
  problem: null,
  transport: { kind: 'http' as const, url, headers },
}));

type McpTransport = z.output<typeof stdio>['transport'] | z.output<typeof http>['transport'];

export interface McpServerConfig {
  disabled: boolean;
  timeoutSeconds: number;
  elicitation: boolean;
  tools: Record<string, ToolOverride>;
  /** Why the server cannot be started, although the others can; null if it can. */
  problem: string | null;
  /** Null if there is a problem. */
  transport: McpTransport | null;
}

export type StdioTransportConfig = Extract<McpTransport, { kind: 'stdio' }>;
export type HttpTransportConfig = Extract<McpTransport, { kind: 'http' }>;

/** Takes the place of an entry whose variables are not set: one server must not keep the gateway from starting. */
class UnsetVariables {
  readonly problem: string;

  constructor(names: readonly string[]) {
    const list = [...new Set(names)];
    const subject = list.length === 1 ? 'The environment variable' : 'The environment variables';
    this.problem = `${subject} ${list.join(', ')} ${list.length === 1 ? 'is' : 'are'} not set. Set ${list.length === 1 ? 'it' : 'them'} and restart the gateway.`;
  }
}

/** Reports problems against the transport that the entry chose. A plain union would report them against both. */
const mcpServer = z.unknown().transform((entry, context): McpServerConfig => {
  if (entry instanceof UnsetVariables) {
    return { ...z.object(everyServer).parse({}), problem: entry.problem, transport: null };
  }
  const problem = transportProblem(entry);
  if (problem !== null) {
    context.addIssue({ code: 'custom', message: problem });
    return z.NEVER;
  }
  const parsed = (has(entry, 'url') ? http : stdio).safeParse(entry, { error: explainIssue });
  if (parsed.success) return parsed.data;
  for (const { path, message } of parsed.error.issues) context.addIssue({ code: 'custom', path, message });
  return z.NEVER;
});

/** The part of the configuration file about tools. */
export const toolsConfigSchema = z.object({
  mcpServers: z.record(serverName, mcpServer).prefault({}),
  /** Lets models ask persons. */
  askPerson: z.boolean().default(false),
  /** `root` is the folder that the file tools work in. */
  files: z.strictObject({ root: z.string().min(1) }).optional(),
});

/**
 * Fills in environment variables in the `mcpServers` of a parsed file, before the file is checked. Disabled servers are left
 * as they are. A server with a variable that is not set gets a problem instead, which its status shows.
 */
export function substituteMcpServers(
  file: unknown,
  environment: Readonly<Record<string, string | undefined>>,
): { file: unknown; issues: ConfigurationIssue[] } {
  if (!has(file, 'mcpServers') || !isRecord(file.mcpServers)) return { file, issues: [] };
  const servers = Object.entries(file.mcpServers).map(([name, entry]) => ({
    name,
    ...substituteServer(entry, environment, ['mcpServers', name]),
  }));
  const mcpServers = Object.fromEntries(servers.map(({ name, value }) => [name, value]));
  return { file: { ...file, mcpServers }, issues: servers.flatMap(({ issues }) => issues) };
}

function substituteServer(
  entry: unknown,
  environment: Readonly<Record<string, string | undefined>>,
  path: ConfigurationIssue['path'],
): { value: unknown; issues: ConfigurationIssue[] } {
  if (has(entry, 'disabled') && entry.disabled === true) return { value: entry, issues: [] };
  const { value, issues } = substituteVariables(entry, environment, path);
  const unset = issues.flatMap((issue) => issue.unset ?? []);
  // A reference that is no name is a mistake in the file, not something that is missing on this machine.
  return unset.length > 0 && unset.length === issues.length
    ? { value: new UnsetVariables(unset), issues: [] }
    : { value, issues };
}

function transportProblem(entry: unknown): string | null {
  if (!isRecord(entry)) return 'must be an object with "command" or "url"';
  if (entry.type === 'sse') {
    return 'the SSE transport is not supported. Use the streamable HTTP endpoint of the server, with "type": "http"';
  }
  const [hasCommand, hasUrl] = [has(entry, 'command'), has(entry, 'url')];
  if (hasCommand && hasUrl) return 'has both "command" and "url". Remove one of them';
  if (hasCommand || hasUrl) return null;
  return 'has neither "command", the program to start, nor "url", the address of a running server. Add one of them';
}

function areHeaders(headers: Record<string, string>): boolean {
  try {
    new Headers(headers);
    return true;
  } catch {
    return false;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function has<Key extends string>(value: unknown, key: Key): value is Record<Key, unknown> {
  return isRecord(value) && Object.hasOwn(value, key);
}
