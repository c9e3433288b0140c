import { createHash } from 'node:crypto';
import type { RowWrite } from '../../database/batch-statement.ts';
import { conflict, type Refusal } from '../../domain/refusal.ts';
import { canonicalJson } from '../../journal/canonical-json.ts';
import { findIdempotencyKey, insertIdempotencyKey } from '../../repositories/idempotency-keys.ts';
import type { CommandContext, Viewer } from '../command-context.ts';
import type { Message, SentMessage } from './message.ts';

/** The message that was sent with the same idempotency key before; null when the message has no key or a new one. */
export async function findSentMessage(
  { database }: CommandContext,
  { principal }: Viewer,
  message: Message,
): Promise<SentMessage | Refusal | null> {
  const { idempotencyKey } = message;
  if (idempotencyKey == null) return null;
  const sent = await findIdempotencyKey(database.reader, principal, idempotencyKey);
  if (!sent) return null;
  if (sent.digest !== digestOf(message)) {
    return conflict(
      `The idempotency key "${idempotencyKey}" was used with a different input. Send the same input, or a new key.`,
    );
  }
  const { sessionId, runId, seq } = sent;
  return { kind: 'sent', sessionId, runId, seq, created: false };
}

/** The row that goes into the append of the message: the database allows one message for each key. */
export function idempotencyRows(
  { now }: CommandContext,
  { principal }: Viewer,
  message: Message,
  position: { sessionId: string; runId: string; seq: number },
): RowWrite[] {
  const { idempotencyKey: key } = message;
  if (key == null) return [];
  return [insertIdempotencyKey({ principal, key, digest: digestOf(message), createdAt: now(), ...position })];
}

/** SHA-256 of the input in hex. A field that is null counts as absent. */
function digestOf({ idempotencyKey: _, ...input }: Message): string {
  const given = Object.fromEntries(Object.entries(input).filter(([, value]) => value != null));
  return createHash('sha256').update(canonicalJson(given).text).digest('hex');
}
