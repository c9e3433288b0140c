import type { Client, Database } from '../database/database.ts';
import type { AgentVersion } from '../database/generated/sqlite/client.ts';
import type { AgentRef } from '../domain/events.ts';
import { type PageArguments, pageOf, type RowPage } from '../domain/page.ts';
import { type AgentInForce, type AgentSetup, agentById, readAgent } from './agents.ts';

/** One version of an agent, even if the agent has been changed or deleted since. */
export async function agentVersion(reader: Client, { id, version }: AgentRef): Promise<AgentInForce | null> {
  const row = await reader.agentVersion.findUnique({ where: { agentId_version: { agentId: id, version } } });
  return row && { ...readAgent(row), id };
}

/** The newest version of an agent of this owner, even if the agent was deleted since; null if there never was one. */
export async function lastAgentVersion(database: Database, owner: string, id: string): Promise<AgentInForce | null> {
  const agent = await agentById(database, owner, id);
  if (agent) return agent;
  const row = await database.reader.agentVersion.findFirst({
    where: { agentId: id, owner },
    orderBy: { version: 'desc' },
  });
  return row && { ...readAgent(row), id };
}

/** One version of an agent, as it is stored. */
export type StoredAgentVersion = Omit<AgentVersion, keyof AgentSetup> & AgentSetup;

/** Newest first. The bounds are versions. */
export async function agentVersions(
  reader: Client,
  agentId: string,
  page: PageArguments<number>,
): Promise<RowPage<StoredAgentVersion>> {
  const { after, before, from, size } = page;
  const found = await reader.agentVersion.findMany({
    where: { agentId, version: { lt: after ?? undefined, gt: before ?? undefined } },
    orderBy: { version: from === 'start' ? 'desc' : 'asc' },
    take: size + 1,
  });
  const { rows, ...rest } = pageOf(found, page);
  return { rows: rows.map(readAgent), ...rest };
}
