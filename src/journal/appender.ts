import { type Clock, nextTurn } from '../clock.ts';
import * as limits from '../config/limits.ts';
import { StoreError, toStoreError } from '../database/store-error.ts';
import { createGroupCommit, type Report } from './group-commit.ts';
import type { AppendOutcome, AppendRequest, Journal, OnCommitted } from './journal.ts';
import {
  type AppendPlan,
  type CachedHead,
  emptyTape,
  type PlannedAppend,
  planAppends,
  type QueuedAppend,
} from './plan-appends.ts';

export interface PlannedWrite {
  request: AppendRequest;
  plan: Extract<AppendPlan, { kind: 'write' }>;
}

/** The store that an appender writes to. */
export interface TapeStore {
  /** The heads of the requested tapes; empty tapes may be left out. A head may be out of date: `write` detects that. */
  heads(requests: readonly AppendRequest[]): Promise<ReadonlyMap<string, CachedHead>>;
  read: Journal['read'];
  /** Stores everything or nothing. Rejects with a StoreError; the `detail` of a `constraint` names the violated rule. */
  write(appends: readonly PlannedWrite[]): Promise<void>;
}

/** The writing side of a journal: plans the appends of one commit, writes them together, and reports the outcome of each. */
export function createAppender(
  store: TapeStore,
  onCommitted: OnCommitted,
  clock: Clock,
): Pick<Journal, 'append' | 'idle'> {
  const read: Journal['read'] = (runId, options) => store.read(runId, options).catch(rethrowAsStoreError);
  const group = createGroupCommit<AppendRequest, AppendOutcome>({
    commit: (batch) => commit(batch).catch(rethrowAsStoreError),
    workOf,
    batchWork: limits.COMMIT_WORK,
  });

  async function commit(batch: readonly QueuedAppend[]): Promise<Report> {
    const heads = await store.heads(batch.map(({ request }) => request));
    const planned = await planAppends(batch, heads, read);
    try {
      await write(planned);
    } catch (error) {
      return recover(planned, toStoreError(error));
    }
    return () => succeed(planned);
  }

  async function write(planned: readonly PlannedAppend[]): Promise<void> {
    const writes = writesOf(planned);
    if (writes.length > 0) await store.write(writes);
  }

  /**
   * Refusals are reported after the commit too, because they may depend on events in it. Each run that has waited for its append
   * now does its next step, so other work gets its turn after a few of them.
   */
  async function succeed(planned: readonly PlannedAppend[]): Promise<void> {
    for (const [index, { append, plan }] of planned.entries()) {
      if (index > 0 && index % limits.APPENDS_REPORTED_PER_TURN === 0) await nextTurn();
      append.resolve(outcomeOf(plan));
      const { runId, sessionId } = append.request;
      if (plan.kind === 'write') onCommitted({ runId, sessionId, events: plan.recorded });
    }
  }

  /**
   * A row that the store refuses, or that another transaction keeps locked, must not fail the appends that share its commit: each is
   * planned and written again alone.
   */
  async function recover(planned: readonly PlannedAppend[], error: StoreError): Promise<Report> {
    if (error.failure === 'unknown') {
      const { stored, missing } = await resolveUnknownCommit(planned, error, { write, read, clock });
      const reportMissing = await commitEach(missing);
      return () => succeed(stored).then(reportMissing);
    }
    const [first, ...others] = planned;
    if (error.failure === 'locked' && others.length > 0) return commitEach(planned);
    if (error.failure !== 'constraint') throw error;
    if (first && others.length === 0) return refuse(first.append, error.detail);
    return commitEach(planned);
  }

  /** Commits one after another, until the store fails. The first locked ones do not keep the others from being tried. */
  async function commitEach(planned: readonly PlannedAppend[]): Promise<Report> {
    const reports: Report[] = [];
    let locked = 0;
    for (const [index, { append }] of planned.entries()) {
      try {
        reports.push(await commit([append]));
      } catch (error) {
        const failure = toStoreError(error);
        if (failure.failure === 'locked') locked += 1;
        const isOver = failure.failure !== 'locked' || locked === MOST_LOCKED;
        const failed = planned.slice(index, isOver ? planned.length : index + 1);
        reports.push(async () => {
          for (const { append: unstored } of failed) unstored.reject(failure);
        });
        if (isOver) break;
      }
    }
    return async () => {
      for (const report of reports) await report();
    };
  }

  async function refuse({ request, resolve }: QueuedAppend, rule: string): Promise<Report> {
    // No cached head satisfies this expectation, so the head is read from the store.
    const heads = await store.heads([{ ...request, expectedHead: Number.MAX_SAFE_INTEGER }]);
    const refusal = refusalBy(rule, (heads.get(request.runId) ?? emptyTape).seq);
    return async () => resolve(refusal);
  }

  return {
    async append(request) {
      if (group.queuedRequests() >= limits.QUEUED_APPENDS) {
        throw new StoreError('busy', `more than ${limits.QUEUED_APPENDS} appends are queued`);
      }
      return group.submit(request);
    },
    idle: group.idle,
  };
}

