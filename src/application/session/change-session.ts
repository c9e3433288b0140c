import { z } from 'zod';
import * as limits from '../../config/limits.ts';
import { StoreError } from '../../database/store-error.ts';
import { conflict, isRefusal, notFound, type Refusal, sessionBusy } from '../../domain/refusal.ts';
import { agentById } from '../../repositories/agents.ts';
import { sessionById, unarchiveSession as unarchive, updateSession as update } from '../../repositories/sessions.ts';
import { archiveSession as archive, purgeSession as purge } from '../../run-store/close-session.ts';
import { removeDiscardedBlobs } from '../attachments/remove-blobs.ts';
import type { CommandContext, Viewer } from '../command-context.ts';
import { metadataChangeField, tooManyKeys } from '../metadata.ts';
import { parseInput, text } from '../parse-input.ts';

export type ChangedSession = { kind: 'changed'; sessionId: string };

const updateSchema = z.object({
  sessionId: z.string(),
  title: text(limits.TITLE_BYTES).nullish(),
  agentId: z.string().nullish(),
  useCompaction: z.boolean().nullish(),
  metadata: metadataChangeField,
});

export async function updateSession(
  { database, now, notifications }: CommandContext,
  { principal }: Viewer,
  raw: z.input<typeof updateSchema>,
): Promise<ChangedSession | Refusal> {
  const parsed = parseInput(updateSchema, raw);
  if (isRefusal(parsed)) return parsed;
  const { sessionId, title, agentId, useCompaction, metadata } = parsed.input;
  if (agentId != null && !(await agentById(database, principal, agentId))) return notFound('agent', agentId);
  const change = {
    title: title ?? undefined,
    agentId: agentId ?? undefined,
    useCompaction: useCompaction ?? undefined,
    metadata: metadata ?? undefined,
  };
  const session = { id: sessionId, owner: principal };
  const changed = await update(database, session, change, { check: tooManyKeys, now: now() });
  if (changed === null) return notFound('session', sessionId);
  if ('kind' in changed) return changed;
  notifications.publishSession(sessionId);
  return { kind: 'changed', sessionId };
}

/** Hides the session and frees its key. Archiving an archived session changes nothing. */
export async function archiveSession(
  { database, now, mutex, notifications }: CommandContext,
  { principal }: Viewer,
  { sessionId }: { sessionId: string },
): Promise<ChangedSession | Refusal> {
  if (!(await sessionById(database, principal, sessionId))) return notFound('session', sessionId);
  const outcome = await mutex.run(sessionId, () => archive(database, principal, sessionId, { now: new Date(now()) }));
  switch (outcome.kind) {
    case 'done':
      notifications.publishSession(sessionId);
      return { kind: 'changed', sessionId };
    case 'busy':
      return sessionBusy(outcome.runId);
    case 'absent':
      return notFound('session', sessionId);
    case 'active':
      throw new Error(`Session ${sessionId} was not archived, though no idle time was given.`);
    default:
      return outcome satisfies never;
  }
}

/** Shows an archived session again, under its key. Repeating it changes nothing. */
export async function unarchiveSession(
  { database, now, notifications }: CommandContext,
  { principal: owner }: Viewer,
  { sessionId }: { sessionId: string },
): Promise<ChangedSession | Refusal> {
  try {
    const isFound = await unarchive(database, { id: sessionId, owner }, now());
    if (!isFound) return notFound('session', sessionId);
    notifications.publishSession(sessionId);
    return { kind: 'changed', sessionId };
  } catch (error) {
    if (!(error instanceof StoreError && error.failure === 'constraint')) throw error;
    const session = await sessionById(database, owner, sessionId);
    return conflict(
      `Another session has the key "${session?.key}". Archive that one first. Session ${sessionId} is still archived.`,
    );
  }
}

export type PurgedSession = { kind: 'purged'; sessionId: string; runs: number };

/** Deletes the session and everything that belongs to it for good. Branches depend on it: they are deleted only on request. */
export async function purgeSession(
  context: CommandContext,
  { principal }: Viewer,
  { sessionId, confirmKey, withBranches }: { sessionId: string; confirmKey: string; withBranches?: boolean | null },
): Promise<PurgedSession | Refusal> {
  const { database, mutex } = context;
  return mutex.run(sessionId, async () => {
    const session = await sessionById(database, principal, sessionId);
    if (!session) return notFound('session', sessionId);
    if (session.key !== confirmKey) return conflict('`confirmKey` is not the key of the session. Nothing was deleted.');
    const outcome = await purge(database, sessionId, {
      withBranches: withBranches ?? false,
      now: new Date(context.now()),
      signer: context.signer,
    });
    switch (outcome.kind) {
      case 'done':
        publishPurge(context, outcome);
        try {
          await removeDiscardedBlobs(context);
        } finally {
          await database.eraseDeleted();
        }
        return { kind: 'purged', sessionId, runs: outcome.runIds.length };
      case 'busy':
        return sessionBusy(outcome.runId);
      case 'has-branches':
        return conflict(
          `${outcome.branches === 1 ? 'One branch depends' : `${outcome.branches} branches depend`} on this session. Purge the branches first, or set \`withBranches\`.`,
        );
      case 'absent':
        return notFound('session', sessionId);
      case 'active':
        throw new Error(`Session ${sessionId} was not purged, though no idle time was given.`);
      default:
        return outcome satisfies never;
    }
  });
}

/** Drops what this server keeps of purged sessions, and ends their followers. */
export function publishPurge(
  { runStore, notifications }: CommandContext,
  { sessionIds, runIds }: { sessionIds: readonly string[]; runIds: readonly string[] },
): void {
  for (const runId of runIds) runStore.forget(runId);
  for (const sessionId of sessionIds) notifications.publishSession(sessionId);
}
