import { z } from 'zod';
import * as limits from './limits.ts';
import type { ConfigurationIssue } from './model-config.ts';
import { substituteVariables } from './substitution.ts';

/** What the built-in tools are listed under; no server may take it. */
export const BUILTIN_SOURCE = 'builtin';

const NAME_CHARACTERS = 64;
const serverName = z
  .string()
  .min(1)
  .max(NAME_CHARACTERS)
  .refine((name) => name !== BUILTIN_SOURCE, `The name "${BUILTIN_SOURCE}" is kept for the tools that come built in.`);

/** What an operator may say better than the server does. */
const toolOverride = z.strictObject({
  risk: z.enum(['LOW', 'MEDIUM', 'HIGH', 'CRITICAL']).optional(),
  idempotent: z.boolean().optional(),
  enabled: z.boolean().default(true),
});
export type ToolOverride = z.infer<typeof toolOverride>;

const common = {
  disabled: z.boolean().default(false).describe('keeps the entry and starts nothing'),
  timeoutSeconds: z
    .number()
    .positive()
    .max(limits.MCP_LONGEST_CALL_SECONDS)
    .default(limits.MCP_CALL_SECONDS)
    .describe('the longest that one call may take'),
  tools: z.record(z.string(), toolOverride).default({}).describe("by the server's own names"),
};

const stdio = z
  .strictObject({
    type: z.literal('stdio').optional(),
    command: z.string().min(1),
    args: z.array(z.string()).default([]),
    env: z.record(z.string(), z.string()).default({}),
    cwd: z.string().min(1).optional(),
    ...common,
  })
  .transform(({ type: _type, command, args, env, cwd, ...rest }) => ({
    ...rest,
    reach: { kind: 'stdio' as const, command, args, env, cwd: cwd ?? null },
  }));

const http = z
  .strictObject({
    type: z.enum(['http', 'streamable-http', 'streamableHttp']).optional(),
    url: z.url({ protocol: /^https?$/, error: 'Must be an http or https address.' }),
    headers: z
      .record(z.string(), z.string())
      .default({})
      .refine(areHeaders, 'Must be names and values that HTTP allows.'),
    ...common,
  })
  .transform(({ type: _type, url, headers, ...rest }) => ({
    ...rest,
    reach: { kind: 'http' as const, url, headers },
  }));

export type McpServerConfig = z.output<typeof stdio> | z.output<typeof http>;
/** How a server is reached. */
export type McpReach = McpServerConfig['reach'];
export type StdioReach = Extract<McpReach, { kind: 'stdio' }>;
export type HttpReach = Extract<McpReach, { kind: 'http' }>;

/** A union of the two would only say that neither fits; this says what is wrong with the one that was meant. */
const mcpServer = z.unknown().transform((given, context): McpServerConfig => {
  const problem = unreachable(given);
  if (problem !== null) {
    context.addIssue({ code: 'custom', message: problem });
    return z.NEVER;
  }
  const parsed = (has(given, 'url') ? http : stdio).safeParse(given);
  if (parsed.success) return parsed.data;
  for (const { path, message } of parsed.error.issues) context.addIssue({ code: 'custom', path, message });
  return z.NEVER;
});

/** The part of the configuration file that is about tools. */
export const toolsConfigSchema = z.object({
  mcpServers: z.record(serverName, mcpServer).default({}),
  files: z.strictObject({ root: z.string().min(1).describe('the folder that the file tools stay in') }).optional(),
});

/** Fills in the variables of the servers in a file that is not checked yet; those of a disabled server may be unset. */
export function fillMcpServers(
  file: unknown,
  environment: Readonly<Record<string, string | undefined>>,
): { file: unknown; issues: ConfigurationIssue[] } {
  if (!has(file, 'mcpServers') || !isRecord(file.mcpServers)) return { file, issues: [] };
  const filled = Object.entries(file.mcpServers).map(([name, entry]) =>
    has(entry, 'disabled') && entry.disabled === true
      ? { name, value: entry, issues: [] }
      : { name, ...substituteVariables(entry, environment, ['mcpServers', name]) },
  );
  const mcpServers = Object.fromEntries(filled.map(({ name, value }) => [name, value]));
  return { file: { ...file, mcpServers }, issues: filled.flatMap(({ issues }) => issues) };
}

function unreachable(given: unknown): string | null {
  if (!isRecord(given)) return 'Must be an object with "command" or "url".';
  if (given.type === 'sse') {
    return 'The older SSE transport is not supported. Give the address of the server\'s streamable HTTP with "type": "http".';
  }
  if (has(given, 'command') && has(given, 'url'))
    return 'Has both "command" and "url": a server is reached by one of them.';
  if (has(given, 'command') || has(given, 'url')) return null;
  return 'Needs "command", a program to start, or "url", where a server listens.';
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
