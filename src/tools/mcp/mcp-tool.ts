import { createHash } from 'node:crypto';
import type { Tool as McpToolDescription, ToolAnnotations } from '@modelcontextprotocol/sdk/types.js';
import { AjvJsonSchemaValidator } from '@modelcontextprotocol/sdk/validation/ajv';
import { nextTurn } from '../../clock.ts';
import { MCP_DESCRIPTION_CHARACTERS, MCP_SCHEMA_BYTES, MCP_TOOLS } from '../../config/limits.ts';
import type { McpServerConfig, ToolOverride } from '../../config/tools-config.ts';
import type { Json, RiskLevel } from '../../domain/events.ts';
import { storableText } from '../../domain/storable-text.ts';
import type { PreparedInput, Tool } from '../tool.ts';
import { describeFailure, type Log } from './channel.ts';

/** Calls a tool of the server by the server's own name for it. */
export type CallTool = (tool: string, ...call: Parameters<Tool['execute']>) => Promise<Json>;

interface ServerEntry {
  name: string;
  config: Pick<McpServerConfig, 'timeoutSeconds' | 'tools'>;
  log: Log;
}

/**
 * The tools of a server that models can call. Logs why others are left out. Yields after each tool, because compiling its
 * schema takes milliseconds.
 */
export async function createMcpTools(
  { name: server, config, log }: ServerEntry,
  descriptions: readonly McpToolDescription[],
  callTool: CallTool,
): Promise<Tool[]> {
  const logLeftOut = (tool: string, reason: string) =>
    log.warn({ mcpServer: server, tool, reason }, 'a tool of an MCP server is left out');
  const enabled = descriptions.filter(({ name }) => !Object.hasOwn(config.tools, name) || config.tools[name]?.enabled);
  const tools = new Map<string, Tool>();
  for (const description of enabled.slice(0, MCP_TOOLS)) {
    try {
      const tool = createMcpTool(server, config, description, callTool);
      if (tools.has(tool.name)) logLeftOut(description.name, 'Its name is listed twice.');
      else tools.set(tool.name, tool);
    } catch (error) {
      logLeftOut(description.name, describeFailure(error));
    }
    await nextTurn();
  }
  if (enabled.length > MCP_TOOLS)
    logLeftOut('', `The server has more than ${MCP_TOOLS} tools; the last ones are left out.`);
  for (const configured of Object.keys(config.tools)) {
    if (descriptions.every(({ name }) => name !== configured)) {
      logLeftOut(configured, 'The configuration names it, but the server does not have it.');
    }
  }
  return [...tools.values()];
}

/** Throws if the tool cannot be called; the message is for the operator. */
function createMcpTool(
  server: string,
  { timeoutSeconds, tools }: ServerEntry['config'],
  { name, title, description, inputSchema, annotations, execution }: McpToolDescription,
  callTool: CallTool,
): Tool {
  if (execution?.taskSupport === 'required') throw new Error('It runs only as a task, which is not supported.');
  const schemaBytes = Buffer.byteLength(JSON.stringify(inputSchema));
  if (schemaBytes > MCP_SCHEMA_BYTES) throw new Error(`Its input schema is longer than ${MCP_SCHEMA_BYTES} bytes.`);
  const override = Object.hasOwn(tools, name) ? tools[name] : undefined;
  return {
    name: toolName(server, name),
    description: storableText(description || title || name).slice(0, MCP_DESCRIPTION_CHARACTERS),
    inputSchema: inputSchema as { [key: string]: Json },
    ...toolProperties(annotations, override),
    timeoutSeconds,
    source: server,
    prepare: compileInputValidation(inputSchema),
    execute: (input, context) => callTool(name, input, context),
  };
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

/** Whether the server could have a tool with this name. */
export function canBeToolOf(server: string, name: string): boolean {
  return name.startsWith(namePrefix(`${server}${SEPARATOR}`));
}

function namePrefix(name: string): string {
  return name.replace(/[^A-Za-z0-9_-]/g, '_').slice(0, TOOL_NAME_CHARACTERS - HASH_CHARACTERS - 1);
}

/** Compiles an input schema. Throws if it is invalid. */
export function compileInputValidation(schema: Readonly<Record<string, unknown>>): (input: Json) => PreparedInput {
  // The validator of such a schema returns a promise.
  if ('$async' in schema) throw new Error('Asynchronous schemas are not supported.');
  // With its own validator and without an id, a schema cannot refer to the schema of another tool.
  const { $id: _id, ...schemaWithoutId } = schema;
  const validate = new AjvJsonSchemaValidator().getValidator<Json>(schemaWithoutId);
  return (input) => {
    try {
      const { valid, errorMessage } = validate(input);
      return valid ? { ok: true, input } : { ok: false, error: `Invalid input: ${validationError(errorMessage)}.` };
    } catch (error) {
      return { ok: false, error: `The input schema of the tool cannot be evaluated: ${String(error)}` };
    }
  };
}

/** The validator calls the input `data`. */
function validationError(message: string | undefined): string {
  return (message ?? 'it does not match the schema').replace(/\bdata\b(?=[/ ])/g, 'input');
}
