import type { RowWrite } from '../database/batch-statement.ts';
import { decide, type RunCommand } from '../domain/decide.ts';
import { isProgress, type NewEvent, type PayloadOf, withWorkTime } from '../domain/events.ts';
import { nextStep } from '../domain/next-step.ts';
import { isRefusal } from '../domain/refusal.ts';
import { foldOn, type Run } from '../domain/run.ts';
import type { Decided, RecordOutcome, Situation } from '../run-store/run-store.ts';
import type { OrchestratorDependencies } from './dependencies.ts';
import { clearSuspicion, type Lease, releaseLease } from './leases.ts';
import type { RunConfiguration } from './run-configuration.ts';

/** How the loop continues after a step. */
export type StepOutcome =
  | { kind: 'continue'; run: Run }
  /** The run has ended, waits for a person, or is executed elsewhere: this execution is over. */
  | { kind: 'stop'; leaseReleased: boolean };

/** One run while this server executes it: the lease, the configuration, and the only way in which its steps write to the tape. */
export interface RunExecution {
  readonly dependencies: OrchestratorDependencies;
  readonly lease: Lease;
  readonly configuration: RunConfiguration;
  /** Begins to measure the time at work of this execution, which continues that of the fold. */
  beginWork(run: Run): void;
  /** How long the run has been at work, this execution included, by a clock that nobody sets. */
  workMilliseconds(): number;
  /**
   * Appends what the executor did or is about to do, together with the transition that follows from it, if one does. When the
   * run needs no executor afterwards, the lease is released in the same append. Resolves when all of it is durable; rejects
   * with a StoreError. Without events it appends the transition that the newest fold calls for.
   */
  record(events: NewEvent[], rows?: RowWrite[]): Promise<StepOutcome>;
  /** The same for a command of the executor. */
  recordCommand(command: RunCommand): Promise<StepOutcome>;
  /** Appends a progress report of a call that is in progress. Neither the call nor the run depends on it. */
  recordProgress(report: PayloadOf<'tool_progress'>): Promise<void>;
  /** Releases the lease without an append. */
  release(): Promise<void>;
}

export function createRunExecution(
  dependencies: OrchestratorDependencies,
  lease: Lease,
  configuration: RunConfiguration,
): RunExecution {
  const { runStore, database } = dependencies;
  const { runId, sessionId, epoch } = lease;
  let isSuspect = lease.suspicion > 0;
  /** What `clock.elapsed` was when the run had been at work for no time; null before this execution works. */
  let workOrigin: number | null = null;
  const workMilliseconds = () => (workOrigin === null ? 0 : Math.round(dependencies.clock.elapsed() - workOrigin));

  /** Adds the transition that follows from the events, so that both are one append. */
  function withTransition(run: Run | null, first: Decided, rows: RowWrite[], { now }: Situation): Decided {
    if (isRefusal(first)) return first;
    const position = { runId, now, epoch };
    const after = foldOn(run, position, first.events);
    const next = after && nextStep(after, configuration.limits, workMilliseconds());
    const second = next?.kind === 'transition' ? decide(after, next.command, now) : null;
    const following = second && !isRefusal(second) ? second.events : [];
    const last = following.length > 0 ? foldOn(after, position, following) : after;
    const needsExecutor = last?.state.status === 'IN_PROGRESS';
    const leaseChange = needsExecutor ? suspicionAfter(first.events) : [releaseLease(lease)];
    const events = [...first.events, ...following];
    return {
      kind: 'events',
      events: workOrigin === null ? events : withWorkTime(events, workMilliseconds()),
      rows: [...rows, ...leaseChange],
    };
  }

  /** Progress ends the suspicion, and the next suspect can be tried. */
  const suspicionAfter = (events: readonly NewEvent[]) =>
    isSuspect && events.some(isProgress) ? [clearSuspicion(lease)] : [];

  async function recordCommand(command: RunCommand, rows: RowWrite[] = []): Promise<StepOutcome> {
    const outcome = await runStore.record({
      runId,
      sessionId,
      epoch,
      decide: (run, situation) => withTransition(run, decide(run, command, situation.now), rows, situation),
    });
    if (outcome.kind === 'recorded' && outcome.events.some(isProgress)) isSuspect = false;
    return stepOutcome(outcome);
  }

  return {
    dependencies,
    lease,
    configuration,
    beginWork({ activeMilliseconds }) {
      workOrigin = dependencies.clock.elapsed() - activeMilliseconds;
    },
    workMilliseconds,
    recordCommand,
    record: (events, rows) => recordCommand({ kind: 'record', events }, rows),
    async recordProgress(payload) {
      await runStore.record({
        runId,
        sessionId,
        epoch,
        decide: (run, { now }) => decide(run, { kind: 'report', payload }, now),
      });
    },
    release: () => database.commit([releaseLease(lease)]),
  };
}

function stepOutcome(outcome: RecordOutcome): StepOutcome {
  switch (outcome.kind) {
    case 'recorded':
      return outcome.run.state.status === 'IN_PROGRESS'
        ? { kind: 'continue', run: outcome.run }
        : { kind: 'stop', leaseReleased: true };
    case 'refused':
    case 'stale':
    case 'constraint':
      return { kind: 'stop', leaseReleased: false };
    default:
      return outcome satisfies never;
  }
}
