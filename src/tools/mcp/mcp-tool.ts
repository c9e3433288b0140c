import { createHash } from 'node:crypto';
import type { Tool as McpToolDescription, ToolAnnotations } from '@modelcontextprotocol/sdk/types.js';
import { MCP_DESCRIPTION_CHARACTERS, MCP_SCHEMA_BYTES, MCP_TOOLS } from '../../config/limits.ts';
import type { McpServerConfig, ToolOverride } from '../../config/tools-config.ts';
import type { Json, RiskLevel } from '../../domain/events.ts';
import { firstCharacters, storableText } from '../../domain/storable-text.ts';
import type { CompileSchema, SchemaCheck } from '../json-schema/schema-checker.ts';
import type { Tool } from '../tool.ts';
import { describeFailure, type Log } from './channel.ts';

/** A tool as its server knows it. */
export interface ServerTool {
  /** The server's own name for it. */
  name: string;
  /** Checks the structured content of its results; null if it has no output schema. */
  checkOutput: SchemaCheck | null;
}

export type CallTool = (tool: ServerTool, ...call: Parameters<Tool['execute']>) => Promise<Json>;

interface ServerEntry {
  name: string;
  config: Pick<McpServerConfig, 'timeoutSeconds' | 'tools'>;
  log: Log;
  compileSchema: CompileSchema;
}

/** The tools of a server that models can call. Logs why others are left out. */
export async function createMcpTools(
  { name: server, config, log, compileSchema }: ServerEntry,
  descriptions: readonly McpToolDescription[],
  callTool: CallTool,
): Promise<Tool[]> {
  const logLeftOut = (tool: string, reason: string) =>
    log.warn({ mcpServer: server, tool, reason }, 'a tool of an MCP server is left out');
  const enabled = descriptions.filter(({ name }) => !Object.hasOwn(config.tools, name) || config.tools[name]?.enabled);
  const tools = new Map<string, Tool>();
  const listedNames = new Map<string, string>();
  const ambiguous = new Set<string>();
  for (const description of enabled.slice(0, MCP_TOOLS)) {
    try {
      const tool = await createMcpTool({ server, config, compileSchema }, description, callTool);
      const earlier = listedNames.get(tool.name);
      if (earlier === undefined) {
        tools.set(tool.name, tool);
        listedNames.set(tool.name, description.name);
      } else if (earlier === description.name) {
        logLeftOut(description.name, 'Its name is listed twice.');
      } else {
        ambiguous.add(tool.name);
        logLeftOut(description.name, `Like ${earlier}, it would be called ${tool.name}. Neither is offered.`);
      }
    } catch (error) {
      logLeftOut(description.name, describeFailure(error));
    }
  }
  for (const name of ambiguous) tools.delete(name);
  if (enabled.length > MCP_TOOLS)
    logLeftOut('', `The server has more than ${MCP_TOOLS} tools; the last ones are left out.`);
  for (const configured of Object.keys(config.tools)) {
    if (descriptions.every(({ name }) => name !== configured)) {
      logLeftOut(configured, 'The configuration names it, but the server does not have it.');
    }
  }
  return [...tools.values()];
}

/** Rejects if the tool cannot be called; the message is for the operator. */
async function createMcpTool(
  { server, config, compileSchema }: Pick<ServerEntry, 'config' | 'compileSchema'> & { server: string },
  { name, title, description, inputSchema, outputSchema, annotations, execution }: McpToolDescription,
  callTool: CallTool,
): Promise<Tool> {
  const { timeoutSeconds, tools } = config;
  if (execution?.taskSupport === 'required') throw new Error('It runs only as a task, which is not supported.');
  const checkInput = await checkOf(compileSchema, 'input', inputSchema);
  const checkOutput = outputSchema === undefined ? null : await checkOf(compileSchema, 'output', outputSchema);
  const override = Object.hasOwn(tools, name) ? tools[name] : undefined;
  return {
    name: toolName(server, name),
    description: firstCharacters(storableText(description || title || name), MCP_DESCRIPTION_CHARACTERS),
    inputSchema: inputSchema as { [key: string]: Json },
    ...toolProperties(annotations, override),
    timeoutSeconds,
    source: server,
    async prepare(input) {
      const problem = await checkInput(input);
      return problem === null ? { ok: true, input } : { ok: false, error: `Invalid input: ${problem}.` };
    },
    ...(override?.target !== undefined && { target: targetIn(override.target) }),
    execute: (input, context) => callTool({ name, checkOutput }, input, context),
  };
}

