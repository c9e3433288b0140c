import { createHash } from 'node:crypto';
import type { Json } from '../../domain/events.ts';
import { canonicalJson } from '../../journal/canonical-json.ts';
import type { Tool } from '../../tools/tool.ts';

/** What an approver is shown of a tool, and what policy sees of it. */
export interface ToolDefinition {
  value: Json;
  /** Canonical JSON. */
  text: string;
  /** SHA-256 of the text, in lower-case hex. */
  hash: string;
}

/** A changed tool is a new object, so each definition is computed once. */
const definitions = new WeakMap<Tool, ToolDefinition>();

export function definitionOf(tool: Tool): ToolDefinition {
  const known = definitions.get(tool);
  if (known) return known;
  const { source, name, description, inputSchema, risk, idempotent } = tool;
  const { text, value } = canonicalJson({ source, name, description, inputSchema, risk, idempotent });
  const definition = { value, text, hash: createHash('sha256').update(text).digest('hex') };
  definitions.set(tool, definition);
  return definition;
}
