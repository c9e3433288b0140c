import { z } from 'zod';
import * as limits from '../../config/limits.ts';
import { conflict, isRefusal, notFound, type Refusal, sessionBusy } from '../../domain/refusal.ts';
import { agentById } from '../../repositories/agents.ts';
import {
  archiveSession as archive,
  purgeSession as purge,
  updateSession as update,
} from '../../repositories/session-writes.ts';
import { sessionById } from '../../repositories/sessions.ts';
import type { CommandContext, Viewer } from '../command-context.ts';
import { parseInput, text } from '../parse-input.ts';

export type ChangedSession = { kind: 'changed'; sessionId: string };

const updateSchema = z.object({
  sessionId: z.string(),
  title: text(limits.TITLE_BYTES).nullish(),
  agentId: z.string().nullish(),
  useCompaction: z.boolean().nullish(),
});

export async function updateSession(
  { database }: CommandContext,
  { principal }: Viewer,
  raw: z.input<typeof updateSchema>,
): Promise<ChangedSession | Refusal> {
  const parsed = parseInput(updateSchema, raw);
  if (isRefusal(parsed)) return parsed;
  const { sessionId, title, agentId, useCompaction } = parsed.input;
  if (agentId != null && !(await agentById(database, principal, agentId))) return notFound('agent', agentId);
  const change = {
    title: title ?? undefined,
    agentId: agentId ?? undefined,
    useCompaction: useCompaction ?? undefined,
  };
  const session = await update(database, principal, sessionId, change);
  return session ? { kind: 'changed', sessionId } : notFound('session', sessionId);
}

/** Hides the session and frees its key. Doing it again changes nothing. */
export async function archiveSession(
  { database, now, mutex: lanes }: CommandContext,
  { principal }: Viewer,
  { sessionId }: { sessionId: string },
): Promise<ChangedSession | Refusal> {
  if (!(await sessionById(database, principal, sessionId))) return notFound('session', sessionId);
  const closing = await lanes.run(sessionId, () => archive(database, principal, sessionId, new Date(now())));
  switch (closing.kind) {
    case 'done':
      return { kind: 'changed', sessionId };
    case 'busy':
      return sessionBusy(closing.runId);
    case 'absent':
      return notFound('session', sessionId);
    default:
      return closing satisfies never;
  }
}

export type PurgedSession = { kind: 'purged'; sessionId: string; runs: number };

/** Erases the session and everything of it for good; branches, which live on what it recorded, only where that is asked for. */
export async function purgeSession(
  { database, runStore: recorder, mutex: lanes }: CommandContext,
  { principal }: Viewer,
  { sessionId, confirmKey, withBranches }: { sessionId: string; confirmKey: string; withBranches?: boolean | null },
): Promise<PurgedSession | Refusal> {
  return lanes.run(sessionId, async () => {
    const session = await sessionById(database, principal, sessionId);
    if (!session) return notFound('session', sessionId);
    if (session.key !== confirmKey) return conflict('`confirmKey` is not the key of the session; nothing was erased.');
    const outcome = await purge(database, sessionId, withBranches ?? false);
    switch (outcome.kind) {
      case 'done':
        for (const runId of outcome.runIds) recorder.forget(runId);
        return { kind: 'purged', sessionId, runs: outcome.runIds.length };
      case 'busy':
        return sessionBusy(outcome.runId);
      case 'has-branches':
        return conflict(
          `${outcome.branches === 1 ? 'One branch lives' : `${outcome.branches} branches live`} on what the session recorded; purge them first, or give \`withBranches\`.`,
        );
      default:
        return outcome satisfies never;
    }
  });
}
