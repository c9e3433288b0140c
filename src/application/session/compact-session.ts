import { z } from 'zod';
import { isRefusal, notFound, type Refusal, sessionBusy } from '../../domain/refusal.ts';
import { openRunOf } from '../../projections/session-runs.ts';
import { agentInForce } from '../../repositories/agents.ts';
import { type CompactionRow, compactionById, insertCompaction } from '../../repositories/compactions.ts';
import { sessionById } from '../../repositories/sessions.ts';
import type { CommandContext, Viewer } from '../command-context.ts';
import { idempotencyKeyField, idempotencyRows, performOnce } from '../idempotency.ts';
import { parseInput } from '../parse-input.ts';

const schema = z.object({
  sessionId: z.string(),
  dryRun: z.boolean().nullish(),
  idempotencyKey: idempotencyKeyField,
});

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
  context: CommandContext,
  viewer: Viewer,
  raw: z.input<typeof schema>,
  signal: AbortSignal,
): Promise<CompactedSession | Refusal> {
  const parsed = parseInput(schema, raw);
  if (isRefusal(parsed)) return parsed;
  const mutation = { name: 'compactSession', input: parsed.input } as const;
  return performOnce<CompactedSession | Refusal>(context, viewer, mutation, {
    perform: () => compact(context, viewer, parsed.input, signal),
    async repeat({ resultId }) {
      const compaction = await compactionById(context.database.reader, resultId);
      return { kind: 'compacted', compaction, stored: true, reason: null };
    },
  });
}

async function compact(
  context: CommandContext,
  viewer: Viewer,
  input: z.output<typeof schema>,
  signal: AbortSignal,
): Promise<CompactedSession | Refusal> {
  const { database, compactor } = context;
  const { principal: owner } = viewer;
  const { sessionId, dryRun } = input;
  const session = await sessionById(database, owner, sessionId);
  if (!session) return notFound('session', sessionId);
  const open = await openRunOf(database.reader, sessionId);
  if (open) return sessionBusy(open.id);
  const agent = await agentInForce(database, owner, session.agentId);
  const compacted = await compactor.propose(session, agent, signal);
  if (compacted.kind !== 'compacted') {
    return { kind: 'compacted', compaction: null, stored: false, reason: compacted.reason };
  }
  const { compaction } = compacted;
  if (dryRun) return { kind: 'compacted', compaction, stored: false, reason: null };
  // A message that arrived meanwhile does not matter: the summary covers runs that have ended.
  const result = { resultId: compaction.id, sessionId, seq: null };
  const keyRows = idempotencyRows(context, viewer, { name: 'compactSession', input }, result);
  try {
    await database.commit([insertCompaction(compaction), ...keyRows]);
  } catch (error) {
    // The session may have been purged while the model was called.
    if (await sessionById(database, owner, sessionId)) throw error;
    return notFound('session', sessionId);
  }
  return { kind: 'compacted', compaction, stored: true, reason: null };
}
