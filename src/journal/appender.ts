import * as limits from '../config/limits.ts';
import { StoreError, toStoreError } from '../database/store-error.ts';
import { type AppendPlan, emptyTape, type TapeEnd } from './append-plan.ts';
import { type PlannedAppend, planBatch, type WaitingAppend } from './batch-planner.ts';
import { createGroupCommit } from './group-commit.ts';
import type { AppendOutcome, AppendRequest, Journal, OnRecorded } from './journal.ts';

export interface PlannedWrite {
  request: AppendRequest;
  plan: Extract<AppendPlan, { kind: 'write' }>;
}

/** What appends ask of the store behind them. */
export interface TapeStore {
  /** Where the tapes of these requests end, those that there are. A guess will do: `write` is the judge. */
  ends(requests: readonly AppendRequest[]): Promise<ReadonlyMap<string, TapeEnd>>;
  read: Journal['read'];
  /** Stores everything or nothing. Rejects with a StoreError; the detail of a `constraint` names the rule that refused. */
  write(appends: readonly PlannedWrite[]): Promise<void>;
}

/** The writing side of a journal: plans the appends of one commit, writes them together, and tells what became of each. */
export function createAppender(store: TapeStore, onRecorded: OnRecorded): Pick<Journal, 'append' | 'idle'> {
  const read: Journal['read'] = (runId, options) => store.read(runId, options).catch(failStore);
  const group = createGroupCommit<AppendRequest, AppendOutcome>({
    commit: (batch) => commit(batch).catch(failStore),
    batchSize: limits.COMMIT_APPENDS,
    capacity: limits.WAITING_APPENDS,
    overflow: () => new StoreError('busy', `more than ${limits.WAITING_APPENDS} appends wait`),
  });

  async function commit(batch: readonly WaitingAppend[]): Promise<void> {
    const ends = await store.ends(batch.map(({ request }) => request));
    const planned = await planBatch(batch, ends, read);
    const writes = planned.flatMap(({ item: { request }, plan }) => (plan.kind === 'write' ? [{ request, plan }] : []));
    try {
      if (writes.length > 0) await store.write(writes);
    } catch (error) {
      return recover(planned, toStoreError(error));
    }
    // A refusal too waits for the commit: what it gives way to may be in there.
    for (const { item, plan } of planned) item.resolve(outcomeOf(plan));
    for (const { request, plan } of writes) {
      onRecorded({ runId: request.runId, sessionId: request.sessionId, events: plan.recorded });
    }
  }

  /** One row that the store refuses must not fail the appends beside it: each is planned and written alone. */
  async function recover(planned: PlannedAppend[], error: StoreError): Promise<void> {
    if (error.failure !== 'constraint') throw error;
    const [first, ...others] = planned;
    if (first && others.length === 0) return refuse(first.item, error.detail);
    for (const { item } of planned) await commit([item]);
  }

  async function refuse({ request, resolve }: WaitingAppend, rule: string): Promise<void> {
    const { head } = (await store.ends([request])).get(request.runId) ?? emptyTape;
    resolve(refusalBy(rule, head));
  }

  return { append: group.submit, idle: group.idle };
}

function outcomeOf(plan: AppendPlan): AppendOutcome {
  return plan.kind === 'write' ? { kind: 'appended', events: plan.recorded } : plan.outcome;
}

/** Names in the migrations under which the database refuses an append. */
function refusalBy(rule: string, head: number): AppendOutcome {
  if (/tape_seq|Event\.runId, Event\.seq|Event_pkey|Tape\.runId|Tape_pkey/.test(rule)) {
    return { kind: 'conflict', head };
  }
  if (/tape_closed/.test(rule)) return { kind: 'closed' };
  if (/tape_epoch/.test(rule)) return { kind: 'stale-epoch' };
  return { kind: 'constraint', rule };
}

function failStore(error: unknown): never {
  throw toStoreError(error);
}
