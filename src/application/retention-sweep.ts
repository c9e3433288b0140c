import { RETENTION_BATCH_SESSIONS, RETENTION_PAGE_SESSIONS, RETENTION_SECONDS } from '../config/limits.ts';
import { dueAction, type RetentionPeriods } from '../domain/retention.ts';
import { idsOfKind } from '../ids.ts';
import { type RetainedSessionRow, sessionsBefore } from '../repositories/retained-sessions.ts';
import { archiveSession, purgeSession } from '../run-store/close-session.ts';
import { removeDiscardedBlobs } from './attachments/remove-blobs.ts';
import type { CommandContext } from './command-context.ts';
import { publishPurge } from './session/change-session.ts';

export interface Retention {
  /** Whether sessions of any agent are archived or purged. */
  isOn(): boolean;
  /** @param agent the name of a session's agent, null if it has none */
  periodsOf(agent: string | null): RetentionPeriods;
}

/**
 * Returns a function that archives and purges the sessions that are due, once an hour, and at first when the server starts. Each call
 * looks at a bounded number of sessions; the next one continues. Every server may call it: whether a session is still due is checked
 * under its lock.
 */
export function createRetentionSweep(context: CommandContext, retention: Retention): () => Promise<void> {
  const { database, now, logger } = context;
  /** The id of the session that was looked at last; null between two passes. */
  let position: string | null = null;
  let nextPassAt = now();
  return async () => {
    if (!retention.isOn() || (position === null && now() < nextPassAt)) return;
    const from: string = position ?? idsOfKind('session').lt;
    const page = await sessionsBefore(database, from, RETENTION_PAGE_SESSIONS);
    const done: Record<'archive' | 'purge', string[]> = { archive: [], purge: [] };
    let isComplete = page.length < RETENTION_PAGE_SESSIONS;
    for (const session of page) {
      if (done.archive.length + done.purge.length === RETENTION_BATCH_SESSIONS) {
        isComplete = false;
        break;
      }
      // Before the attempt, so that a session which cannot be purged does not stop the pass.
      position = session.id;
      const kind = await applyTo(context, session, retention.periodsOf(session.agent));
      if (kind !== null) done[kind].push(session.id);
    }
    if (isComplete) {
      position = null;
      nextPassAt = now() + RETENTION_SECONDS * 1000;
    }
    const { archive: archived, purge: purged } = done;
    if (archived.length + purged.length === 0) return;
    logger.info({ event: 'retention', archived, purged }, 'sessions without activity were archived or purged');
    if (purged.length === 0) return;
    try {
      await removeDiscardedBlobs(context);
    } finally {
      await database.eraseDeleted();
    }
  };
}

/** Returns what was done, null if nothing was due any more. */
async function applyTo(
  context: CommandContext,
  { id, owner, agent: _agent, activeAt, archivedAt, ...facts }: RetainedSessionRow,
  periods: RetentionPeriods,
): Promise<'archive' | 'purge' | null> {
  const { database, mutex, notifications, signer } = context;
  const now = context.now();
  const session = { ...facts, activeAt: activeAt.getTime(), isArchived: archivedAt !== null };
  const due = dueAction(session, periods, now);
  if (due === null) return null;
  const idleSince = new Date(due.idleSince);
  return mutex.run(id, async () => {
    if (due.kind === 'archive') {
      const { kind } = await archiveSession(database, owner, id, { now: new Date(now), idleSince });
      if (kind !== 'done') return null;
      notifications.publishSession(id);
      return 'archive';
    }
    const outcome = await purgeSession(database, id, { withBranches: false, now: new Date(now), idleSince, signer });
    if (outcome.kind !== 'done') return null;
    publishPurge(context, outcome);
    return 'purge';
  });
}
