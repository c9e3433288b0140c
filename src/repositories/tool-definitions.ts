import { batchWriter } from '../database/batch-statement.ts';
import type { Client } from '../database/database.ts';
import type { ToolDefinition } from '../database/generated/sqlite/client.ts';
import type { ColumnTypes } from '../database/statement.ts';
import { defineTable } from '../database/table.ts';

export type ToolDefinitionRow = ToolDefinition;

const columns: ColumnTypes<ToolDefinitionRow> = {
  tool: 'text',
  source: 'text',
  hash: 'text',
  definition: 'text',
  acceptedAt: 'timestamp',
  acceptedBy: 'text',
};
const names = Object.keys(columns);

/** Remembers the definition of a tool that has none. Does nothing if another server remembered one first. */
export const insertFirstDefinition = batchWriter<ToolDefinitionRow>(
  { order: 71, distinct: ['tool'], columns },
  ({ rows, value }) => `INSERT INTO "ToolDefinition" (${names.map((name) => `"${name}"`).join(', ')})
    SELECT ${names.map(value).join(', ')} FROM ${rows} WHERE true ON CONFLICT ("tool") DO NOTHING`,
);

/** Remembers the definition of a tool in place of an earlier one. */
export const replaceDefinition = defineTable<ToolDefinitionRow>('ToolDefinition', columns).insert({
  order: 72,
  replace: { key: ['tool'] },
});

/** Tools without a definition are left out. */
export function definitionsOf(reader: Client, tools: readonly string[]): Promise<ToolDefinitionRow[]> {
  return reader.toolDefinition.findMany({ where: { tool: { in: [...tools] } } });
}

/** How many tools of an MCP server have a definition. */
export function countDefinitions(reader: Client, source: string): Promise<number> {
  return reader.toolDefinition.count({ where: { source } });
}
