import { isDeepStrictEqual } from 'node:util';
import { executeWrites, type RowWrite } from '../database/batch-statement.ts';
import type { Client, Database } from '../database/database.ts';
import type { Agent } from '../database/generated/sqlite/client.ts';
import { keyed } from '../database/statement.ts';
import { defineTable } from '../database/table.ts';
import type { AgentRef, ClientToolDeclaration, Json } from '../domain/events.ts';
import { keysetQuery, type PageArguments, pageOf, type RowPage } from '../domain/page.ts';
import type { AgentLimits } from '../domain/run-limits.ts';

/** What the runs of an agent use. Every change makes a new version. */
export interface AgentSetup {
  name: string;
  instructions: string;
  /** Null for the default model. */
  model: string | null;
  /** Names of tools; null for all tools. */
  tools: string[] | null;
  /** Null for the server's limits. */
  limits: AgentLimits | null;
  /** JSON Schema of the results of its runs; null if they are text. */
  outputSchema: Json | null;
  /** Tools that clients run; null for none. */
  clientTools: ClientToolDeclaration[] | null;
}

/** An agent with its JSON columns parsed. */
export type AgentRow = Omit<Agent, keyof AgentSetup> & AgentSetup;

/** One version of an agent. */
export type AgentInForce = AgentSetup & AgentRef;

interface JsonColumns {
  tools: string | null;
  limits: string | null;
  outputSchema: string | null;
  clientTools: string | null;
}

/** Parses the JSON columns. */
export function readAgent<Row extends JsonColumns>(
  row: Row,
): Omit<Row, keyof JsonColumns> & Pick<AgentSetup, keyof JsonColumns> {
  const parsed = (json: string | null) => (json === null ? null : JSON.parse(json));
  const { tools, limits, outputSchema, clientTools } = row;
  return {
    ...row,
    tools: parsed(tools),
    limits: parsed(limits),
    outputSchema: parsed(outputSchema),
    clientTools: parsed(clientTools),
  };
}

const agents = defineTable<Agent>('Agent', {
  id: 'text',
  owner: 'text',
  name: 'text',
  instructions: 'text',
  model: 'text',
  tools: 'text',
  limits: 'text',
  outputSchema: 'text',
  clientTools: 'text',
  version: 'int',
  isDefault: 'boolean',
  createdAt: 'timestamp',
  updatedAt: 'timestamp',
});

