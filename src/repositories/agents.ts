import type { Client, Database } from '../database/database.ts';
import type { Agent } from '../database/generated/sqlite/client.ts';
import { type ColumnsOf, columnList, statement } from '../database/statement.ts';
import type { AgentLimits } from '../domain/agent-limits.ts';
import type { AgentRef } from '../domain/events.ts';
import { keysetQuery, type PageArguments, pageOf, type RowPage } from '../domain/page.ts';

/** What the runs of an agent are given. A change of any of it is a new version. */
export interface AgentSetup {
  name: string;
  instructions: string;
  /** Null for the default one. */
  model: string | null;
  /** Names of tools; null for every tool there is. */
  tools: string[] | null;
  /** Null where the gateway's own hold. */
  limits: AgentLimits | null;
}

/** An agent with its lists read. */
export type AgentRow = Omit<Agent, keyof AgentSetup> & AgentSetup;

/** An agent as it was, or is. */
export type AgentInForce = AgentSetup & AgentRef;

interface StoredLists {
  tools: string | null;
  limits: string | null;
}

/** Reads the columns that hold JSON. */
export function readAgent<Row extends StoredLists>(
  row: Row,
): Omit<Row, keyof StoredLists> & Pick<AgentSetup, 'tools' | 'limits'> {
  const parsed = (json: string | null) => (json === null ? null : JSON.parse(json));
  return { ...row, tools: parsed(row.tools), limits: parsed(row.limits) };
}

const columns: ColumnsOf<Agent> = {
  id: 'text',
  owner: 'text',
  name: 'text',
  instructions: 'text',
  model: 'text',
  tools: 'text',
  limits: 'text',
  version: 'number',
  isDefault: 'boolean',
  createdAt: 'time',
  updatedAt: 'time',
};
const byId = statement(
  columns,
  () => `SELECT ${columnList('Agent', columns)} FROM "Agent" WHERE "id" = ? AND "owner" = ?`,
);
const inForce = statement(
  columns,
  () => `SELECT ${columnList('Agent', columns)} FROM "Agent" WHERE "owner" = ? AND ("id" = ? OR "isDefault")
    ORDER BY "isDefault" LIMIT 1`,
);

export async function agentById(database: Database, owner: string, id: string): Promise<AgentRow | null> {
  const [agent] = await database.query(byId, id, owner);
  return agent ? readAgent(agent) : null;
}

export async function agentByName(reader: Client, owner: string, name: string): Promise<AgentRow | null> {
  const agent = await reader.agent.findUnique({ where: { owner_name: { owner, name } } });
  return agent && readAgent(agent);
}

export async function agentsByIds(reader: Client, owner: string, ids: readonly string[]): Promise<AgentRow[]> {
  return (await reader.agent.findMany({ where: { id: { in: [...ids] }, owner } })).map(readAgent);
}

/** The one that was named, where it still exists; else the default one, if there is one. */
export async function agentInForce(database: Database, owner: string, id: string | null): Promise<AgentInForce | null> {
  const found = (await database.query(inForce, owner, id)).map(readAgent);
  return found.find((agent) => agent.id === id) ?? found[0] ?? null;
}

/** What the agent was in one version, also after it was changed or deleted. */
export async function agentVersion(reader: Client, { id, version }: AgentRef): Promise<AgentInForce | null> {
  const row = await reader.agentVersion.findUnique({ where: { agentId_version: { agentId: id, version } } });
  return row && { ...readAgent(row), id };
}

/** Oldest first. */
export async function pageAgents(reader: Client, owner: string, page: PageArguments): Promise<RowPage<AgentRow>> {
  const { where, ...query } = keysetQuery(page, 'oldest-first');
  const { rows, ...rest } = pageOf(await reader.agent.findMany({ where: { owner, ...where }, ...query }), page);
  return { rows: rows.map(readAgent), ...rest };
}
