import type { Tool } from './tool.ts';

/** Tools that come and go together: those of one MCP server. */
export interface ToolSource {
  /** What can be called now. */
  list(): readonly Tool[];
  /** Why a tool of this name, which would be found here, can not be called now; null where it is none of this source's. */
  absence(name: string): string | null;
  /**
   * Resolves when it is known whether a tool of this name is here, or after a bounded wait.
   * Rejects with the signal's reason where that aborts before.
   */
  settled(name: string, signal: AbortSignal): Promise<void>;
}

/** Every tool of the gateway. What it holds changes while it runs. */
export interface Toolbox {
  /** Every tool that there is now. No name stands twice. */
  list(): readonly Tool[];
  find(name: string): Tool | null;
  /** Why a tool that belongs here can not be called now, in words for the model; null for a name that nobody knows. */
  absence(name: string): string | null;
  /** Waits, bounded, for sources that are still starting and may have one of these tools. */
  settled(names: readonly string[], signal: AbortSignal): Promise<void>;
}

/** Fixed tools come before those of sources, and sources in their order: of two with one name the first is taken. */
export function createToolbox(fixed: readonly Tool[], sources: readonly ToolSource[] = []): Toolbox {
  const byName = () => {
    const found = new Map<string, Tool>();
    for (const tool of [...fixed, ...sources.flatMap((source) => source.list())]) {
      if (!found.has(tool.name)) found.set(tool.name, tool);
    }
    return found;
  };
  return {
    list: () => [...byName().values()],
    find: (name) => byName().get(name) ?? null,
    absence(name) {
      for (const source of sources) {
        const reason = source.absence(name);
        if (reason !== null) return reason;
      }
      return null;
    },
    async settled(names, signal) {
      await Promise.all(sources.flatMap((source) => names.map((name) => source.settled(name, signal))));
    },
  };
}
