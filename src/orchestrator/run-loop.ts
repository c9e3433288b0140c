import { StoreError } from '../database/store-error.ts';
import { nextStep } from '../domain/next-step.ts';
import { activeMilliseconds, hasOpenWork, type Run } from '../domain/run.ts';
import { isTerminal } from '../domain/transitions.ts';
import type { OrchestratorDependencies } from './dependencies.ts';
import { type Lease, releaseLease } from './leases.ts';
import { loadRunConfiguration, type RunConfiguration } from './run-configuration.ts';
import { modelStep } from './step/model-step.ts';
import { policyStep } from './step/policy-step.ts';
import { type Progress, recordCommand, recordEvents } from './step/record-step.ts';
import { startRun } from './step/start-run.ts';
import { recoverStep, toolStep } from './step/tool-step.ts';

/** Why an executor is told to let go of what it does. */
export type StopReason = 'ended' | 'lease-lost' | 'shutdown' | 'deadline';

export interface RunControl {
  /** Aborts with a StopReason; fires for the step under way. */
  signal: AbortSignal;
  /** Whether the server is stopping: no new step is begun. */
  stopping(): boolean;
}

/**
 * Asks the fold what is next, does it, records it, and asks again, until the run ends, waits for a person, or belongs to
 * somebody else. Resuming after a crash, an approval or a restart is this same path.
 */
export async function executeRun(
  environment: OrchestratorDependencies,
  lease: Lease,
  control: RunControl,
): Promise<void> {
  const { store } = environment;
  const before = await store.runStore.load(lease.runId);
  const setting = before && (await loadRunConfiguration(environment, before));
  if (!before || !setting) return giveBack(environment, lease);
  const own = { ...environment, settings: { ...environment.settings, limits: setting.limits } };
  return goThrough(own, lease, control, before, setting);
}

async function goThrough(
  environment: OrchestratorDependencies,
  lease: Lease,
  control: RunControl,
  before: Run,
  setting: RunConfiguration,
): Promise<void> {
  let progress = await takeUp(environment, lease, before);
  while (progress.kind === 'go-on' && !control.stopping()) {
    progress = await performGuarded(environment, lease, setting, progress.run, control);
  }
  if (progress.kind === 'go-on' || !progress.handedBack) await giveBack(environment, lease);
}

/** A run whose executor vanished is taken up a few times, then given up; time in which nobody worked on it is not counted. */
async function takeUp(environment: OrchestratorDependencies, lease: Lease, run: Run): Promise<Progress> {
  if (run.state.status !== 'IN_PROGRESS') return { kind: 'go-on', run };
  const { maxResumptions, leaseSeconds } = environment.settings;
  const rested = environment.clock.now() - run.lastWorkAt;
  if (!lease.lost && !hasOpenWork(run) && rested < leaseSeconds * 1000) return { kind: 'go-on', run };
  if (lease.lost && run.resumptionsWithoutProgress >= maxResumptions) {
    const message = `The run was taken up again ${maxResumptions} times in a row without getting further.`;
    return recordCommand(environment, lease, {
      kind: 'fail',
      error: { code: 'RESUME_LIMIT', message, retryable: true },
    });
  }
  const payload = {
    attempt: run.resumptions + 1,
    step: run.step.at === 'calling' ? run.step.step : Math.max(1, run.steps),
    epoch: lease.epoch,
    lost: lease.lost,
    brokeOff: false,
    reason: lease.lost ? 'Its server was lost.' : 'Its server was stopped.',
  };
  return recordEvents(environment, lease, [{ type: 'resumption', actor: 'SYSTEM', payload }]);
}

/** One step, ended from outside where the run ends, the lease is lost, or its time is up. */
async function performGuarded(
  environment: OrchestratorDependencies,
  lease: Lease,
  setting: RunConfiguration,
  run: Run,
  control: RunControl,
): Promise<Progress> {
  const { clock, settings, store } = environment;
  const late = new AbortController();
  const left = settings.limits.runSeconds * 1000 - activeMilliseconds(run, clock.now());
  const cancelTimer = clock.after(Math.max(0, left), () => late.abort('deadline' satisfies StopReason));
  const signal = AbortSignal.any([control.signal, late.signal]);
  try {
    return await perform(environment, lease, setting, run, signal);
  } catch (error) {
    if (!signal.aborted) return failed(environment, lease, error);
    if (signal.reason !== 'deadline') return { kind: 'stop', handedBack: signal.reason === 'lease-lost' };
    const now = await store.runStore.load(lease.runId);
    return now && !isTerminal(now.state.status) ? { kind: 'go-on', run: now } : { kind: 'stop', handedBack: false };
  } finally {
    cancelTimer();
  }
}

async function perform(
  environment: OrchestratorDependencies,
  lease: Lease,
  setting: RunConfiguration,
  run: Run,
  signal: AbortSignal,
): Promise<Progress> {
  const next = nextStep(run, environment.settings.limits, environment.clock.now());
  // A run that a restart finds in the middle of its calls would else be ahead of the servers that have their tools.
  if ('calls' in next) {
    const names = next.calls.map(({ tool }) => tool);
    await environment.services.toolbox.settled(names, signal);
  }
  switch (next.kind) {
    case 'start':
      return startRun(environment, lease);
    case 'call-model':
      return modelStep(environment, lease, setting, run, next.step, signal);
    case 'judge':
      return policyStep(environment, lease, setting, next.calls);
    case 'execute':
      return toolStep(environment, lease, setting, next.calls, signal);
    case 'recover':
      return recoverStep(environment, lease, setting, next.calls, signal);
    case 'transition':
      // Asked again in the append: what a client recorded meanwhile may call for another step.
      return recordEvents(environment, lease, []);
    case 'wait':
    case 'ended':
      return { kind: 'stop', handedBack: false };
    default:
      return next satisfies never;
  }
}

/** A store that fails lets the lease run out, and the run is taken up again; anything else is a fault of ours. */
async function failed(environment: OrchestratorDependencies, lease: Lease, error: unknown): Promise<Progress> {
  if (error instanceof StoreError) throw error;
  const errorId = environment.newId('error');
  environment.logger.error({ err: error, errorId, runId: lease.runId }, 'a run failed unexpectedly');
  const message = `Something went wrong in the gateway. Its log has the details under ${errorId}.`;
  return recordCommand(environment, lease, { kind: 'fail', error: { code: 'INTERNAL', message, retryable: true } });
}

async function giveBack({ store }: OrchestratorDependencies, lease: Lease): Promise<void> {
  await store.database.commit([releaseLease(lease)]);
}
