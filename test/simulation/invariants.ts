import { databaseTime, type RowWrite } from '../../src/database/batch-statement.ts';
import type { RecordedEvent } from '../../src/domain/events.ts';
import { evolve, type Run } from '../../src/domain/run.ts';
import { isTerminal, type RunStatus } from '../../src/domain/transitions.ts';
import { decode, decodeColumns, GENESIS_HASH, hashOf, storedColumnNames } from '../../src/journal/codec.ts';
import { runRows } from '../../src/projections/runs.ts';
import type { Host } from './host.ts';
import { type Activity, type SimulatedTool, simulatedTools } from './outside.ts';
import type { Store } from './store.ts';
import type { Timeline } from './timeline.ts';

/** The checks of a simulation, by the numbers of the invariants in docs/architecture.md where they have one. */
export interface Invariants {
  /** To call when the database has changed. */
  onChange(host: Host, writes: readonly RowWrite[]): void;
  onExecution(tool: SimulatedTool, idempotencyKey: string): void;
  onShown(texts: readonly string[]): void;
  /** To call after every step. */
  checkActivities(activities: Iterable<Activity>): void;
  /** To call while nothing fails. @param isIdle whether every server has had time to recover, and has room */
  checkExecutors(isIdle: boolean): void;
  /** Whether a server holds the lease of a run that has ended, or the budget still counts a call of a run that is not executed. */
  hasLeftovers(): boolean;
  /** To call when nothing happens any more. */
  checkEnd(): void;
  report(problem: string): void;
  problems(): readonly string[];
  /** What was recorded of a run; null if there is no such run. */
  tapeOf(runId: string): CheckedTape | undefined;
  tapes(): Iterable<CheckedTape>;
  /** Where a message was recorded, by its idempotency key. */
  inputs: ReadonlyMap<string, readonly { runId: string; seq: number }[]>;
}

export interface InvariantOptions {
  store: Store;
  timeline: Timeline;
  leaseMilliseconds: number;
  maxResumptions: number;
  /** The holder of the leases of a running process. */
  holderOf(host: Host): string | null;
}

interface CheckedCall {
  tool: string;
  starts: number;
  key: string | null;
  executions: number;
  results: number;
  /** Whether policy or a person has allowed it. */
  isAllowed: boolean;
  /** How often a person allowed it to be repeated after an unknown outcome. */
  repetitions: number;
}

/** An approval, or another wait. */
interface CheckedApproval {
  callId: string;
  status: string;
  /** Null unless it is an approval. */
  why: 'policy' | 'unknown_outcome' | null;
}

interface CheckedLease {
  epoch: number;
  holder: string | null;
  /** Epoch milliseconds of the database. */
  expiresAt: number;
  suspicion: number;
}

export interface CheckedTape {
  runId: string;
  sessionId: string;
  run: Run | null;
  status: RunStatus | null;
  hash: string;
  head: number;
  lastRecordedAt: number;
  /** Losses of the executor since the last progress, as far as a resumption followed. */
  lostInARow: number;
  /** Those of them at which the executor held no other run. */
  lostAlone: number;
  /** The losses that the tape counts. A loss may be left out when that is not certain. */
  countedLosses: number;
  /** Whether the executor held no other run at the newest loss. */
  isLastLossAlone: boolean;
  resumptions: number;
  calls: Map<string, CheckedCall>;
  approvals: Map<string, CheckedApproval>;
}

const allowedTransitions: Readonly<Record<string, readonly RunStatus[]>> = {
  null: ['PENDING'],
  PENDING: ['IN_PROGRESS', 'FAILED', 'CANCELLED'],
  IN_PROGRESS: ['AWAITING_APPROVAL', 'DONE', 'FAILED', 'CANCELLED'],
  AWAITING_APPROVAL: ['IN_PROGRESS', 'FAILED', 'CANCELLED'],
  DONE: [],
  FAILED: [],
  CANCELLED: [],
};

