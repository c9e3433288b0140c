import { describe, expect, test } from 'vitest';
import { createAcceptedDefinitions } from '../../../src/application/tool-calls/accepted-definitions.ts';
import { definitionOf } from '../../../src/application/tool-calls/tool-definition.ts';
import { MCP_KNOWN_TOOLS } from '../../../src/config/limits.ts';
import type { RowWrite } from '../../../src/database/batch-statement.ts';
import type { ToolDefinitionRow } from '../../../src/repositories/tool-definitions.ts';
import type { Tool } from '../../../src/tools/tool.ts';

function toolOf(name: string, description = 'First.', more: Partial<Tool> = {}): Tool {
  return {
    name,
    description,
    inputSchema: {},
    risk: 'LOW',
    idempotent: true,
    parallelSafe: true,
    timeoutSeconds: 60,
    source: 'cards',
    prepare: (input) => ({ ok: true, input }),
    execute: async () => null,
    ...more,
  };
}

/** The table in memory, which several servers can share. */
function createTable() {
  const rows = new Map<string, ToolDefinitionRow>();
  let statements = 0;
  let isAway = false;
  const run = () => {
    statements += 1;
    if (isAway) throw new Error('The database is away.');
  };
  const database = {
    reader: {
      toolDefinition: {
        async findMany({ where }: { where: { tool: { in: string[] } } }) {
          run();
          return where.tool.in.flatMap((tool) => rows.get(tool) ?? []);
        },
        async count({ where }: { where: { source: string } }) {
          run();
          return [...rows.values()].filter(({ source }) => source === where.source).length;
        },
      },
    },
    async commit(writes: readonly RowWrite[]) {
      run();
      for (const { statement, row } of writes) {
        const isFirst = statement.sqlite?.sql.includes('DO NOTHING') ?? false;
        const stored = row as unknown as ToolDefinitionRow;
        if (!(isFirst && rows.has(stored.tool))) rows.set(stored.tool, stored);
      }
    },
  };
  const logged: unknown[] = [];
  const log = (...entry: unknown[]) => void logged.push(entry);
  const createServer = (quarantine = true) =>
    createAcceptedDefinitions({
      database: database as unknown as Parameters<typeof createAcceptedDefinitions>[0]['database'],
      now: () => 0,
      logger: { info: log, warn: log } as unknown as Parameters<typeof createAcceptedDefinitions>[0]['logger'],
      hasQuarantine: () => quarantine,
    });
  return {
    rows,
    createServer,
    logged,
    statements: () => statements,
    setAway: (away: boolean) => {
      isAway = away;
    },
  };
}

