import { MODEL_STEP_ATTEMPTS } from '../../config/limits.ts';
import { canRead } from '../../domain/attachment.ts';
import type { AttachmentRef, RunError } from '../../domain/events.ts';
import type { Run } from '../../domain/run.ts';
import { modelsInOrder } from '../../models/catalogue.ts';
import { openCircuitError } from '../../models/circuit.ts';
import type { ModelError } from '../../models/model.ts';
import type { RunExecution, StepOutcome } from '../run-execution.ts';
import { callModel, type ModelCallOutcome } from './call-model.ts';

/**
 * One model call, by the configured model or by one of its fallbacks. Each model gets a context that fits its own window, so
 * each has a `context` event of its own. Once a model has produced output, no other model takes over: the step starts again.
 */
export async function modelStep(
  execution: RunExecution,
  run: Run,
  step: number,
  signal: AbortSignal,
): Promise<StepOutcome> {
  const { configuration, dependencies } = execution;
  const { catalogue } = configuration;
  const { logger } = dependencies;
  const configured = catalogue.find(configuration.model);
  if (!configured) return fail(execution, unknownModel(configuration.model));
  const unread = run.attachments.find((attachment) => !canRead(configured.attachments, attachment));
  if (unread) return fail(execution, unreadable(configured.name, unread));
  let failure: ModelError | null = null;
  for (const model of modelsInOrder(catalogue, configured)) {
    if (!model.circuit.admits() || !run.attachments.every((each) => canRead(model.attachments, each))) continue;
    const call = { run, step, model, isTight: false, signal };
    let outcome = await callModel(execution, call);
    // The provider counts tokens differently: try once more with half of the window.
    if (isOverflow(outcome)) outcome = await callModel(execution, { ...call, isTight: true });
    if (outcome.kind === 'recorded') return outcome.step;
    failure = outcome.failure;
    // Without the message, which may repeat what the provider was sent.
    logger.warn({ runId: run.runId, model: model.name, code: failure.code }, 'a model call failed');
    if (outcome.hasOutput) return startStepAgain(execution, run, step, failure);
    if (!failure.isForFallback) break;
  }
  return fail(execution, runError(failure ?? openCircuitError(configured.name)));
}

function isOverflow(outcome: ModelCallOutcome): boolean {
  return outcome.kind === 'failed' && outcome.failure.code === 'CONTEXT_OVERFLOW' && !outcome.hasOutput;
}

/** After an answer that broke off. There is no delay: a provider in trouble fails before its first output, where retries wait. */
function startStepAgain(execution: RunExecution, run: Run, step: number, failure: ModelError): Promise<StepOutcome> {
  const attempt = run.brokenAnswers + 1;
  if (!failure.retryable || attempt >= MODEL_STEP_ATTEMPTS) return fail(execution, runError(failure));
  const payload = {
    attempt,
    step,
    epoch: execution.lease.epoch,
    lost: false,
    alone: false,
    brokeOff: true,
    reason: `The answer broke off, and the step starts again. ${failure.message}`,
  };
  return execution.record([{ type: 'resumption', actor: 'SYSTEM', payload }]);
}

function fail(execution: RunExecution, error: RunError): Promise<StepOutcome> {
  return execution.recordCommand({ kind: 'fail', error });
}

function runError({ code, message, retryable }: ModelError): RunError {
  return { code, message, retryable };
}

/** Messages are checked before they are recorded, so the agent or the configuration has changed since. */
function unreadable(model: string, { name, mediaType }: AttachmentRef): RunError {
  const message = `The model "${model}" cannot read "${name}", which is ${mediaType}.`;
  return { code: 'MODEL_REFUSED', message, retryable: false };
}

function unknownModel(name: string): RunError {
  return { code: 'MODEL_UNAVAILABLE', message: `The model "${name}" is not configured.`, retryable: false };
}
