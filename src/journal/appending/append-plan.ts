import type { RecordedEvent } from '../../domain/events.ts';
import { isTerminal } from '../../domain/transitions.ts';
import { encode, GENESIS_HASH, type StoredEvent } from '../codec.ts';
import type { AppendContent, AppendOutcome, AppendRequest } from '../journal.ts';

/** Where a tape stands, as far as the next append must know. */
export interface CachedHead {
  head: number;
  hash: string;
  closed: boolean;
}

export const emptyTape: CachedHead = { head: 0, hash: GENESIS_HASH, closed: false };

export type AppendPlan =
  | {
      kind: 'write';
      stored: StoredEvent[];
      recorded: RecordedEvent[];
      writes: AppendContent['writes'];
      end: CachedHead;
    }
  | { kind: 'refuse'; outcome: Exclude<AppendOutcome, { kind: 'appended' }> };

/** What an append leads to at a given end of its tape. `missed` are the events behind the request's expected head. */
export function planAppend(request: AppendRequest, end: CachedHead, missed: RecordedEvent[]): AppendPlan {
  if (end.closed) return { kind: 'refuse', outcome: { kind: 'closed' } };
  const content = missed.length === 0 ? request : (request.rebase?.(missed) ?? null);
  if (content === null) return { kind: 'refuse', outcome: { kind: 'conflict', head: end.head } };
  const stored: StoredEvent[] = [];
  const recorded: RecordedEvent[] = [];
  let previousHash = end.hash;
  let seq = end.head;
  for (const event of content.events) {
    seq += 1;
    const place = { runId: request.runId, seq, epoch: request.epoch, previousHash };
    const encoded = encode(event, place);
    stored.push(encoded.stored);
    recorded.push(encoded.recorded);
    previousHash = encoded.stored.hash;
  }
  const last = recorded.at(-1);
  const closed = last?.type === 'status' && isTerminal(last.payload.to);
  return { kind: 'write', stored, recorded, writes: content.writes, end: { head: seq, hash: previousHash, closed } };
}