/**
 * The member of the input that the operator has named. A grant names the member as well, so that it does not cover another target
 * after the operator has named another member.
 */
export function targetIn(member: string): NonNullable<Tool['target']> {
  return (input) => {
    const value = Object.entries(input ?? {}).find(([name]) => name === member)?.[1];
    // Lists and objects have no canonical form that people could compare.
    if (value === undefined || value === null || typeof value === 'object') return null;
    return { text: String(value), grantable: `${member}: ${JSON.stringify(value)}` };
  };
}

async function checkOf(
  compileSchema: CompileSchema,
  kind: 'input' | 'output',
  schema: Readonly<Record<string, unknown>>,
): Promise<SchemaCheck> {
  const bytes = Buffer.byteLength(JSON.stringify(schema));
  if (bytes > MCP_SCHEMA_BYTES) throw new Error(`Its ${kind} schema is longer than ${MCP_SCHEMA_BYTES} bytes.`);
  try {
    return await compileSchema(schema, kind);
  } catch (error) {
    throw new Error(`Its ${kind} schema cannot be used: ${describeFailure(error)}`);
  }
}

/**
 * Risk, idempotency and parallel safety of a tool, by the hints of its server and the overrides of the configuration.
 *
 *     readOnlyHint                   LOW; MEDIUM with openWorldHint, because the input leaves the machine
 *     destructiveHint: false         MEDIUM
 *     anything else, or no hint      HIGH
 *
 * Hints are claims of the server. Where they are not trusted, the configuration overrides them. By the standard, a missing
 * `openWorldHint` means true, but hardly any server sets it, so only an explicit one counts.
 */
export function toolProperties(
  hints: ToolAnnotations = {},
  override: Partial<ToolOverride> = {},
): Pick<Tool, 'risk' | 'idempotent' | 'parallelSafe'> {
  const isReadOnly = hints.readOnlyHint === true;
  return {
    risk: override.risk ?? riskOf(hints),
    idempotent: override.idempotent ?? (isReadOnly || hints.idempotentHint === true),
    parallelSafe: isReadOnly,
  };
}

function riskOf({ readOnlyHint, destructiveHint, openWorldHint }: ToolAnnotations): RiskLevel {
  if (readOnlyHint === true) return openWorldHint === true ? 'MEDIUM' : 'LOW';
  return destructiveHint === false ? 'MEDIUM' : 'HIGH';
}

const TOOL_NAME_CHARACTERS = 64;
const validName = /^[A-Za-z0-9_-]+$/;
/** Without `__` inside or `_` at the end, so that the first `__` of a tool's name separates server and tool. */
const plainServerName = /^(?!.*__)[A-Za-z0-9_-]*[A-Za-z0-9-]$/;
const SEPARATOR = '__';
const HASH_CHARACTERS = 8;

/**
 * The name that models use for a tool of a server: `<server>__<tool>`. If it is too long or invalid for model providers, or if
 * another pair could have it, it is cut and ends with a hash of both names. It is the same after every start.
 */
export function toolName(server: string, tool: string): string {
  const name = `${server}${SEPARATOR}${tool}`;
  if (plainServerName.test(server) && validName.test(tool) && name.length <= TOOL_NAME_CHARACTERS) return name;
  const hash = createHash('sha256')
    .update(JSON.stringify([server, tool]))
    .digest('hex')
    .slice(0, HASH_CHARACTERS);
  return `${namePrefix(name)}_${hash}`;
}

/** Whether two servers could have tools with the same name. */
export function canShareNames(one: string, other: string): boolean {
  return canBeToolOf(one, namePrefix(`${other}${SEPARATOR}`)) || canBeToolOf(other, namePrefix(`${one}${SEPARATOR}`));
}

/** Whether the server could have a tool with this name. */
export function canBeToolOf(server: string, name: string): boolean {
  return name.startsWith(namePrefix(`${server}${SEPARATOR}`));
}

function namePrefix(name: string): string {
  return name.replace(/[^A-Za-z0-9_-]/g, '_').slice(0, TOOL_NAME_CHARACTERS - HASH_CHARACTERS - 1);
}
