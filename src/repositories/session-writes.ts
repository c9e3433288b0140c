import { groupRows } from '../database/batch-statement.ts';
import type { Client, Database } from '../database/database.ts';
import { lockSession } from '../database/locks.ts';
import { writingStatement } from '../database/statement.ts';
import { openRunOf } from '../projections/runs.ts';
import { descendantsSql } from './lineage.ts';
import { deletePassages, titlePassages } from './search/index-rows.ts';
import type { SessionRow } from './sessions.ts';

type Transaction = Omit<Client, '$connect' | '$disconnect' | '$extends' | '$on' | '$transaction'>;

/** Null where it is not the owner's. */
export async function updateSession(
  database: Database,
  owner: string,
  id: string,
  change: { title?: string; agentId?: string; useCompaction?: boolean },
): Promise<SessionRow | null> {
  return database.write((client) =>
    client.$transaction(async (transaction) => {
      const [row] = await transaction.session.updateManyAndReturn({ where: { id, owner }, data: change });
      if (!row) return null;
      const index = change.title === undefined ? [] : [deletePassages(id), ...titlePassages(id, change.title)];
      for (const { sql, rows } of groupRows(index, database.provider)) await transaction.$executeRawUnsafe(sql, rows);
      return row;
    }),
  );
}

const reset = writingStatement<{ id: string }>(
  { id: 'text' },
  () => `UPDATE "Session" SET "resetTurn" =
      coalesce((SELECT max("turn") FROM "Run" WHERE "sessionId" = "Session"."id"), "branchTurn", 0)
    WHERE "id" = ? RETURNING "id"`,
);

/** Later runs are shown nothing of those that have started so far. */
export async function resetSession(database: Database, id: string): Promise<void> {
  await database.query(reset, id);
}

export type Closing = { kind: 'done'; session: SessionRow } | { kind: 'busy'; runId: string } | { kind: 'absent' };

/** Hides the session and frees its key; not while a run of it is open. */
export async function archiveSession(database: Database, owner: string, id: string, now: Date): Promise<Closing> {
  return database.write((client) =>
    client.$transaction(async (transaction) => {
      await lockSession(database, transaction, id);
      const session = await transaction.session.findFirst({ where: { id, owner } });
      if (!session) return { kind: 'absent' };
      if (session.archivedAt) return { kind: 'done', session };
      const run = await openRunOf(transaction, id);
      if (run) return { kind: 'busy', runId: run.id };
      return { kind: 'done', session: await transaction.session.update({ where: { id }, data: { archivedAt: now } }) };
    }),
  );
}

export type Purge =
  | { kind: 'done'; runIds: string[] }
  | { kind: 'busy'; runId: string }
  | { kind: 'has-branches'; branches: number };

/** Erases every row of the session in one transaction; not while a run of it is open, or a branch needs it. */
export async function purgeSession(database: Database, id: string, withBranches: boolean): Promise<Purge> {
  return database.write((client) =>
    client.$transaction(async (transaction) => {
      // Locked first: nobody makes a branch of it from now on.
      await lockSession(database, transaction, id);
      const branches = await transaction.$queryRawUnsafe<{ id: string }[]>(descendantsSql[database.provider], id);
      if (branches.length > 0 && !withBranches) return { kind: 'has-branches', branches: branches.length };
      const all = [...branches.map((branch) => branch.id), id];
      for (const sessionId of all) {
        await lockSession(database, transaction, sessionId);
        const run = await openRunOf(transaction, sessionId);
        if (run) return { kind: 'busy', runId: run.id };
      }
      const runIds: string[] = [];
      // The youngest generation first: each refers to the one before it.
      for (const sessionId of all) runIds.push(...(await erase(transaction, sessionId)));
      return { kind: 'done', runIds };
    }),
  );
}

/** Returns the runs that were erased. Grants, memories and artifacts go with the session's row. */
async function erase(transaction: Transaction, sessionId: string): Promise<string[]> {
  const runs = await transaction.run.findMany({ where: { sessionId }, select: { id: true } });
  await transaction.purge.create({ data: { sessionId } });
  // By the session, not by a list of runs, which may be longer than a statement's parameters.
  const ofSession = { tape: { sessionId } };
  await transaction.event.deleteMany({ where: ofSession });
  await transaction.attachment.deleteMany({ where: ofSession });
  await transaction.encryptedInput.deleteMany({ where: ofSession });
  await transaction.lease.deleteMany({ where: ofSession });
  await transaction.tape.deleteMany({ where: { sessionId } });
  await transaction.idempotencyKey.deleteMany({ where: { sessionId } });
  await transaction.approval.deleteMany({ where: { sessionId } });
  await transaction.run.deleteMany({ where: { sessionId } });
  await transaction.passage.deleteMany({ where: { sessionId } });
  await transaction.session.delete({ where: { id: sessionId } });
  await transaction.purge.delete({ where: { sessionId } });
  return runs.map(({ id }) => id);
}
