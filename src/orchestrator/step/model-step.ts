import { MODEL_STEP_ATTEMPTS } from '../../config/limits.ts';
import type { NewEvent, RunError } from '../../domain/events.ts';
import type { Run } from '../../domain/run.ts';
import { circuitIsOpen } from '../../models/circuit.ts';
import { isForFallback, modelsInOrder } from '../../models/fallback.ts';
import type { ModelError } from '../../models/model.ts';
import type { OrchestratorDependencies } from '../dependencies.ts';
import type { Lease } from '../leases.ts';
import type { RunConfiguration } from '../run-configuration.ts';
import { callModel, type ModelCallOutcome } from './call-model.ts';
import { type Progress, recordCommand, recordEvents } from './record-step.ts';

/**
 * One model call, by the model that was asked for or by a fallback. Each model is shown what fits its own window, so each
 * has a `context` of its own on the tape. Once something was said, no other model takes over: the step begins again.
 */
export async function modelStep(
  environment: OrchestratorDependencies,
  lease: Lease,
  setting: RunConfiguration,
  run: Run,
  step: number,
  signal: AbortSignal,
): Promise<Progress> {
  const { catalogue } = environment.services;
  const asked = catalogue.find(setting.model);
  if (!asked) return fail(environment, lease, unknownModel(setting.model));
  let failure = circuitIsOpen(asked.name);
  for (const model of modelsInOrder(catalogue, asked)) {
    if (!model.circuit.admits()) continue;
    const question = { setting, run, step, model, isTight: false, signal };
    let outcome = await callModel(environment, lease, question);
    // Its provider counts otherwise than we do: once more, with half of the window.
    if (isOverflow(outcome)) outcome = await callModel(environment, lease, { ...question, isTight: true });
    if (outcome.kind === 'recorded') return outcome.progress;
    failure = outcome.failure;
    // Without its message: providers like to repeat what they were sent.
    environment.logger.warn({ runId: run.runId, model: model.name, code: failure.code }, 'a model call failed');
    if (outcome.hasSpoken) return beginAgain(environment, lease, run, step, failure);
    if (!isForFallback(failure)) break;
  }
  return fail(environment, lease, runError(failure));
}

function isOverflow(outcome: ModelCallOutcome): boolean {
  return outcome.kind === 'failed' && outcome.failure.code === 'CONTEXT_OVERFLOW' && !outcome.hasSpoken;
}

/**
 * An answer that broke off is taken back, and the step begins again: at once, since a provider that is in trouble shows
 * it before its first word, where the waits are.
 */
function beginAgain(
  environment: OrchestratorDependencies,
  lease: Lease,
  run: Run,
  step: number,
  failure: ModelError,
): Promise<Progress> {
  if (!failure.retryable || run.brokenAnswers + 1 >= MODEL_STEP_ATTEMPTS) {
    return fail(environment, lease, runError(failure));
  }
  const resumption: NewEvent = {
    type: 'resumption',
    actor: 'SYSTEM',
    payload: {
      attempt: run.brokenAnswers + 1,
      step,
      epoch: lease.epoch,
      lost: false,
      brokeOff: true,
      reason: `The answer broke off, and the model is asked again. ${failure.message}`,
    },
  };
  return recordEvents(environment, lease, [resumption]);
}

function fail(environment: OrchestratorDependencies, lease: Lease, error: RunError): Promise<Progress> {
  return recordCommand(environment, lease, { kind: 'fail', error });
}

function runError({ code, message, retryable }: ModelError): RunError {
  return { code, message, retryable };
}

function unknownModel(name: string): RunError {
  return { code: 'MODEL_UNAVAILABLE', message: `There is no model "${name}" in the configuration.`, retryable: false };
}
