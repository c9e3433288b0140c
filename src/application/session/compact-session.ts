import { notFound, type Refusal, sessionBusy } from '../../domain/refusal.ts';
import { openRunOf } from '../../projections/runs.ts';
import { agentInForce } from '../../repositories/agents.ts';
import { type CompactionRow, insertCompaction } from '../../repositories/compactions.ts';
import { sessionById } from '../../repositories/sessions.ts';
import type { CommandContext, Viewer } from '../command-context.ts';

export type CompactedSession = {
  kind: 'compacted';
  compaction: CompactionRow | null;
  stored: boolean;
  /** Why there is no compaction; null when there is one. */
  reason: string | null;
};

/**
 * Summarises the older history of a session without an open run, with the model that its next run would use. No tape records
 * this: the row of the compaction holds the usage, and the next context names the compaction.
 */
export async function compactSession(
  { database, compactor }: CommandContext,
  { principal: owner }: Viewer,
  { sessionId, dryRun }: { sessionId: string; dryRun?: boolean | null },
  signal: AbortSignal,
): Promise<CompactedSession | Refusal> {
  const session = await sessionById(database, owner, sessionId);
  if (!session) return notFound('session', sessionId);
  const open = await openRunOf(database.reader, sessionId);
  if (open) return sessionBusy(open.id);
  const agent = await agentInForce(database, owner, session.agentId);
  const compacted = await compactor.propose(session, agent?.model ?? null, signal);
  if (compacted.kind !== 'compacted') {
    return { kind: 'compacted', compaction: null, stored: false, reason: compacted.reason };
  }
  const { compaction } = compacted;
  if (dryRun) return { kind: 'compacted', compaction, stored: false, reason: null };
  // A message that arrived meanwhile does not matter: the summary covers runs that have ended.
  await database.commit([insertCompaction(compaction)]);
  return { kind: 'compacted', compaction, stored: true, reason: null };
}
