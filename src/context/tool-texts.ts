import { canonicalJson } from '../journal/canonical-json.ts';
import type { ToolDescription } from '../models/model.ts';

/**
 * Tool descriptions as requests contain them. The texts are cached for each tool object, because tools are the same in
 * every step and longer than most messages.
 */
export interface ToolTexts {
  /** The list as canonical JSON. */
  canonical(tools: readonly ToolDescription[]): string;
  /** Bytes of the list as JSON. */
  bytes(tools: readonly ToolDescription[]): number;
}

export function createToolTexts(): ToolTexts {
  const texts = new WeakMap<ToolDescription, { canonical: string; bytes: number }>();

  function textOf(tool: ToolDescription): { canonical: string; bytes: number } {
    const cached = texts.get(tool);
    if (cached) return cached;
    // The object may have more properties, which the model does not see.
    const { name, description, inputSchema } = tool;
    const described = { name, description, inputSchema };
    const { text: canonical } = canonicalJson(described);
    const text = { canonical, bytes: Buffer.byteLength(JSON.stringify(described)) };
    texts.set(tool, text);
    return text;
  }

  return {
    canonical: (tools) => `[${tools.map((tool) => textOf(tool).canonical).join(',')}]`,
    bytes: (tools) => tools.reduce((sum, tool) => sum + textOf(tool).bytes + 1, 1),
  };
}
