import { createHash } from 'node:crypto';
import type { RowWrite } from '../../database/batch-statement.ts';
import { conflict, type Refusal } from '../../domain/refusal.ts';
import { canonicalJson } from '../../journal/canonical-json.ts';
import { findIdempotencyKey, insertIdempotencyKey } from '../../repositories/idempotency-keys.ts';
import type { CommandContext, Viewer } from '../command-context.ts';
import type { Message, SentMessage } from './message.ts';

/** What the message's idempotency key stands for; null where it has none, or a new one. */
export async function findSentMessage(
  { database }: CommandContext,
  { principal }: Viewer,
  message: Message,
): Promise<SentMessage | Refusal | null> {
  const { idempotencyKey } = message;
  if (idempotencyKey == null) return null;
  const known = await findIdempotencyKey(database.reader, principal, idempotencyKey);
  if (!known) return null;
  if (known.digest !== digestOf(message)) {
    return conflict(`The idempotency key "${idempotencyKey}" was used with another input.`);
  }
  const { sessionId, runId, seq } = known;
  return { kind: 'sent', sessionId, runId, seq, created: false };
}

/** Goes into the append that records the message: the database lets a key stand for one message only. */
export function idempotencyRows(
  { now }: CommandContext,
  { principal }: Viewer,
  message: Message,
  place: { sessionId: string; runId: string; seq: number },
): RowWrite[] {
  const { idempotencyKey: key } = message;
  if (key == null) return [];
  return [insertIdempotencyKey({ principal, key, digest: digestOf(message), createdAt: now(), ...place })];
}

/** Of everything that was asked for; what was left out counts as not given. */
function digestOf({ idempotencyKey: _, ...input }: Message): string {
  const given = Object.fromEntries(Object.entries(input).filter(([, value]) => value != null));
  return createHash('sha256').update(canonicalJson(given).text).digest('hex');
}