/** Events that only the holder of the lease may record. */
const executorTypes: readonly RecordedEvent['type'][] = [
  'context',
  'output_delta',
  'thought',
  'output',
  'tool_call',
  'tool_decision',
  'approval_request',
  'tool_start',
  'tool_progress',
  'resumption',
];

/** After these a resumed run has got further. */
const progressTypes: readonly RecordedEvent['type'][] = [
  'thought',
  'output_delta',
  'output',
  'tool_result',
  'approval_decision',
  'wait_request',
  'wait_settled',
];

const columns = storedColumnNames.map((name) => `"${name}"`).join(', ');
const isActive = (status: RunStatus | null) => status === 'IN_PROGRESS' || status === 'AWAITING_APPROVAL';
const toolsByName = new Map(simulatedTools.map((tool) => [tool.name, tool]));

export function createInvariants(options: InvariantOptions): Invariants {
  const { store, timeline, leaseMilliseconds, maxResumptions, holderOf } = options;
  const tapes = new Map<string, CheckedTape>();
  const inputs = new Map<string, { runId: string; seq: number }[]>();
  /** The run of each message text and of each idempotency key of a tool call. */
  const runsByKey = new Map<string, string>();
  /** The holder of each epoch of each run. */
  const holders = new Map<string, string>();
  const leases = new Map<string, CheckedLease>();
  /** The runs that each holder has not released, and when their leases end. */
  const unreleased = new Map<string, Map<string, number>>();
  const lostSince = new Map<Activity, number>();
  const waitingSince = new Map<string, number>();
  const problems: string[] = [];
  const report = (problem: string) => void problems.push(problem);

  function readNew(tape: CheckedTape): void {
    const rows = store.select(
      `SELECT ${columns} FROM "Event" WHERE "runId" = ? AND "seq" > ? ORDER BY "seq"`,
      tape.runId,
      tape.head,
    );
    const isNew = tape.head === 0;
    const events = rows.map((row) => {
      const stored = decodeColumns(
        tape.runId,
        storedColumnNames.map((name) => row[name]),
      );
      const { hash, ...event } = stored;
      if (hashOf(tape.hash, event) !== hash) report(`${tape.runId}: the hash of event ${stored.seq} is wrong`);
      tape.hash = hash;
      return decode(stored);
    });
    for (const event of events) readEvent(tape, event);
    if (isNew) {
      const [first, second] = events;
      const begins = first?.type === 'input' && second?.type === 'status' && second.payload.to === 'PENDING';
      if (!begins) report(`3: ${tape.runId} does not begin with its message and PENDING in one append`);
    }
  }

  function readEvent(tape: CheckedTape, event: RecordedEvent): void {
    const { runId } = tape;
    const at = `${runId} event ${event.seq} (${event.type})`;
    if (event.seq !== tape.head + 1) report(`2: ${at} follows event ${tape.head}`);
    if (tape.status !== null && isTerminal(tape.status)) report(`4: ${at} follows the end of the run`);
    if (event.recordedAt < tape.lastRecordedAt) report(`${at} is recorded before the event that it follows`);
    tape.head = event.seq;
    tape.lastRecordedAt = event.recordedAt;
    tape.run = evolve(tape.run, event);
    // A run that gives up withdraws its approvals in the same append.
    const isWithdrawal = event.type === 'approval_decision' && event.payload.status === 'WITHDRAWN';
    if (progressTypes.includes(event.type) && !isWithdrawal) {
      tape.lostInARow = 0;
      tape.lostAlone = 0;
      tape.countedLosses = 0;
    }
    if (event.epoch === null && executorTypes.includes(event.type)) report(`${at} is recorded without a lease`);
    switch (event.type) {
      case 'input': {
        const key = event.payload.idempotencyKey ?? '';
        runsByKey.set(event.payload.text, runId);
        inputs.set(key, [...(inputs.get(key) ?? []), { runId, seq: event.seq }]);
        return;
      }
      case 'status':
        readStatus(tape, event.payload, at);
        return;
      case 'resumption':
        readResumption(tape, event.payload, at);
        return;
      case 'tool_call':
        tape.calls.set(event.payload.callId, {
          tool: event.payload.tool,
          starts: 0,
          key: null,
          executions: 0,
          results: 0,
          isAllowed: false,
          repetitions: 0,
        });
        return;
      case 'tool_decision': {
        const call = tape.calls.get(event.payload.callId);
        if (call && event.payload.effect === 'ALLOW') call.isAllowed = true;
        return;
      }
      case 'approval_request': {
        const { approvalId, callId, why } = event.payload;
        tape.approvals.set(approvalId, { callId, status: 'PENDING', why });
        return;
      }
      case 'approval_decision':
        readDecision(tape, event.payload, at);
        return;
      case 'wait_request': {
        const { waitId, callId } = event.payload;
        tape.approvals.set(waitId, { callId: callId ?? '', status: 'PENDING', why: null });
        return;
      }
      case 'wait_settled': {
        const { waitId, outcome } = event.payload;
        const wait = tape.approvals.get(waitId);
        if (wait?.status !== 'PENDING') report(`${at} settles a wait that is ${wait?.status}`);
        if (wait) wait.status = outcome;
        return;
      }
      case 'tool_start':
        readStart(tape, event.payload, at);
        return;
      case 'tool_result': {
        const call = tape.calls.get(event.payload.callId);
        if (!call) {
          report(`${at} answers no call`);
          return;
        }
        call.results += 1;
        if (call.results > 1) report(`${at} is a second result of one call`);
        return;
      }
      default:
    }
  }

  function readStatus(
    tape: CheckedTape,
    { from, to, error }: Extract<RecordedEvent, { type: 'status' }>['payload'],
    at: string,
  ): void {
    if (from !== tape.status) report(`3: ${at} says that it leaves ${from}, but the run is ${tape.status}`);
    if (!allowedTransitions[String(from)]?.includes(to)) report(`3: ${at} leads from ${from} to ${to}`);
    tape.status = to;
    if (isActive(to)) {
      for (const other of tapes.values()) {
        if (other !== tape && other.sessionId === tape.sessionId && isActive(other.status)) {
          report(`4: ${tape.runId} and ${other.runId} of one session are active`);
        }
      }
    }
    if (to === 'DONE' && (tape.run?.unseenInputs.length ?? 0) > 0) {
      report(`${at} ends a run with a message that no model was shown`);
    }
    const open = [...tape.approvals.values()].filter(({ status }) => status === 'PENDING');
    if (isTerminal(to) && open.length > 0) report(`${at} ends a run with open approvals`);
    if (error?.code === 'RESUME_LIMIT' && (tape.lostAlone < maxResumptions || !tape.isLastLossAlone)) {
      report(`8: ${at} gives up after ${tape.lostAlone} resumptions whose executor had no other run`);
    }
    if (error?.code === 'INTERNAL') report(`${at} fails the run because of a defect`);
    if (to === 'AWAITING_APPROVAL' && open.length === 0) report(`${at} waits for nothing`);
  }

  function readResumption(
    tape: CheckedTape,
    { attempt, lost, alone, brokeOff }: Extract<RecordedEvent, { type: 'resumption' }>['payload'],
    at: string,
  ): void {
    if (brokeOff) return;
    tape.resumptions += 1;
    if (attempt !== tape.resumptions) report(`${at} is resumption ${tape.resumptions}, not ${attempt}`);
    if (lost) tape.lostInARow += 1;
    if (lost && tape.isLastLossAlone) tape.lostAlone += 1;
    if (alone && !tape.isLastLossAlone) report(`8: ${at} says that the lost executor had no other run`);
    if (alone) tape.countedLosses += 1;
    if (tape.countedLosses > maxResumptions) report(`8: ${at} resumes a run that should have failed`);
  }

  function readDecision(
    tape: CheckedTape,
    { approvalId, callId, status }: Extract<RecordedEvent, { type: 'approval_decision' }>['payload'],
    at: string,
  ): void {
    const approval = tape.approvals.get(approvalId);
    if (!approval) {
      report(`${at} decides an approval that was not requested`);
      return;
    }
    if (approval.status !== 'PENDING') report(`${at} decides an approval that is ${approval.status}`);
    approval.status = status;
    const call = tape.calls.get(callId);
    if (!call || status !== 'ALLOWED') return;
    call.isAllowed = true;
    if (approval.why === 'unknown_outcome') call.repetitions += 1;
  }

  function readStart(
    tape: CheckedTape,
    { callId, attempt, idempotencyKey }: Extract<RecordedEvent, { type: 'tool_start' }>['payload'],
    at: string,
  ): void {
    const call = tape.calls.get(callId);
    if (!call) {
      report(`${at} starts no call`);
      return;
    }
    call.starts += 1;
    if (attempt !== call.starts) report(`${at} is attempt ${call.starts}, not ${attempt}`);
    if (call.results > 0) report(`5: ${at} starts a call that has its result`);
    if (!call.isAllowed) report(`5: ${at} starts a call that nothing allowed`);
    if (call.key !== null && call.key !== idempotencyKey) report(`5: ${at} changes the idempotency key`);
    call.key = idempotencyKey;
    runsByKey.set(idempotencyKey, tape.runId);
    if (!toolsByName.get(call.tool)?.idempotent && call.starts > 1 + call.repetitions) {
      report(`5: ${at} repeats a call of ${call.tool} that no person allowed to be repeated`);
    }
  }

  /** The rows of the run and of its approvals must be those of its fold. */
  function checkRows({ runId, run, approvals }: CheckedTape): void {
    const [first] = store.select(`SELECT * FROM "Run" WHERE "id" = ?`, runId);
    if (!run || !first) {
      report(`1: ${runId} has a tape without a row, or a row without a tape`);
      return;
    }
    const position = { seq: 1, type: 'input' } as RecordedEvent;
    const [expected] = runRows(run, [position]);
    for (const [name, value] of Object.entries(expected?.row ?? {})) {
      const stored = first[name];
      const expectedValue = storedValue(name, value);
      if (stored !== expectedValue) report(`1: ${runId}: ${name} is ${stored}, its tape says ${expectedValue}`);
    }
    for (const row of store.select(`SELECT "id", "status" FROM "Wait" WHERE "runId" = ?`, runId)) {
      const status = approvals.get(String(row.id))?.status;
      if (row.status !== status) report(`1: approval ${row.id} is ${row.status}, its tape says ${status}`);
    }
  }

  function readLeases(): void {
    const rows = store.select(`SELECT "runId", "epoch", "holder", "expiresAt", "suspicion" FROM "Lease"`);
    const triedSuspects = rows.filter((row) => Number(row.suspicion) > 0 && row.holder !== null);
    if (triedSuspects.length > 1) report(`8: ${triedSuspects.length} suspects are resumed at the same time`);
    for (const row of rows) {
      const [runId, epoch, suspicion] = [String(row.runId), Number(row.epoch), Number(row.suspicion)];
      const holder = row.holder === null ? null : String(row.holder);
      const lease = { epoch, holder, suspicion, expiresAt: Date.parse(String(row.expiresAt)) };
      readLoss(runId, leases.get(runId), lease);
      leases.set(runId, lease);
      if (holder === null) continue;
      unreleased.set(holder, (unreleased.get(holder) ?? new Map()).set(runId, lease.expiresAt));
      const key = `${runId}/${epoch}`;
      const earlier = holders.get(key);
      if (earlier !== undefined && earlier !== holder) report(`two servers had epoch ${epoch} of ${runId}`);
      holders.set(key, holder);
    }
  }

  /** A lease changes because its holder releases it, or because the holder was lost. */
  function readLoss(runId: string, before: CheckedLease | undefined, after: CheckedLease): void {
    if (!before || before.holder === null || (before.epoch === after.epoch && before.holder === after.holder)) return;
    const held = unreleased.get(before.holder);
    const isReleased = after.holder === null && after.suspicion <= 1;
    if (isReleased) held?.delete(runId);
    const tape = tapes.get(runId);
    if (!tape) return;
    // A lease that ended long before was lost while the holder was alive.
    const isCompany = ([id, end]: [string, number]) => id !== runId && end > before.expiresAt - leaseMilliseconds;
    // A server that takes its own lease again has not died.
    const isAlive = before.holder === after.holder;
    if (!isReleased) tape.isLastLossAlone = !isAlive && ![...(held ?? [])].some(isCompany);
    if (after.suspicion === 1 && before.suspicion === 0 && tape.lostInARow === 0) {
      report(`8: ${runId} waits as a suspect after its first loss`);
    }
  }

  function checkEpochs(host: Host, runId: string, epochs: ReadonlySet<number>): void {
    const lease = leases.get(runId);
    for (const epoch of epochs) {
      if (epoch !== lease?.epoch) report(`${host.name} wrote to ${runId} under epoch ${epoch}; it is ${lease?.epoch}`);
      const holder = holders.get(`${runId}/${epoch}`);
      const own = holderOf(host);
      if (own !== null && holder !== own) report(`${host.name} wrote to ${runId} under the lease of another server`);
    }
  }

  return {
    onChange(host, writes) {
      if (writes.length === 0 || writes.some(({ row }) => 'holder' in row || ('epoch' in row && !('seq' in row))))
        readLeases();
      const changed = new Map<string, Set<number>>();
      const sessions = new Map<string, string>();
      for (const { row } of writes) {
        if (typeof row.runId !== 'string' || typeof row.seq !== 'number' || typeof row.hash !== 'string') continue;
        const epochs = changed.get(row.runId) ?? new Set();
        if (typeof row.epoch === 'number') epochs.add(row.epoch);
        changed.set(row.runId, epochs);
      }
      for (const { row } of writes) {
        if ('closed' in row && 'sessionId' in row) sessions.set(String(row.runId), String(row.sessionId));
      }
      for (const [runId, epochs] of changed) {
        const tape = tapes.get(runId) ?? newTape(runId, sessions.get(runId) ?? '');
        tapes.set(runId, tape);
        readNew(tape);
        checkRows(tape);
        checkEpochs(host, runId, epochs);
      }
    },
    onExecution(tool, idempotencyKey) {
      const tape = tapes.get(runsByKey.get(idempotencyKey) ?? '');
      const call = [...(tape?.calls.values() ?? [])].find(({ key }) => key === idempotencyKey);
      if (!call) {
        report(`5: ${tool.name} was called before its start was durable`);
        return;
      }
      call.executions += 1;
      if (call.executions > call.starts) report(`5: ${tool.name} was called more often than it was started`);
    },
    onShown(texts) {
      if (new Set(texts).size < texts.length) report(`a model was shown a message twice: ${texts.join(', ')}`);
    },
    checkActivities(activities) {
      const current = new Set(activities);
      for (const activity of lostSince.keys()) if (!current.has(activity)) lostSince.delete(activity);
      for (const activity of current) {
        const { host, key, kind, signal } = activity;
        if (signal.aborted || host.isPaused() || host.isKilled()) continue;
        const runId = runsByKey.get(key) ?? '';
        const lease = leases.get(runId);
        if (lease && lease.holder === holderOf(host) && lease.expiresAt > store.now()) {
          lostSince.delete(activity);
          continue;
        }
        const since = lostSince.get(activity) ?? timeline.now();
        lostSince.set(activity, since);
        if (timeline.now() - Math.max(since, host.runningSince()) > leaseMilliseconds * NOTICED_LEASES) {
          report(`${host.name} goes on with a ${kind} call of ${runId} long after its lease ended`);
          lostSince.set(activity, Number.POSITIVE_INFINITY);
        }
      }
    },
    checkExecutors(isIdle) {
      const time = databaseTime(store.now());
      const lacking = store.select(
        `SELECT "id", "state" FROM "Run" LEFT JOIN "Lease" ON "Lease"."runId" = "Run"."id"
          WHERE ("Lease"."holder" IS NULL OR "Lease"."expiresAt" <= ?)
            AND NOT (coalesce("Lease"."suspicion", 0) > 0
              AND EXISTS (SELECT 1 FROM "Lease" AS "tried" WHERE "tried"."suspicion" > 0 AND "tried"."expiresAt" > ?))
            AND ("state" = 'IN_PROGRESS' OR ("state" = 'AWAITING_APPROVAL' AND "Lease"."holder" IS NOT NULL) OR ("state" = 'PENDING'
            AND NOT EXISTS (SELECT 1 FROM "Run" AS "other" WHERE "other"."sessionId" = "Run"."sessionId"
              AND "other"."state" IN ('IN_PROGRESS', 'AWAITING_APPROVAL'))))`,
        time,
        time,
      );
      const ids = new Set(lacking.map(({ id }) => String(id)));
      for (const id of waitingSince.keys()) if (!ids.has(id)) waitingSince.delete(id);
      // Only one run of a session can start, so one that waits for an earlier one counts from then on.
      for (const id of ids) {
        // Another server may take the next suspect, at its next renewal.
        const isPrompt = isIdle && leases.get(id)?.suspicion === 0;
        const bound = isPrompt ? PROMPT_MILLISECONDS : leaseMilliseconds * 2;
        const since = waitingSince.get(id) ?? timeline.now();
        waitingSince.set(id, since);
        if (isIdle && isBehindAnother(id, ids)) waitingSince.set(id, timeline.now());
        else if (timeline.now() - since > bound) {
          report(`8: ${id} has had no executor for ${timeline.now() - since} ms although nothing fails`);
          waitingSince.set(id, Number.POSITIVE_INFINITY);
        }
      }
    },
    hasLeftovers() {
      const leftovers = store.select(
        `SELECT "runId" FROM "Lease" JOIN "Run" ON "Run"."id" = "Lease"."runId"
          WHERE "state" IN ('DONE', 'CANCELLED', 'FAILED') AND ("holder" IS NOT NULL OR "suspicion" > 0)
        UNION ALL SELECT "runId" FROM "BudgetReservation" LIMIT 1`,
      );
      return leftovers.length > 0;
    },
    checkEnd() {
      for (const { runId, status } of tapes.values()) {
        if (status === 'PENDING' || status === 'IN_PROGRESS') report(`8: ${runId} is still ${status}`);
      }
      for (const [key, places] of inputs) if (places.length > 1) report(`message ${key} is recorded twice`);
    },
    report,
    problems: () => problems,
    tapeOf: (runId) => tapes.get(runId),
    tapes: () => tapes.values(),
    inputs,
  };

  function isBehindAnother(id: string, ids: ReadonlySet<string>): boolean {
    const tape = tapes.get(id);
    return [...ids].some((other) => other < id && tapes.get(other)?.sessionId === tape?.sessionId);
  }
}

/** An executor whose lease has ended notices it at the next renewal, a third of a lease later, or when that gets no answer. */
const NOTICED_LEASES = 0.6;
/** A run is claimed this soon after it can be executed, when nothing fails and there is room. */
const PROMPT_MILLISECONDS = 3000;

function newTape(runId: string, sessionId: string): CheckedTape {
  return {
    runId,
    sessionId,
    run: null,
    status: null,
    hash: GENESIS_HASH,
    head: 0,
    lastRecordedAt: 0,
    lostInARow: 0,
    lostAlone: 0,
    countedLosses: 0,
    isLastLossAlone: false,
    resumptions: 0,
    calls: new Map(),
    approvals: new Map(),
  };
}

function storedValue(name: string, value: unknown): unknown {
  if (typeof value === 'boolean') return Number(value);
  if (typeof value === 'number' && name.endsWith('At')) return databaseTime(value);
  return value ?? null;
}
