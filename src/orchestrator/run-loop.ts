import { StoreError } from '../database/store-error.ts';
import { nextStep } from '../domain/next-step.ts';
import { hasOpenWork, type Run } from '../domain/run.ts';
import { callsOf, isAsking } from '../domain/step.ts';
import { isTerminal } from '../domain/transitions.ts';
import type { Catalogue } from '../models/catalogue.ts';
import { newestTurn } from '../projections/session-runs.ts';
import type { OrchestratorDependencies } from './dependencies.ts';
import { type Lease, releaseLease, suspectRun } from './leases.ts';
import { linkedAbort } from './linked-abort.ts';
import { loadRunConfiguration } from './run-configuration.ts';
import { createRunExecution, type RunControl, type RunExecution, type StepOutcome } from './run-execution.ts';
import { modelStep } from './step/model-step.ts';
import { recoverStep, requestedStep, toolStep } from './step/tool-step.ts';

/** Least time between two looks at the time that is left, after the first one. */
const DEADLINE_CHECK_MILLISECONDS = 1000;

/** Why an execution is told to stop. */
export type StopReason = 'ended' | 'lease-lost' | 'shutdown' | 'deadline';

/**
 * Computes the next step from the fold, performs it, records it, and repeats, until the run ends, waits for a person, or is
 * executed elsewhere. Resuming after a crash, an approval or a restart takes the same path.
 */
export async function executeRun(
  dependencies: OrchestratorDependencies,
  lease: Lease,
  control: RunControl,
): Promise<void> {
  const models = dependencies.catalogue.hold();
  try {
    await executeWith(dependencies, models.catalogue, lease, control);
  } finally {
    models.release();
  }
}

async function executeWith(
  dependencies: OrchestratorDependencies,
  catalogue: Catalogue,
  lease: Lease,
  control: RunControl,
): Promise<void> {
  const run = await dependencies.runStore.load(lease.runId);
  const configuration = run && (await loadRunConfiguration(dependencies, run, catalogue));
  if (!run || !configuration) return dependencies.database.commit([releaseLease(lease)]);
  const execution = createRunExecution(dependencies, lease, configuration, control);
  let outcome = await takeUp(execution, run);
  if (outcome.kind === 'continue') execution.beginWork(outcome.run);
  while (outcome.kind === 'continue' && !control.isStopping()) {
    outcome = await performWithinDeadline(execution, outcome.run, control.signal);
  }
  if (outcome.kind === 'stop' && outcome.leaseReleased) return;
  await withdrawQuestions(execution);
  await execution.release();
}

/** Nobody takes the answers that the running tools of an earlier or ending execution wait for. The newest fold of the run. */
async function withdrawQuestions({ dependencies, lease, recordCommand }: RunExecution): Promise<Run | null> {
  const run = await dependencies.runStore.load(lease.runId);
  if (!run || isTerminal(run.state.status) || !callsOf(run.step).some(isAsking)) return run;
  const reason = 'The server of the call was stopped or lost. The call may be repeated, and asks again then.';
  const outcome = await recordCommand({ kind: 'withdrawQuestions', waitId: null, reason });
  return outcome.kind === 'continue' ? outcome.run : null;
}

/**
 * A run whose executor was lost is resumed: at first together with the others, then alone, because one of them may have killed
 * the server. It fails after a few losses of executors that executed no other run. The time without an executor does not count
 * as work.
 */
