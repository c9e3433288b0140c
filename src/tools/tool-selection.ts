import type { Tool } from './tool.ts';

const EVERY_TOOL_OF = '/*';

/**
 * The tools that an agent's list picks, in the toolbox's order. An entry is a tool's name, or `source/*` for all that
 * come from one source: `builtin/*`, or the name of an MCP server. Null picks every tool.
 */
export function selectTools<Some extends Pick<Tool, 'name' | 'source'>>(
  tools: readonly Some[],
  picked: readonly string[] | null,
): readonly Some[] {
  if (picked === null) return tools;
  const names = new Set(picked);
  // Server names may hold any character, slashes and asterisks too: only the end of an entry is special.
  const sources = new Set(
    picked.filter((entry) => entry.endsWith(EVERY_TOOL_OF)).map((entry) => entry.slice(0, -EVERY_TOOL_OF.length)),
  );
  return tools.filter(({ name, source }) => names.has(name) || sources.has(source));
}
