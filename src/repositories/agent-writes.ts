import { isDeepStrictEqual } from 'node:util';
import type { Client, Database } from '../database/database.ts';
import { type AgentRow, type AgentSetup, readAgent } from './agents.ts';

type Transaction = Pick<Client, 'agent' | 'agentVersion'>;

/** What is undefined stays as it is. */
export type AgentChange = { [Name in keyof AgentSetup]?: AgentSetup[Name] | undefined };

interface NewAgent extends AgentSetup {
  id: string;
  owner: string;
  isDefault: boolean;
  createdAt: Date;
}

const stored = (value: unknown) => (value === null ? null : JSON.stringify(value));
const columns = ({ name, instructions, model, tools, limits }: AgentSetup) => ({
  name,
  instructions,
  model,
  tools: stored(tools),
  limits: stored(limits),
});

/** Rejects with a StoreError of kind `constraint` where the name is taken. A new default replaces the old one. */
export async function createAgent(database: Database, agent: NewAgent): Promise<void> {
  const { id, owner, isDefault, createdAt } = agent;
  await database.write((client) =>
    client.$transaction(async (transaction) => {
      if (isDefault) await transaction.agent.updateMany({ where: { owner }, data: { isDefault: false } });
      const data = { ...columns(agent), id, owner, isDefault, createdAt, updatedAt: createdAt };
      await keepVersion(transaction, readAgent(await transaction.agent.create({ data })));
    }),
  );
}

/** Null where it is not the owner's. Being the default one is no part of a version. Rejects like `createAgent`. */
export async function updateAgent(
  database: Database,
  owner: string,
  id: string,
  { isDefault, ...change }: AgentChange & { isDefault?: boolean | undefined },
  updatedAt: Date,
): Promise<AgentRow | null> {
  return database.write((client) =>
    client.$transaction(async (transaction) => {
      // Written first, so that a second change of the same agent waits here and then finds what this one left.
      const [touched] = await transaction.agent.updateManyAndReturn({ where: { id, owner }, data: { updatedAt } });
      if (!touched) return null;
      if (isDefault) {
        await transaction.agent.updateMany({ where: { owner, id: { not: id } }, data: { isDefault: false } });
      }
      const before = readAgent(touched);
      const after = { ...before, ...withoutUndefined(change) };
      const isNew = !isDeepStrictEqual(columns(before), columns(after));
      const data = { ...columns(after), isDefault: isDefault ?? before.isDefault };
      const row = readAgent(
        await transaction.agent.update({ where: { id }, data: { ...data, version: before.version + (isNew ? 1 : 0) } }),
      );
      if (isNew) await keepVersion(transaction, row);
      return row;
    }),
  );
}

function withoutUndefined(change: AgentChange): Partial<AgentSetup> {
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
}

async function keepVersion(transaction: Transaction, agent: AgentRow): Promise<void> {
  const { id: agentId, version, owner, updatedAt: createdAt } = agent;
  await transaction.agentVersion.create({ data: { ...columns(agent), agentId, version, owner, createdAt } });
}

/** Whether there was one of this owner. Its versions stay: runs were made with them. */
export async function deleteAgent(database: Database, owner: string, id: string): Promise<boolean> {
  const { count } = await database.write((client) => client.agent.deleteMany({ where: { id, owner } }));
  return count > 0;
}