const byId = keyed(agents.select(() => 'WHERE "id" = ? AND "owner" = ?'));
const byIdOrDefault = keyed(
  agents.select(() => 'WHERE "owner" = ? AND ("id" = ? OR "isDefault") ORDER BY "isDefault" LIMIT 1'),
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

/** The agent with this id if it exists, or else the owner's default agent; null if there is neither. */
export async function agentInForce(database: Database, owner: string, id: string | null): Promise<AgentInForce | null> {
  const [agent] = await database.query(byIdOrDefault, owner, id);
  return agent ? readAgent(agent) : null;
}

/** Oldest first. */
export async function pageAgents(reader: Client, owner: string, page: PageArguments): Promise<RowPage<AgentRow>> {
  const { where, ...query } = keysetQuery(page, 'oldest-first');
  const { rows, ...rest } = pageOf(await reader.agent.findMany({ where: { owner, ...where }, ...query }), page);
  return { rows: rows.map(readAgent), ...rest };
}

type Transaction = Pick<Client, 'agent' | 'agentVersion'>;

/** Undefined members stay unchanged. */
export type AgentChange = { [Name in keyof AgentSetup]?: AgentSetup[Name] | undefined };

interface NewAgent extends AgentSetup {
  id: string;
  owner: string;
  isDefault: boolean;
  createdAt: Date;
}

const setupColumns = ({ name, instructions, model, tools, limits, outputSchema, clientTools }: AgentSetup) => ({
  name,
  instructions,
  model,
  tools: tools && JSON.stringify(tools),
  limits: limits && JSON.stringify(limits),
  outputSchema: outputSchema === null ? null : JSON.stringify(outputSchema),
  clientTools: clientTools && JSON.stringify(clientTools),
});

/** The owner has as many versions of agents as are allowed. Nothing was changed. */
type VersionsFull = 'versions-full';

/**
 * Stores an agent and `rows` in one transaction. A new default agent replaces the old one. Rejects with a StoreError
 * `constraint` if the owner has an agent of this name, or the database refuses one of the rows.
 *
 * @param maxVersions of all agents of the owner
 */
export async function createAgent(
  database: Database,
  agent: NewAgent,
  { rows, maxVersions }: { rows: readonly RowWrite[]; maxVersions: number },
): Promise<'created' | VersionsFull> {
  return database.write((client) =>
    client.$transaction(async (transaction) => {
      if (await hasAllVersions(transaction, agent.owner, maxVersions)) return 'versions-full';
      await insertAgent(transaction, agent);
      await executeWrites(transaction, database.provider, rows);
      return 'created';
    }),
  );
}

async function insertAgent(transaction: Transaction, agent: NewAgent): Promise<void> {
  const { id, owner, isDefault, createdAt } = agent;
  if (isDefault) await transaction.agent.updateMany({ where: { owner }, data: { isDefault: false } });
  const data = { ...setupColumns(agent), id, owner, isDefault, createdAt, updatedAt: createdAt };
  await insertVersion(transaction, readAgent(await transaction.agent.create({ data })));
}

interface ChangeOptions {
  updatedAt: Date;
  maxVersions: number;
}

type ChangeOfAgent = AgentChange & { isDefault?: boolean | undefined };

/** Returns null if the owner has no such agent. `isDefault` is not part of a version. Rejects like `createAgent`. */
export async function updateAgent(
  database: Database,
  owner: string,
  id: string,
  change: ChangeOfAgent,
  options: ChangeOptions,
): Promise<AgentRow | VersionsFull | null> {
  return database.write((client) =>
    client.$transaction((transaction) => changeAgent(transaction, { owner, id }, change, options)),
  );
}

async function changeAgent(
  transaction: Transaction,
  { owner, id }: { owner: string; id: string },
  { isDefault, ...change }: ChangeOfAgent,
  { updatedAt, maxVersions }: ChangeOptions,
): Promise<AgentRow | VersionsFull | null> {
  // Changes nothing and locks the row, so a concurrent change of the agent waits here and then reads what this one wrote.
  const [locked] = await transaction.agent.updateManyAndReturn({ where: { id, owner }, data: { owner } });
  if (!locked) return null;
  const before = readAgent(locked);
  const after = { ...before, ...withoutUndefined(change) };
  const isNewVersion = !isDeepStrictEqual(setupColumns(before), setupColumns(after));
  if (isNewVersion && (await hasAllVersions(transaction, owner, maxVersions))) return 'versions-full';
  if (isDefault) {
    await transaction.agent.updateMany({ where: { owner, id: { not: id } }, data: { isDefault: false } });
  }
  const data = { ...setupColumns(after), isDefault: isDefault ?? before.isDefault, updatedAt };
  const row = readAgent(
    await transaction.agent.update({
      where: { id },
      data: { ...data, version: before.version + (isNewVersion ? 1 : 0) },
    }),
  );
  if (isNewVersion) await insertVersion(transaction, row);
  return row;
}

/**
 * Creates agents, or changes those with the same owner and name, all in one transaction. Agents that are the same already are not
 * written. Rejects like `createAgent`; another server may have created an agent at the same time.
 *
 * @param agents new ids are used for new agents alone; `isDefault: false` leaves the default of the owner as it is
 * @returns the owner who has as many versions as are allowed, in which case nothing was changed; null if all are stored
 */
export async function storeAgents(
  database: Database,
  agents: readonly NewAgent[],
  maxVersions: number,
): Promise<string | null> {
  let fullOwner: string | null = null;
  const rollback = new Error('The owner has all versions.');
  const write = database.write((client) =>
    client.$transaction(async (transaction) => {
      for (const agent of agents) {
        if (await storeAgent(transaction, agent, maxVersions)) continue;
        fullOwner = agent.owner;
        throw rollback;
      }
    }),
  );
  await write.catch((error: unknown) => {
    if (fullOwner === null) throw error;
  });
  return fullOwner;
}

/** Returns false if the owner has as many versions as are allowed. */
async function storeAgent(transaction: Transaction, agent: NewAgent, maxVersions: number): Promise<boolean> {
  const { owner, name, isDefault, createdAt: updatedAt } = agent;
  const stored = await transaction.agent.findUnique({ where: { owner_name: { owner, name } } });
  if (!stored) {
    if (await hasAllVersions(transaction, owner, maxVersions)) return false;
    await insertAgent(transaction, agent);
    return true;
  }
  const isSame = isDeepStrictEqual(setupColumns(readAgent(stored)), setupColumns(agent));
  if (isSame && (stored.isDefault || !isDefault)) return true;
  const change = { ...setupOf(agent), isDefault: isDefault || undefined };
  return (await changeAgent(transaction, stored, change, { updatedAt, maxVersions })) !== 'versions-full';
}

const setupOf = ({ name, instructions, model, tools, limits, outputSchema, clientTools }: AgentSetup): AgentSetup => ({
  name,
  instructions,
  model,
  tools,
  limits,
  outputSchema,
  clientTools,
});

async function hasAllVersions(transaction: Transaction, owner: string, maxVersions: number): Promise<boolean> {
  return (await transaction.agentVersion.count({ where: { owner } })) >= maxVersions;
}

function withoutUndefined(change: AgentChange): Partial<AgentSetup> {
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
}

async function insertVersion(transaction: Transaction, agent: AgentRow): Promise<void> {
  const { id: agentId, version, owner, updatedAt: createdAt } = agent;
  await transaction.agentVersion.create({ data: { ...setupColumns(agent), agentId, version, owner, createdAt } });
}

/** Returns false if the owner has no such agent. Its versions stay, because the tapes of its runs refer to them. */
export async function deleteAgent(database: Database, owner: string, id: string): Promise<boolean> {
  const { count } = await database.write((client) => client.agent.deleteMany({ where: { id, owner } }));
  return count > 0;
}
