import { executeWrites, type RowWrite } from '../database/batch-statement.ts';
import type { Database } from '../database/database.ts';
import { lockSession } from '../database/locks.ts';
import { purgeStatement, type Signer } from '../journal/signer.ts';
import { openRunOf } from '../projections/session-runs.ts';
import { recordSessionChange } from '../repositories/activity.ts';
import { deleteUnused } from '../repositories/attachments.ts';
import { descendantsOf } from '../repositories/lineage.ts';
import { deleteSession, type Transaction } from './delete-session.ts';

export type ArchiveOutcome =
  | { kind: 'done' }
  | { kind: 'busy'; runId: string }
  | { kind: 'absent' }
  | { kind: 'active' };

interface ClosingOptions {
  now: Date;
  /** Changes nothing if the session was active after this time. */
  idleSince?: Date;
}

/** Hides a session and frees its key, unless it has an open run. Archiving an archived session changes nothing. */
export async function archiveSession(
  database: Database,
  owner: string,
  id: string,
  { now, idleSince }: ClosingOptions,
): Promise<ArchiveOutcome> {
  return database.write((client) =>
    client.$transaction(async (transaction) => {
      await lockSession(database, transaction, id);
      const session = await transaction.session.findFirst({ where: { id, owner } });
      if (!session) return { kind: 'absent' };
      if (session.archivedAt) return { kind: 'done' };
      if (idleSince && session.activeAt > idleSince) return { kind: 'active' };
      const run = await openRunOf(transaction, id);
      if (run) return { kind: 'busy', runId: run.id };
      await transaction.session.update({ where: { id }, data: { archivedAt: now } });
      const change = recordSessionChange('SESSION_ARCHIVED', { sessionId: id, at: now.getTime() });
      await executeWrites(transaction, database.provider, [change]);
      return { kind: 'done' };
    }),
  );
}

export type PurgeOutcome =
  | { kind: 'done'; sessionIds: string[]; runIds: string[] }
  | { kind: 'busy'; runId: string }
  | { kind: 'has-branches'; branches: number }
  | { kind: 'absent' }
  | { kind: 'active' };

/**
 * Deletes every row of a session in one transaction, unless it or a branch has an open run. The feed of changes keeps its rows, and a
 * record of the purge remains, which tells its runs from runs that somebody removed.
 */
export async function purgeSession(
  database: Database,
  id: string,
  { withBranches, now, idleSince, signer }: ClosingOptions & { withBranches: boolean; signer: Signer | null },
): Promise<PurgeOutcome> {
  return database.write((client) =>
    client.$transaction(async (transaction) => {
      // Locked first, so that no branch can be made of it from here on.
      await lockSession(database, transaction, id);
      const session = await transaction.session.findUnique({ where: { id }, select: { activeAt: true } });
      if (!session) return { kind: 'absent' };
      if (idleSince && session.activeAt > idleSince) return { kind: 'active' };
      const branches = await descendantsOf(database, transaction, id);
      if (branches.length > 0 && !withBranches) return { kind: 'has-branches', branches: branches.length };
      const sessionIds = [...branches, id];
      for (const sessionId of sessionIds) {
        await lockSession(database, transaction, sessionId);
        const run = await openRunOf(transaction, sessionId);
        if (run) return { kind: 'busy', runId: run.id };
      }
      const runIds: string[] = [];
      const changes: RowWrite[] = [];
      // Youngest generation first: each session refers to its parent.
      for (const sessionId of sessionIds) {
        const attachmentIds = await attachmentsIn(transaction, sessionId);
        const deleted = await deleteSession(transaction, sessionId);
        await deleteUnused(database, transaction, attachmentIds, now);
        const signature = signer?.sign(purgeStatement(sessionId, now.getTime())) ?? null;
        await transaction.purgedSession.create({ data: { sessionId, purgedAt: now, signature } });
        runIds.push(...deleted.runIds);
        changes.push(recordSessionChange('SESSION_PURGED', { sessionId, at: now.getTime(), owner: deleted.owner }));
      }
      await executeWrites(transaction, database.provider, changes);
      return { kind: 'done', sessionIds, runIds };
    }),
  );
}

async function attachmentsIn(transaction: Transaction, sessionId: string): Promise<string[]> {
  const uses = await transaction.attachmentUse.findMany({
    where: { run: { sessionId } },
    distinct: ['attachmentId'],
    select: { attachmentId: true },
  });
  return uses.map(({ attachmentId }) => attachmentId);
}