describe('the accepted definitions of tools', () => {
  test('are the first that are seen, which costs no statement afterwards', async () => {
    const { createServer, rows, statements } = createTable();
    const definitions = createServer();
    const tool = toolOf('cards__send');
    expect(definitions.quarantineOf(tool)).toEqual({ previous: null });
    await definitions.compare([tool, toolOf('clock', 'Tells the time.', { source: 'builtin' })]);
    expect(definitions.quarantineOf(tool)).toBe(null);
    expect([...rows.values()]).toMatchObject([
      { tool: 'cards__send', hash: definitionOf(tool).hash, acceptedBy: null },
    ]);
    const before = statements();
    await definitions.compare([tool, toolOf('cards__send')]);
    expect(statements()).toBe(before);
  });

  test('do not change when a tool changes, on any server and after a restart', async () => {
    const { createServer, logged } = createTable();
    const [first, changed] = [toolOf('cards__send'), toolOf('cards__send', 'Wires money.')];
    await createServer().compare([first]);
    for (const definitions of [createServer(), createServer()]) {
      await definitions.compare([changed]);
      await definitions.compare([changed]);
      expect(definitions.quarantineOf(changed)).toEqual({ previous: definitionOf(first).value });
      expect(definitions.quarantineOf(first)).toBe(null);
    }
    const entry = {
      event: 'tool-changed',
      tool: 'cards__send',
      mcpServer: 'cards',
      definitionHash: definitionOf(changed).hash,
    };
    const message = 'the definition of a tool changed; its calls need an approval until somebody accepts it';
    expect(logged).toEqual([
      [entry, message],
      [entry, message],
    ]);
  });

  test.each([
    ['description', { description: 'Other.' }],
    ['schema', { inputSchema: { type: 'object' } }],
    ['risk', { risk: 'HIGH' }],
    ['idempotence', { idempotent: false }],
    ['server', { source: 'impostor' }],
  ] as const)('depend on the %s', (_what, more) => {
    expect(definitionOf(toolOf('t', 'First.', more)).hash).not.toBe(definitionOf(toolOf('t')).hash);
    // The order of the members of a schema means nothing.
    const schema = (inputSchema: Tool['inputSchema']) => definitionOf(toolOf('t', 'First.', { inputSchema })).hash;
    expect(schema({ a: 1, b: 2 })).toBe(schema({ b: 2, a: 1 }));
  });

  test('are changed by a person, for all servers', async () => {
    const { createServer } = createTable();
    const [one, other] = [createServer(), createServer()];
    const changed = toolOf('cards__send', 'Wires money.');
    await one.compare([toolOf('cards__send')]);
    await other.compare([changed]);
    await one.accept(changed, 'ada');
    expect(one.quarantineOf(changed)).toBe(null);
    expect(other.quarantineOf(changed)).not.toBe(null);
    await other.compare([changed]);
    expect(other.quarantineOf(changed)).toBe(null);
  });

  test('follow every change if the configuration says so', async () => {
    const { createServer, rows, logged } = createTable();
    const definitions = createServer(false);
    const changed = toolOf('cards__send', 'Wires money.');
    await definitions.compare([toolOf('cards__send')]);
    await definitions.compare([changed]);
    expect(definitions.quarantineOf(changed)).toBe(null);
    expect(rows.get('cards__send')?.hash).toBe(definitionOf(changed).hash);
    expect(logged).toEqual([[expect.anything(), 'the definition of a tool changed']]);
  });

  test('are bounded in number for each server: its further tools are in quarantine', async () => {
    const { createServer, rows } = createTable();
    const definitions = createServer();
    const tools = Array.from({ length: MCP_KNOWN_TOOLS + 1 }, (_, index) => toolOf(`cards__${index}`));
    const foreign = toolOf('files__read', 'Reads.', { source: 'files' });
    await definitions.compare([...tools, foreign]);
    expect(rows.size).toBe(MCP_KNOWN_TOOLS + 1);
    expect(tools.filter((tool) => definitions.quarantineOf(tool) !== null)).toEqual([tools.at(-1)]);
    expect(definitions.quarantineOf(foreign)).toBe(null);
    const later = [toolOf('cards__later'), toolOf('files__later', 'Reads.', { source: 'files' })];
    await definitions.compare(later);
    expect(later.map((tool) => definitions.quarantineOf(tool))).toEqual([{ previous: null }, null]);
    expect(rows.size).toBe(MCP_KNOWN_TOOLS + 2);
  });

  test('are not kept for the tools of the gateway', async () => {
    const { createServer, statements } = createTable();
    const clock = toolOf('clock', 'Tells the time.', { source: 'builtin' });
    await createServer().accept(clock, 'ada');
    expect([statements(), createServer().quarantineOf(clock)]).toEqual([0, null]);
  });

  test('are compared again after the database was away; until then the tool is in quarantine', async () => {
    const { createServer, setAway } = createTable();
    const definitions = createServer();
    const tool = toolOf('cards__send');
    setAway(true);
    await expect(definitions.compare([tool])).rejects.toThrow('away');
    expect(definitions.quarantineOf(tool)).not.toBe(null);
    setAway(false);
    await definitions.compare([tool]);
    expect(definitions.quarantineOf(tool)).toBe(null);
  });
});
