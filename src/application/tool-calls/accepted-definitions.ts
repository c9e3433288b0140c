import * as limits from '../../config/limits.ts';
import { BUILTIN_SOURCE, CLIENT_SOURCE } from '../../config/tools-config.ts';
import type { RowWrite } from '../../database/batch-statement.ts';
import type { Database } from '../../database/database.ts';
import type { Json } from '../../domain/events.ts';
import type { Logger } from '../../logger.ts';
import {
  countDefinitions,
  definitionsOf,
  insertFirstDefinition,
  replaceDefinition,
  type ToolDefinitionRow,
} from '../../repositories/tool-definitions.ts';
import type { Tool } from '../../tools/tool.ts';
import { definitionOf } from './tool-definition.ts';

/** A definition that nobody has accepted. */
export interface Quarantine {
  /** The definition that was accepted last; null if the tool has none. */
  previous: Json;
}

/**
 * The accepted definition of each tool, in the database, so that all servers agree and a restart forgets nothing.
 *
 * The first definition that is seen of a tool is accepted. A changed one is in quarantine until a person accepts it. Built-in
 * tools change only with the program, and a client declares its own tools: neither are ever in quarantine.
 */
export interface AcceptedDefinitions {
  /**
   * Compares tools with the database, so that `quarantineOf` is right for them. Runs statements only for tools that are new to this
   * server or in quarantine. Rejects with a StoreError; the tools that could not be compared are then in quarantine.
   */
  compare(tools: readonly Tool[]): Promise<void>;
  /** Null if the definition of the tool is accepted. */
  quarantineOf(tool: Tool): Quarantine | null;
  /** Accepts the definition of a tool, for all servers. */
  accept(tool: Tool, by: string): Promise<void>;
}

interface Options {
  database: Pick<Database, 'reader' | 'commit'>;
  /** Epoch milliseconds. */
  now(): number;
  logger: Pick<Logger, 'info' | 'warn'>;
  /** Whether a changed definition is in quarantine. If not, it is accepted when it is seen. */
  hasQuarantine(): boolean;
}

const sourcesWithoutQuarantine: ReadonlySet<string> = new Set([BUILTIN_SOURCE, CLIENT_SOURCE]);

export function createAcceptedDefinitions({ database, now, logger, hasQuarantine }: Options): AcceptedDefinitions {
  /** What this server knows of the table, by name of the tool. */
  const known = new Map<string, { hash: string; definition: string }>();
  const logged = new WeakSet<Tool>();
  const isAccepted = (tool: Tool) =>
    sourcesWithoutQuarantine.has(tool.source) || known.get(tool.name)?.hash === definitionOf(tool).hash;

  function rowOf(tool: Tool, acceptedBy: string | null): ToolDefinitionRow {
    const { hash, text } = definitionOf(tool);
    const { name, source } = tool;
    return { tool: name, source, hash, definition: text, acceptedAt: new Date(now()), acceptedBy };
  }

  async function readKnown(tools: readonly Tool[]): Promise<void> {
    const names = tools.map(({ name }) => name);
    for (const { tool, hash, definition } of await definitionsOf(database.reader, names)) {
      known.set(tool, { hash, definition });
    }
  }

  /** A server could rename its tools without end, so the table keeps a bounded number of them. */
  async function firstDefinitions(tools: readonly Tool[]): Promise<RowWrite[]> {
    const writes: RowWrite[] = [];
    for (const source of new Set(tools.map((tool) => tool.source))) {
      const room = Math.max(0, limits.MCP_KNOWN_TOOLS - (await countDefinitions(database.reader, source)));
      const ofSource = tools.filter((tool) => tool.source === source);
      writes.push(...ofSource.slice(0, room).map((tool) => insertFirstDefinition(rowOf(tool, null))));
    }
    return writes;
  }

  function logChange(tool: Tool): void {
    if (logged.has(tool)) return;
    logged.add(tool);
    const { hash: definitionHash } = definitionOf(tool);
    const message = hasQuarantine()
      ? 'the definition of a tool changed; its calls need an approval until somebody accepts it'
      : 'the definition of a tool changed';
    logger.warn({ event: 'tool-changed', tool: tool.name, mcpServer: tool.source, definitionHash }, message);
  }

  return {
    async compare(tools) {
      const open = tools.filter((tool) => !isAccepted(tool));
      if (open.length === 0) return;
      await readKnown(open);
      const fresh = open.filter(({ name }) => !known.has(name));
      const changed = open.filter((tool) => known.has(tool.name) && !isAccepted(tool));
      const replaced = hasQuarantine() ? [] : changed;
      const writes = [
        ...(await firstDefinitions(fresh)),
        ...replaced.map((tool) => replaceDefinition(rowOf(tool, null))),
      ];
      if (writes.length > 0) {
        await database.commit(writes);
        await readKnown([...fresh, ...replaced]);
      }
      changed.forEach(logChange);
    },
    quarantineOf(tool) {
      if (isAccepted(tool)) return null;
      const accepted = known.get(tool.name);
      return { previous: accepted ? JSON.parse(accepted.definition) : null };
    },
    async accept(tool, by) {
      if (sourcesWithoutQuarantine.has(tool.source)) return;
      await database.commit([replaceDefinition(rowOf(tool, by))]);
      const { hash, text } = definitionOf(tool);
      known.set(tool.name, { hash, definition: text });
    },
  };
}
