import type { Client, Database } from '../database/database.ts';
import type { Agent } from '../database/generated/sqlite/client.ts';
import { keysetPage, type PageArguments, type RowPage } from './keyset-page.ts';

/** An agent with its list of tools read. */
export type AgentRow = Omit<Agent, 'tools'> & {
  /** Names of tools; null for every tool there is. */
  tools: string[] | null;
};

const read = ({ tools, ...agent }: Agent): AgentRow => ({ ...agent, tools: tools === null ? null : JSON.parse(tools) });

export async function agentById(reader: Client, owner: string, id: string): Promise<AgentRow | null> {
  const agent = await reader.agent.findFirst({ where: { id, owner } });
  return agent && read(agent);
}

export async function agentByName(reader: Client, owner: string, name: string): Promise<AgentRow | null> {
  const agent = await reader.agent.findUnique({ where: { owner_name: { owner, name } } });
  return agent && read(agent);
}

export async function agentsByIds(reader: Client, owner: string, ids: readonly string[]): Promise<AgentRow[]> {
  return (await reader.agent.findMany({ where: { id: { in: [...ids] }, owner } })).map(read);
}

/** The one that runs where nobody names another. */
async function defaultAgent(reader: Client, owner: string): Promise<AgentRow | null> {
  const agent = await reader.agent.findFirst({ where: { owner, isDefault: true } });
  return agent && read(agent);
}

/** The one that was named, where it still exists; else the default one, if there is one. */
export async function agentInForce(reader: Client, owner: string, id: string | null): Promise<AgentRow | null> {
  return (id === null ? null : await agentById(reader, owner, id)) ?? defaultAgent(reader, owner);
}

/** Oldest first. */
export async function pageAgents(reader: Client, owner: string, page: PageArguments): Promise<RowPage<AgentRow>> {
  const { rows, ...rest } = await keysetPage(page, 'oldest-first', ({ where, ...query }) =>
    reader.agent.findMany({ where: { owner, ...where }, ...query }),
  );
  return { rows: rows.map(read), ...rest };
}

interface AgentChange {
  name?: string;
  instructions?: string;
  model?: string | null;
  tools?: string[] | null;
  isDefault?: boolean;
}

function columns({ tools, ...change }: AgentChange) {
  return { ...change, ...(tools === undefined ? {} : { tools: tools === null ? null : JSON.stringify(tools) }) };
}

/** Rejects with a StoreError of kind `constraint` where the name is taken. A new default replaces the old one. */
export async function createAgent(
  database: Database,
  agent: { id: string; owner: string; name: string; instructions: string; createdAt: Date } & AgentChange,
): Promise<AgentRow> {
  const { id, owner, name, instructions, createdAt, ...change } = agent;
  return database.write((client) =>
    client.$transaction(async (transaction) => {
      if (change.isDefault) await transaction.agent.updateMany({ where: { owner }, data: { isDefault: false } });
      const data = { id, owner, name, instructions, createdAt, updatedAt: createdAt, ...columns(change) };
      return read(await transaction.agent.create({ data }));
    }),
  );
}

/** Null where it is not the owner's. Rejects like `createAgent`. */
export async function updateAgent(
  database: Database,
  owner: string,
  id: string,
  change: AgentChange,
  updatedAt: Date,
): Promise<AgentRow | null> {
  return database.write((client) =>
    client.$transaction(async (transaction) => {
      if (change.isDefault) {
        await transaction.agent.updateMany({ where: { owner, id: { not: id } }, data: { isDefault: false } });
      }
      const data = { ...columns(change), updatedAt };
      const [row] = await transaction.agent.updateManyAndReturn({ where: { id, owner }, data });
      return row ? read(row) : null;
    }),
  );
}

/** Whether there was one of this owner. */
export async function deleteAgent(database: Database, owner: string, id: string): Promise<boolean> {
  const { count } = await database.write((client) => client.agent.deleteMany({ where: { id, owner } }));
  return count > 0;
}
