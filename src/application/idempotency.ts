import { createHash } from 'node:crypto';
import * as limits from '../config/limits.ts';
import type { RowWrite } from '../database/batch-statement.ts';
import { StoreError } from '../database/store-error.ts';
import type { Json } from '../domain/events.ts';
import { conflict, isRefusal, type RefusalOf } from '../domain/refusal.ts';
import { canonicalJson } from '../journal/canonical-json.ts';
import { findIdempotencyKey, insertIdempotencyKey } from '../repositories/idempotency-keys.ts';
import type { CommandContext, Viewer } from './command-context.ts';
import { text } from './parse-input.ts';

/** The field of an input that makes a mutation safe to repeat. */
export const idempotencyKeyField = text(limits.IDEMPOTENCY_KEY_BYTES).nullish();

type MutationName = 'sendMessage' | 'retryRun' | 'branchSession' | 'compactSession' | 'createAgent' | 'remember';

/** A mutation with its whole input. A key belongs to one principal and one mutation. */
export interface IdempotentMutation {
  name: MutationName;
  input: { idempotencyKey?: string | null | undefined; [field: string]: Json | undefined };
}

/** What the first use of a key created. */
export interface EarlierResult {
  kind: 'earlier';
  /** Id of the run, session, compaction, agent or memory. */
  resultId: string;
  /** Null when the result belongs to no session. The key is deleted with the session. */
  sessionId: string | null;
  /** Seq of the message's event; null when the result is no message. */
  seq: number | null;
}

type IdempotencyContext = Pick<CommandContext, 'database' | 'now'>;

/** The result of an earlier mutation with the same key and input; null when there is no key, or a new one. */
export async function findEarlierResult(
  { database }: IdempotencyContext,
  { principal }: Pick<Viewer, 'principal'>,
  mutation: IdempotentMutation,
): Promise<EarlierResult | RefusalOf<'conflict'> | null> {
  const { idempotencyKey: key } = mutation.input;
  if (key == null) return null;
  const used = await findIdempotencyKey(database.reader, { principal, mutation: mutation.name, key });
  if (!used) return null;
  if (used.digest !== digestOf(mutation)) {
    return conflict(`The idempotency key "${key}" was used with a different input. Send the same input, or a new key.`);
  }
  return { kind: 'earlier', resultId: used.resultId, sessionId: used.sessionId, seq: used.seq };
}

/** The row that is written in the transaction of the mutation: the database accepts each key once. None without a key. */
export function idempotencyRows(
  { now }: IdempotencyContext,
  { principal }: Pick<Viewer, 'principal'>,
  mutation: IdempotentMutation,
  result: Omit<EarlierResult, 'kind'>,
): RowWrite[] {
  const { idempotencyKey: key } = mutation.input;
  if (key == null) return [];
  const { resultId, sessionId, seq } = result;
  const digest = digestOf(mutation);
  const createdAt = new Date(now());
  return [
    insertIdempotencyKey({ principal, mutation: mutation.name, key, digest, resultId, sessionId, seq, createdAt }),
  ];
}

/**
 * Performs a mutation once for each key. `perform` writes `idempotencyRows` in its transaction. When another server uses the
 * same key at the same time, the database refuses one of the two, which then returns the result of the other.
 */
export async function performOnce<Result extends { kind: string }>(
  context: IdempotencyContext,
  viewer: Pick<Viewer, 'principal'>,
  mutation: IdempotentMutation,
  { perform, repeat }: { perform(): Promise<Result>; repeat(earlier: EarlierResult): Result | Promise<Result> },
): Promise<Result | RefusalOf<'conflict'>> {
  const earlier = await findEarlierResult(context, viewer, mutation);
  if (earlier) return isRefusal(earlier) ? earlier : repeat(earlier);
  try {
    return await perform();
  } catch (error) {
    if (!(error instanceof StoreError && error.failure === 'constraint')) throw error;
    const concurrent = await findEarlierResult(context, viewer, mutation);
    if (!concurrent) throw error;
    return isRefusal(concurrent) ? concurrent : repeat(concurrent);
  }
}

/** SHA-256 of all other fields of the input, in hex. A field that is null counts as absent. */
function digestOf({ input: { idempotencyKey: _, ...input } }: IdempotentMutation): string {
  const given = Object.entries(input).flatMap(([name, value]) => (value == null ? [] : [[name, value] as const]));
  return createHash('sha256')
    .update(canonicalJson(Object.fromEntries(given)).text)
    .digest('hex');
}
