import { notFound, type Refusal, sessionBusy } from '../../domain/refusal.ts';
import { openRunOf } from '../../projections/runs.ts';
import { agentInForce } from '../../repositories/agents.ts';
import { type CompactionRow, insertCompaction } from '../../repositories/compactions.ts';
import { sessionById } from '../../repositories/sessions.ts';
import type { CommandContext, Viewer } from '../command-context.ts';

export type CompactedSession = {
  kind: 'compacted';
  artifact: CompactionRow | null;
  stored: boolean;
  /** Why there is no artifact; null where there is one. */
  reason: string | null;
};

/**
 * Summarises the older history of a session that has no open run, by the model that its next run would have. No run is under
 * way, so no tape tells of it: the artifact's row says what it used, and the next context names it.
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
  if (compacted.kind !== 'compacted')
    return { kind: 'compacted', artifact: null, stored: false, reason: compacted.reason };
  const { artifact } = compacted;
  if (dryRun) return { kind: 'compacted', artifact, stored: false, reason: null };
  // A message that came meanwhile changes nothing: the summary stands for runs that have ended.
  await database.commit([insertCompaction(artifact)]);
  return { kind: 'compacted', artifact, stored: true, reason: null };
}
