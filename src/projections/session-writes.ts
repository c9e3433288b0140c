import { groupRows } from '../database/batch-statement.ts';
import type { Database } from '../database/database.ts';
import { openRunOf } from './runs.ts';
import { titleRows, unindex } from './search/index-rows.ts';
import type { SessionRow } from './sessions.ts';

/** Null where it is not the owner's. */
export async function updateSession(
  database: Database,
  owner: string,
  id: string,
  change: { title?: string; agentId?: string },
): Promise<SessionRow | null> {
  return database.write((client) =>
    client.$transaction(async (transaction) => {
      const [row] = await transaction.session.updateManyAndReturn({ where: { id, owner }, data: change });
      if (!row) return null;
      const index = change.title === undefined ? [] : [unindex(id), ...titleRows(id, change.title)];
      for (const { sql, rows } of groupRows(index, database.provider)) await transaction.$executeRawUnsafe(sql, rows);
      return row;
    }),
  );
}

/** Later runs are shown nothing of those that have started so far. */
export async function resetSession(database: Database, id: string): Promise<void> {
  await database.write(async (client) => {
    const newest = await client.run.aggregate({ where: { sessionId: id }, _max: { turn: true } });
    await client.session.update({ where: { id }, data: { resetTurn: newest._max.turn ?? 0 } });
  });
}

export type Closing = { kind: 'done'; session: SessionRow } | { kind: 'busy'; runId: string } | { kind: 'absent' };

/** Hides the session and frees its key; not while a run of it is open. */
export async function archiveSession(database: Database, owner: string, id: string, now: Date): Promise<Closing> {
  return database.write((client) =>
    client.$transaction(async (transaction) => {
      await database.lockRow(transaction, 'Session', id);
      const session = await transaction.session.findFirst({ where: { id, owner } });
      if (!session) return { kind: 'absent' };
      if (session.archivedAt) return { kind: 'done', session };
      const run = await openRunOf(transaction, id);
      if (run) return { kind: 'busy', runId: run.id };
      return { kind: 'done', session: await transaction.session.update({ where: { id }, data: { archivedAt: now } }) };
    }),
  );
}

export type Purge = { kind: 'done'; runIds: string[] } | { kind: 'busy'; runId: string } | { kind: 'has-branches' };

/** Erases every row of the session in one transaction; not while a run of it is open or a branch needs it. */
export async function purgeSession(database: Database, id: string): Promise<Purge> {
  return database.write((client) =>
    client.$transaction(async (transaction) => {
      await database.lockRow(transaction, 'Session', id);
      const run = await openRunOf(transaction, id);
      if (run) return { kind: 'busy', runId: run.id };
      if ((await transaction.session.count({ where: { parentId: id } })) > 0) return { kind: 'has-branches' };
      const runs = await transaction.run.findMany({ where: { sessionId: id }, select: { id: true } });
      await transaction.purge.create({ data: { sessionId: id } });
      // By the session, not by a list of runs, which may be longer than a statement's parameters.
      const ofSession = { tape: { sessionId: id } };
      await transaction.event.deleteMany({ where: ofSession });
      await transaction.attachment.deleteMany({ where: ofSession });
      await transaction.lease.deleteMany({ where: ofSession });
      await transaction.tape.deleteMany({ where: { sessionId: id } });
      await transaction.idempotencyKey.deleteMany({ where: { sessionId: id } });
      await transaction.approval.deleteMany({ where: { sessionId: id } });
      await transaction.run.deleteMany({ where: { sessionId: id } });
      await transaction.passage.deleteMany({ where: { sessionId: id } });
      await transaction.session.delete({ where: { id } });
      await transaction.purge.delete({ where: { sessionId: id } });
      return { kind: 'done', runIds: runs.map((row) => row.id) };
    }),
  );
}
