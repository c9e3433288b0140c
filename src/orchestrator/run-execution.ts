import type { RowWrite } from '../database/batch-statement.ts';
import { decide, type RunCommand } from '../domain/decide.ts';
import { isProgress, type NewEvent, type PayloadOf, withWorkTime } from '../domain/events.ts';
import { nextStep } from '../domain/next-step.ts';
import { isRefusal } from '../domain/refusal.ts';
import { foldOn, needsExecutor, type Run } from '../domain/run.ts';
import { type SpanPart, type TracedRun, traceParentFor } from '../domain/trace-context.ts';
import type { Decided, RecordOutcome, Situation } from '../run-store/run-store.ts';
import type { OrchestratorDependencies } from './dependencies.ts';
import { clearSuspicion, type Lease, releaseLease } from './leases.ts';
import type { RunConfiguration } from './run-configuration.ts';
import { createWorkMeter } from './work-meter.ts';

/** How the loop continues after a step. */
export type StepOutcome =
  /** The run is in progress, or one of its running tools waits for an answer. */
  | { kind: 'continue'; run: Run }
  /** The run has ended, waits for a person, or is executed elsewhere: this execution is over. */
  | { kind: 'stop'; leaseReleased: boolean };

export interface RunControl {
  /** Aborts the step in progress. Its reason is a StopReason. */
  signal: AbortSignal;
  /** Whether the server is stopping, so that no new step begins. */
  isStopping(): boolean;
  /** Called when the first of its running tools begins to wait for an answer, and when none does any more. */
  onAsking(isAsking: boolean): void;
}

/** One run while this server executes it: the lease, the configuration, and the only way in which its steps write to the tape. */
export interface RunExecution {
  readonly dependencies: OrchestratorDependencies;
  readonly lease: Lease;
  readonly configuration: RunConfiguration;
  /** Whether the server is stopping, so that no tool is started. */
  isStopping(): boolean;
  /** The headers `traceparent` of the calls that a part of the run makes; undefined unless traces are exported. */
  traceParent(part: SpanPart): string | undefined;
  /** The next model call of the run, counted from 1. Called for each that is recorded. */
  nextModelCall(): SpanPart;
  /** Begins to measure the time at work of this execution, which continues that of the fold. */
  beginWork(run: Run): void;
  /** How long the run has been at work, this execution included, by a clock that nobody sets. Stands still while the run waits. */
  workMilliseconds(): number;
  /** One of its running tools has its answer, so the run is at work again. */
  continueWork(): void;
  /**
   * Appends what the executor did or is about to do, together with the transition that follows from it, if one does. When the
   * run needs no executor afterwards, the lease is released in the same append. Resolves when all of it is durable; rejects
   * with a StoreError. Without events it appends the transition that the newest fold calls for.
   */
  record(events: NewEvent[], rows?: RowWrite[]): Promise<StepOutcome>;
  /** The same for a command of the executor. */
  recordCommand(command: RunCommand, rows?: RowWrite[]): Promise<StepOutcome>;
  /** Counts a running tool that waits for an answer, until the returned function is called. */
  countAsking(): () => void;
  /** Appends a progress report of a call that is in progress. Neither the call nor the run depends on it. */
  recordProgress(report: PayloadOf<'tool_progress'>): Promise<void>;
  /** Releases the lease without an append. */
  release(): Promise<void>;
}

export function createRunExecution(
  dependencies: OrchestratorDependencies,
  lease: Lease,
  configuration: RunConfiguration,
  { isStopping, onAsking }: Pick<RunControl, 'isStopping' | 'onAsking'>,
): RunExecution {
  const { runStore, database } = dependencies;
  const { runId, sessionId, epoch } = lease;
  let isSuspect = lease.suspicion > 0;
  let modelCalls = 0;
  let traced: TracedRun = { runId };
  const work = createWorkMeter(dependencies.clock);
  const workMilliseconds = () => work.milliseconds() ?? 0;

  /** Adds the transition that follows from the events, so that both are one append. */
  function withTransition(run: Run | null, first: Decided, rows: RowWrite[], { now }: Situation): Decided {
    if (isRefusal(first)) return first;
    const position = { runId, now, epoch };
    const after = foldOn(run, position, first.events);
    const next = after && nextStep(after, configuration.limits, workMilliseconds());
    const second = next?.kind === 'transition' ? decide(after, next.command, now) : null;
    const following = second && !isRefusal(second) ? second.events : [];
    const last = following.length > 0 ? foldOn(after, position, following) : after;
    const leaseChange = last && needsExecutor(last) ? suspicionAfter(first.events) : [releaseLease(lease)];
    const events = [...first.events, ...following];
    return {
      kind: 'events',
      events: work.milliseconds() === null ? events : withWorkTime(events, workMilliseconds()),
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
    if (outcome.kind !== 'recorded') return stepOutcome(outcome);
    if (outcome.events.some(isProgress)) isSuspect = false;
    if (outcome.run.state.status === 'IN_PROGRESS') work.proceed();
    else work.pause();
    return stepOutcome(outcome);
  }

  return {
    dependencies,
    lease,
    configuration,
    isStopping,
    beginWork({ activeMilliseconds, modelCalls: begun, origin }) {
      modelCalls = begun;
      traced = { runId, traceParent: origin.traceParent };
      work.begin(activeMilliseconds);
    },
    workMilliseconds,
    continueWork: work.proceed,
    countAsking: createAskingCount(onAsking),
    traceParent: (part) => (dependencies.settings.tracing ? traceParentFor(traced, part) : undefined),
    nextModelCall() {
      modelCalls += 1;
      return { kind: 'model-call', ordinal: modelCalls };
    },
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

/** Reports when the first of the running tools begins to wait for an answer, and when none does any more. */
function createAskingCount(onAsking: RunControl['onAsking']): RunExecution['countAsking'] {
  let asking = 0;
  return () => {
    asking += 1;
    if (asking === 1) onAsking(true);
    return () => {
      asking -= 1;
      if (asking === 0) onAsking(false);
    };
  };
}

function stepOutcome(outcome: RecordOutcome): StepOutcome {
  switch (outcome.kind) {
    case 'recorded':
      return needsExecutor(outcome.run)
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