async function takeUp(execution: RunExecution, loaded: Run): Promise<StepOutcome> {
  const { lease, dependencies } = execution;
  const run = callsOf(loaded.step).some(isAsking) ? await withdrawQuestions(execution) : loaded;
  if (run === null) return { kind: 'stop', leaseReleased: false };
  if (run.state.status !== 'IN_PROGRESS') return { kind: 'continue', run };
  const { maxResumptions, leaseSeconds } = dependencies.settings;
  const idleMilliseconds = dependencies.clock.now() - run.lastWorkAt;
  if (!lease.lost && !hasOpenWork(run) && idleMilliseconds < leaseSeconds * 1000) return { kind: 'continue', run };
  if (lease.lost && lease.alone && run.lossesAlone >= maxResumptions) {
    const message = `The run was resumed ${maxResumptions} times in a row without progress, and its server executed no other run when it was lost.`;
    return execution.recordCommand({ kind: 'fail', error: { code: 'RESUME_LIMIT', message, retryable: true } });
  }
  if (lease.lost && lease.suspicion === 0 && run.resumptionsWithoutProgress > 0) {
    await dependencies.database.commit([suspectRun(lease)]);
    return { kind: 'stop', leaseReleased: true };
  }
  const payload = {
    attempt: run.resumptions + 1,
    step: run.step.at === 'calling' ? run.step.step : Math.max(1, run.steps),
    epoch: lease.epoch,
    lost: lease.lost,
    alone: lease.lost && lease.alone,
    brokeOff: false,
    reason: lease.lost ? 'Its server was lost.' : 'Its server was stopped.',
  };
  return execution.record([{ type: 'resumption', actor: 'SYSTEM', payload }]);
}

/** Performs one step. It is aborted when the run ends, the lease is lost, or the run's time is used up. */
async function performWithinDeadline(execution: RunExecution, run: Run, control: AbortSignal): Promise<StepOutcome> {
  const { configuration, dependencies, lease } = execution;
  const { clock, runStore } = dependencies;
  const { signal, abort, unlink } = linkedAbort(control);
  const left = () => configuration.limits.runSeconds * 1000 - execution.workMilliseconds();
  let cancelTimer = clock.after(Math.max(0, left()), onTime);
  // While the run waits for an answer that a tool needs, its time stands still.
  function onTime(): void {
    if (left() <= 0) abort('deadline' satisfies StopReason);
    else cancelTimer = clock.after(Math.max(DEADLINE_CHECK_MILLISECONDS, left()), onTime);
  }
  try {
    return await perform(execution, run, signal);
  } catch (error) {
    if (!signal.aborted) {
      // Other calls of the step may be in progress, and nobody takes their results any more.
      abort(error);
      return failUnexpectedly(execution, error);
    }
    if (signal.reason !== 'deadline') return { kind: 'stop', leaseReleased: signal.reason === 'lease-lost' };
    const newest = await runStore.load(lease.runId);
    return newest && !isTerminal(newest.state.status)
      ? { kind: 'continue', run: newest }
      : { kind: 'stop', leaseReleased: false };
  } finally {
    cancelTimer();
    unlink();
  }
}

async function perform(execution: RunExecution, run: Run, signal: AbortSignal): Promise<StepOutcome> {
  const { configuration, dependencies, lease } = execution;
  const next = nextStep(run, configuration.limits, execution.workMilliseconds());
  if ('calls' in next) {
    // After a restart, a run in the middle of its calls would otherwise be ahead of the MCP servers that have its tools.
    const names = next.calls.map(({ tool }) => tool);
    await dependencies.toolbox.waitUntilReady(names, signal);
  }
  switch (next.kind) {
    case 'start':
      // The database allows one run in progress for each session. A second one stays PENDING.
      return execution.recordCommand({
        kind: 'start',
        turn: (await newestTurn(dependencies.database, lease.sessionId)) + 1,
      });
    case 'call-model':
      return modelStep(execution, run, next.step, signal);
    case 'evaluate-policy':
      return requestedStep(execution, next.calls, signal);
    case 'execute':
      return toolStep(execution, next.calls, signal);
    case 'recover':
      return recoverStep(execution, next.calls, signal);
    case 'transition':
      // Decided again on the newest fold: a client may have recorded something that needs another step.
      return execution.record([]);
    case 'wait':
    case 'ended':
      return { kind: 'stop', leaseReleased: false };
    default:
      return next satisfies never;
  }
}

/** When the store fails, the lease expires and the run is resumed. Any other error is a defect, and fails the run. */
async function failUnexpectedly(
  { dependencies, lease, recordCommand }: RunExecution,
  error: unknown,
): Promise<StepOutcome> {
  if (error instanceof StoreError) throw error;
  const errorId = dependencies.newId('error');
  dependencies.logger.error({ err: error, errorId, runId: lease.runId }, 'a run failed unexpectedly');
  const message = `An unexpected error occurred in the gateway. Its log has the details under ${errorId}.`;
  return recordCommand({ kind: 'fail', error: { code: 'INTERNAL', message, retryable: true } });
}
