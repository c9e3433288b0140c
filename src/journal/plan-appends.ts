import type { RecordedEvent } from '../domain/events.ts';
import { isTerminal } from '../domain/transitions.ts';
import { encode, GENESIS_HASH, type StoredEvent } from './codec.ts';
import type { QueuedRequest } from './group-commit.ts';
import type { AppendContent, AppendOutcome, AppendRequest, Journal } from './journal.ts';

/** What the next append must know of a tape. */
export interface CachedHead {
  /** Of the newest event; 0 for an empty tape. */
  seq: number;
  /** Of the newest event. */
  hash: string;
  closed: boolean;
  /** The payloads of all events; null if this server has not written all of them since it started. */
  payloadBytes: number | null;
}

export const emptyTape: CachedHead = { seq: 0, hash: GENESIS_HASH, closed: false, payloadBytes: 0 };

export type AppendPlan =
  | {
      kind: 'write';
      stored: StoredEvent[];
      recorded: RecordedEvent[];
      writes: AppendContent['writes'];
      /** The head after the append. */
      head: CachedHead;
    }
  | { kind: 'refuse'; outcome: Exclude<AppendOutcome, { kind: 'appended' }> };

export type QueuedAppend = QueuedRequest<AppendRequest, AppendOutcome>;

export interface PlannedAppend {
  append: QueuedAppend;
  plan: AppendPlan;
}

/** A tape as it will be once the appends planned so far have been written. */
interface Draft {
  head: CachedHead;
  /** The events of this batch. */
  recorded: RecordedEvent[];
}

/**
 * Plans the appends of a batch in their order, each on top of those before it. Rejects and leaves out an append whose `rebase`
 * or encoding throws.
 */
export async function planAppends(
  batch: readonly QueuedAppend[],
  heads: ReadonlyMap<string, CachedHead>,
  read: Journal['read'],
): Promise<PlannedAppend[]> {
  const drafts = new Map<string, Draft>();
  const planned: PlannedAppend[] = [];
  for (const append of batch) {
    const { runId } = append.request;
    const draft = drafts.get(runId) ?? { head: heads.get(runId) ?? emptyTape, recorded: [] };
    drafts.set(runId, draft);
    try {
      const plan = await planOnDraft(draft, append.request, read);
      planned.push({ append, plan });
      if (plan.kind === 'refuse') continue;
      draft.head = plan.head;
      draft.recorded.push(...plan.recorded);
    } catch (error) {
      append.reject(error);
    }
  }
  return planned;
}

async function planOnDraft(
  { head, recorded }: Draft,
  request: AppendRequest,
  read: Journal['read'],
): Promise<AppendPlan> {
  const { runId, expectedHead } = request;
  if (head.closed || head.seq === expectedHead) return planAppend(request, head, []);
  const conflict: AppendPlan = { kind: 'refuse', outcome: { kind: 'conflict', head: head.seq } };
  if (!request.rebase) return conflict;
  const storedHead = head.seq - recorded.length;
  const range = { after: expectedHead, upTo: storedHead, limit: storedHead - expectedHead };
  const stored = storedHead > expectedHead ? await read(runId, range) : [];
  const missed = [...stored, ...recorded.filter(({ seq }) => seq > expectedHead)];
  // Otherwise the cached head is wrong, or the request expects more events than there are.
  return missed.length === head.seq - expectedHead ? planAppend(request, head, missed) : conflict;
}

/** @param missed the events after the request's expected head */
function planAppend(request: AppendRequest, head: CachedHead, missed: RecordedEvent[]): AppendPlan {
  if (head.closed) return { kind: 'refuse', outcome: { kind: 'closed' } };
  const content = missed.length === 0 ? request : (request.rebase?.(missed) ?? null);
  if (content === null) return { kind: 'refuse', outcome: { kind: 'conflict', head: head.seq } };
  const stored: StoredEvent[] = [];
  const recorded: RecordedEvent[] = [];
  let previousHash = head.hash;
  let { seq } = head;
  let payloadBytes = 0;
  for (const event of content.events) {
    seq += 1;
    const encoded = encode(event, { runId: request.runId, seq, epoch: request.epoch, previousHash });
    stored.push(encoded.stored);
    recorded.push(encoded.recorded);
    previousHash = encoded.stored.hash;
    payloadBytes += encoded.payloadBytes;
  }
  const last = recorded.at(-1);
  const closed = last?.type === 'status' && isTerminal(last.payload.to);
  const after: CachedHead = {
    seq,
    hash: previousHash,
    closed,
    payloadBytes: head.payloadBytes === null ? null : head.payloadBytes + payloadBytes,
  };
  return { kind: 'write', stored, recorded, writes: content.writes, head: after };
}