/** Storing a text takes time for each character, because most texts are indexed for the search. */
function workOf({ events, writes }: AppendRequest): number {
  let work = (events.length + writes.length) * limits.ROW_WORK;
  for (const { payload } of events) if ('text' in payload) work += payload.text.length;
  return work;
}

/** Locked appends of one commit, after which the rest fails as well: each of them takes as long as a commit waits for a lock. */
const MOST_LOCKED = 2;

/** Waits after a commit whose outcome is unknown. After the last one the outcome stays unknown. */
const UNKNOWN_PAUSES_MILLISECONDS = [50, 200, 500, 1000, 2000];

/**
 * Finds out whether the database committed before the connection or the disk failed, by writing the same rows again. If it did, it refuses
 * them, and their hashes are on the tapes. Throws `commitError` if the database does not return.
 */
async function resolveUnknownCommit(
  planned: readonly PlannedAppend[],
  commitError: StoreError,
  store: { write(planned: readonly PlannedAppend[]): Promise<void>; read: Journal['read']; clock: Clock },
): Promise<{ stored: readonly PlannedAppend[]; missing: readonly PlannedAppend[] }> {
  for (const pause of UNKNOWN_PAUSES_MILLISECONDS) {
    await store.clock.sleep(pause);
    // As long as the database does not answer, the outcome is unknown, whatever the failure of this attempt says.
    const outcome = await writeAgain(planned, store).catch(() => null);
    if (outcome !== null) return outcome;
  }
  throw commitError;
}

/** Null if the rows could not be written for another reason than that they may be stored. */
async function writeAgain(
  planned: readonly PlannedAppend[],
  { write, read }: { write(planned: readonly PlannedAppend[]): Promise<void>; read: Journal['read'] },
): Promise<{ stored: readonly PlannedAppend[]; missing: readonly PlannedAppend[] } | null> {
  try {
    await write(planned);
    return { stored: planned, missing: [] };
  } catch (error) {
    return toStoreError(error).failure === 'constraint' ? splitByStored(planned, read) : null;
  }
}

async function splitByStored(planned: readonly PlannedAppend[], read: Journal['read']) {
  const stored: PlannedAppend[] = [];
  const missing: PlannedAppend[] = [];
  for (const each of planned) ((await isStored(each, read)) ? stored : missing).push(each);
  return { stored, missing };
}

async function isStored({ append, plan }: PlannedAppend, read: Journal['read']): Promise<boolean> {
  if (plan.kind !== 'write') return false;
  const [event] = await read(append.request.runId, { after: plan.head.seq - 1, limit: 1 });
  return event?.hash === plan.head.hash;
}

function writesOf(planned: readonly PlannedAppend[]): PlannedWrite[] {
  return planned.flatMap(({ append: { request }, plan }) => (plan.kind === 'write' ? [{ request, plan }] : []));
}

function outcomeOf(plan: AppendPlan): AppendOutcome {
  return plan.kind === 'write' ? { kind: 'appended', events: plan.recorded } : plan.outcome;
}

/** @param rule the name that the migrations give to the violated rule */
function refusalBy(rule: string, head: number): AppendOutcome {
  if (/tape_seq|Event\.runId, Event\.seq|Event_pkey|Tape\.runId|Tape_pkey/.test(rule)) {
    return { kind: 'conflict', head };
  }
  if (/tape_closed/.test(rule)) return { kind: 'closed' };
  if (/tape_epoch/.test(rule)) return { kind: 'stale-epoch' };
  return { kind: 'constraint', rule };
}

function rethrowAsStoreError(error: unknown): never {
  throw toStoreError(error);
}
