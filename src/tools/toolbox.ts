import type { Tool } from './tool.ts';

/** Tools that come and go together, such as those of one MCP server. */
export interface ToolSource {
  /** The tools that can be called now. Names are unique within the source. */
  list(): readonly Tool[];
  /** Why a tool of this source cannot be called now, for the model. Null if it can, or if the name is not of this source. */
  unavailableReason(name: string): string | null;
  /**
   * Resolves when the source knows whether it has the tool, at the latest after MCP_READY_WAIT_SECONDS. Resolves at once for a
   * name that cannot be of this source. Rejects with the reason of `signal` if that aborts.
   */
  waitUntilReady(name: string, signal: AbortSignal): Promise<void>;
}

/** All tools of the gateway. Its contents change while the gateway runs. */
export interface Toolbox {
  /** The tools that can be called now: built-in ones, then those of each source. Names are unique. */
  list(): readonly Tool[];
  /** Null if no tool of this name can be called now. */
  find(name: string): Tool | null;
  /** Why a known tool cannot be called now, for the model. Null for an unknown name. */
  unavailableReason(name: string): string | null;
  /** Waits until no source that can have one of these tools is starting. The wait is bounded. Rejects as a source does. */
  waitUntilReady(names: readonly string[], signal: AbortSignal): Promise<void>;
}

/**
 * Of tools with the same name the first one wins: built-in tools, then sources in their order.
 * @param sources returns the sources that there are now
 */
export function createToolbox(builtin: readonly Tool[], sources: () => readonly ToolSource[] = () => []): Toolbox {
  const toolsByName = () => {
    const tools = new Map<string, Tool>();
    for (const tool of [...builtin, ...sources().flatMap((source) => source.list())]) {
      if (!tools.has(tool.name)) tools.set(tool.name, tool);
    }
    return tools;
  };
  return {
    list: () => [...toolsByName().values()],
    find: (name) => toolsByName().get(name) ?? null,
    unavailableReason(name) {
      for (const source of sources()) {
        const reason = source.unavailableReason(name);
        if (reason !== null) return reason;
      }
      return null;
    },
    async waitUntilReady(names, signal) {
      await Promise.all(sources().flatMap((source) => names.map((name) => source.waitUntilReady(name, signal))));
    },
  };
}

const ALL_OF_SOURCE = '/*';

/**
 * The tools of an agent, in the order of `tools`. An entry of `selection` is the name of a tool, or `source/*` for all tools of a
 * source: `builtin/*`, or `<server>/*` for an MCP server. Null selects all tools.
 */
export function selectTools<Candidate extends Pick<Tool, 'name' | 'source'>>(
  tools: readonly Candidate[],
  selection: readonly string[] | null,
): readonly Candidate[] {
  if (selection === null) return tools;
  const names = new Set(selection);
  // The name of a server can contain slashes and asterisks, so only the end of an entry is special.
  const sources = new Set(
    selection.filter((entry) => entry.endsWith(ALL_OF_SOURCE)).map((entry) => entry.slice(0, -ALL_OF_SOURCE.length)),
  );
  return tools.filter(({ name, source }) => names.has(name) || sources.has(source));
}
