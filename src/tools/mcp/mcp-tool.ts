import type { Tool as McpToolDescription } from '@modelcontextprotocol/sdk/types.js';
import { MCP_DESCRIPTION_CHARACTERS, MCP_SCHEMA_BYTES } from '../../config/limits.ts';
import type { McpServerConfig } from '../../config/tools-config.ts';
import type { Json } from '../../domain/events.ts';
import { storableText } from '../../domain/storable-text.ts';
import type { Tool } from '../tool.ts';
import { compileInputCheck } from './input-check.ts';
import { toolName } from './tool-names.ts';
import { toolTraits } from './tool-traits.ts';

/** Runs a call of the server's tool; the name is the server's own. */
export type Execute = (tool: string, ...call: Parameters<Tool['execute']>) => Promise<Json>;

/** The gateway's tool for one that a server lists. Throws, in words for the operator, where it can not be offered. */
export function mcpTool(
  server: string,
  { timeoutSeconds, tools }: Pick<McpServerConfig, 'timeoutSeconds' | 'tools'>,
  { name, title, description, inputSchema, annotations, execution }: McpToolDescription,
  execute: Execute,
): Tool {
  if (execution?.taskSupport === 'required') throw new Error('It runs only as a task, which the gateway does not do.');
  const schemaBytes = Buffer.byteLength(JSON.stringify(inputSchema));
  if (schemaBytes > MCP_SCHEMA_BYTES) throw new Error(`Its input schema is longer than ${MCP_SCHEMA_BYTES} bytes.`);
  const override = Object.hasOwn(tools, name) ? tools[name] : undefined;
  return {
    name: toolName(server, name),
    description: storableText(description || title || name).slice(0, MCP_DESCRIPTION_CHARACTERS),
    inputSchema: inputSchema as { [key: string]: Json },
    ...toolTraits(annotations, override),
    timeoutSeconds,
    source: server,
    prepare: compileInputCheck(inputSchema),
    execute: (input, context) => execute(name, input, context),
  };
}
