import { z } from 'zod';
import * as limits from '../../config/limits.ts';
import { StoreError } from '../../database/store-error.ts';
import { type Metadata, noMetadata } from '../../domain/metadata.ts';
import { conflict, isRefusal, notFound, type Refusal } from '../../domain/refusal.ts';
import { recordSessionChange } from '../../repositories/activity.ts';
import { agentById } from '../../repositories/agents.ts';
import {
  insertSession,
  metadataRows,
  type NewSession,
  resetSession,
  type SessionRow,
  sessionById,
  sessionByKey,
  titlePassages,
} from '../../repositories/sessions.ts';
import type { CommandContext, Viewer } from '../command-context.ts';
import { metadataField } from '../metadata.ts';
import { parseInput, text } from '../parse-input.ts';

const schema = z
  .object({
    id: z.string().nullish(),
    key: text(limits.SESSION_KEY_BYTES).nullish(),
    title: text(limits.TITLE_BYTES).nullish(),
    agentId: z.string().nullish(),
    requireExisting: z.boolean().nullish(),
    reset: z.boolean().nullish(),
    metadata: metadataField,
  })
  .refine(({ id, key }) => id != null || key != null, { path: ['key'], message: 'give `id` or `key`' });

export type ResolveSessionInput = z.input<typeof schema>;

export type ResolvedSession = { kind: 'resolved'; sessionId: string; created: boolean; reset: boolean };

/** Finds the session by id or key, or creates it with the key. Idempotent: repeating it returns the same session. */
export async function resolveSession(
  context: CommandContext,
  viewer: Viewer,
  raw: ResolveSessionInput,
): Promise<ResolvedSession | Refusal> {
  const parsed = parseInput(schema, raw);
  if (isRefusal(parsed)) return parsed;
  const { id, key, title, agentId, requireExisting, reset, metadata } = parsed.input;
  if (agentId != null && !(await agentById(context.database, viewer.principal, agentId))) {
    return notFound('agent', agentId);
  }
  const found = await findSession(context, viewer, id ?? null, key ?? null);
  if (found !== null && isRefusal(found)) return found;
  if (found) {
    if (reset) await resetSession(context.database, found.session.id);
    return { kind: 'resolved', sessionId: found.session.id, created: false, reset: reset ?? false };
  }
  if (key == null || requireExisting) return notFound('session', id ?? key ?? '');
  if (id != null) return notFound('session', id);
  return createSession(context, viewer, {
    key,
    title: title ?? null,
    agentId: agentId ?? null,
    metadata: metadata ?? noMetadata,
  });
}

export type FoundSession = { kind: 'found'; session: SessionRow };

/** Null when there is none; a conflict when id and key belong to two sessions. */
export async function findSession(
  { database }: CommandContext,
  { principal }: Viewer,
  id: string | null,
  key: string | null,
): Promise<FoundSession | Refusal | null> {
  const byId = id === null ? null : await sessionById(database, principal, id);
  const byKey = key === null ? null : await sessionByKey(database, principal, key);
  if (id !== null && byId === null) return notFound('session', id);
  if (byId && key !== null && byId.id !== byKey?.id) {
    return conflict(`Session ${byId.id} does not have the key "${key}".`);
  }
  const session = byId ?? byKey;
  return session && { kind: 'found', session };
}

async function createSession(
  context: CommandContext,
  viewer: Viewer,
  session: Pick<NewSession, 'key' | 'title' | 'agentId'> & { metadata: Metadata },
): Promise<ResolvedSession | Refusal> {
  const id = context.newId('session');
  const owner = viewer.principal;
  const overQuota = await context.quotas.check(owner, { session: true });
  if (overQuota) return overQuota;
  const createdAt = context.now();
  try {
    await context.database.commit([
      insertSession({ id, owner, createdAt, ...session }),
      ...context.quotas.sessionRows(owner),
      ...titlePassages(id, session.title),
      ...metadataRows({ id, owner }, session.metadata),
      recordSessionChange('SESSION_CREATED', { sessionId: id, at: createdAt }),
    ]);
    context.notifications.publishSession(id);
    return { kind: 'resolved', sessionId: id, created: true, reset: false };
  } catch (error) {
    if (!(error instanceof StoreError && error.failure === 'constraint')) throw error;
    // Another command created a session with this key at the same time.
    const winner = await sessionByKey(context.database, owner, session.key);
    // Or others that used up the quota.
    const refused = winner ? null : await context.quotas.check(owner, { session: true });
    if (refused) return refused;
    if (!winner) throw error;
    return { kind: 'resolved', sessionId: winner.id, created: false, reset: false };
  }
}
