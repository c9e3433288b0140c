import { type Clock, systemClock } from '../../clock.ts';
import * as limits from '../../config/limits.ts';
import { StoreError, toStoreError } from '../../database/store-error.ts';
import type { AppendOutcome, AppendRequest, Journal, OnCommitted } from '../journal.ts';
import { type AppendPlan, type CachedHead, emptyTape } from './append-plan.ts';
import { type PlannedAppend, planBatch, type WaitingAppend } from './batch-planner.ts';
import { createGroupCommit } from './group-commit.ts';
import { resolveUnknownCommit } from './unknown-commit.ts';

export interface PlannedWrite {
  request: AppendRequest;
  plan: Extract<AppendPlan, { kind: 'write' }>;
}

/** What appends ask of the store behind them. */
export interface TapeStore {
  /** Where the tapes of these requests end, those that there are. A guess will do: `write` is the judge. */
  ends(requests: readonly AppendRequest[]): Promise<ReadonlyMap<string, CachedHead>>;
  read: Journal['read'];
  /** Stores everything or nothing. Rejects with a StoreError; the detail of a `constraint` names the rule that refused. */
  write(appends: readonly PlannedWrite[]): Promise<void>;
}

interface AppenderOptions {
  /** Commits that may be in flight at a time. The appends of one run always share a lane, so that they keep their order. */
  lanes: number;
  clock: Clock;
}

/** The writing side of a journal: plans the appends of one commit, writes them together, and tells what became of each. */
export function createAppender(
  store: TapeStore,
  onRecorded: OnCommitted,
  { lanes, clock }: AppenderOptions = { lanes: 1, clock: systemClock },
): Pick<Journal, 'append' | 'idle'> {
  const read: Journal['read'] = (runId, options) => store.read(runId, options).catch(failStore);
  const groups = Array.from({ length: lanes }, () =>
    createGroupCommit<AppendRequest, AppendOutcome>({
      commit: (batch) => commit(batch).catch(failStore),
      batchSize: limits.COMMIT_APPENDS,
    }),
  );

  async function commit(batch: readonly WaitingAppend[]): Promise<void> {
    const ends = await store.ends(batch.map(({ request }) => request));
    const planned = await planBatch(batch, ends, read);
    try {
      await write(planned);
    } catch (error) {
      return recover(planned, toStoreError(error));
    }
    succeed(planned);
  }

  async function write(planned: readonly PlannedAppend[]): Promise<void> {
    const writes = planned.flatMap(({ item: { request }, plan }) => (plan.kind === 'write' ? [{ request, plan }] : []));
    if (writes.length > 0) await store.write(writes);
  }

  /** A refusal too waits for the commit: what it gives way to may be in there. */
  function succeed(planned: readonly PlannedAppend[]): void {
    for (const { item, plan } of planned) item.resolve(outcomeOf(plan));
    for (const { item, plan } of planned) {
      const { runId, sessionId } = item.request;
      if (plan.kind === 'write') onRecorded({ runId, sessionId, events: plan.recorded });
    }
  }

  /** One row that the store refuses must not fail the appends beside it: each is planned and written alone. */
  async function recover(planned: PlannedAppend[], error: StoreError): Promise<void> {
    if (error.failure === 'unknown') return settle(planned, error);
    if (error.failure !== 'constraint') throw error;
    const [first, ...others] = planned;
    if (first && others.length === 0) return refuse(first.item, error.detail);
    for (const { item } of planned) await commit([item]);
  }

  async function settle(planned: PlannedAppend[], doubt: StoreError): Promise<void> {
    const found = await resolveUnknownCommit(planned, { write, read, clock, doubt });
    succeed(found.stored);
    for (const { item } of found.missing) await commit([item]);
  }

  async function refuse({ request, resolve }: WaitingAppend, rule: string): Promise<void> {
    const { head } = (await store.ends([asItIs(request)])).get(request.runId) ?? emptyTape;
    resolve(refusalBy(rule, head));
  }

  return {
    async append(request) {
      if (groups.reduce((sum, { waiting }) => sum + waiting(), 0) >= limits.QUEUED_APPENDS) {
        throw new StoreError('busy', `more than ${limits.QUEUED_APPENDS} appends wait`);
      }
      return laneOf(groups, request.runId).submit(request);
    },
    async idle() {
      await Promise.all(groups.map(({ idle }) => idle()));
    },
  };
}

/** Asks for the tape as it is stored now, whatever was thought of it. */
const asItIs = (request: AppendRequest) => ({ ...request, expectedHead: Number.MAX_SAFE_INTEGER });

/** By the end of the id, which is random. */
function laneOf<Lane>(lanes: readonly Lane[], runId: string): Lane {
  const lane = lanes[runId.charCodeAt(runId.length - 1) % lanes.length] ?? lanes[0];
  if (!lane) throw new Error('There is no lane.');
  return lane;
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
