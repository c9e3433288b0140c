import { readAttachment } from '../../application/attachments/read-attachment.ts';
import { nextTurn } from '../../clock.ts';
import { COMMIT_WORK } from '../../config/limits.ts';
import type { ChargedCall } from '../../context/charged-model.ts';
import { tokensOfBytes } from '../../context/token-estimate.ts';
import { StoreError } from '../../database/store-error.ts';
import type { AttachmentRef, NewEvent } from '../../domain/events.ts';
import { ModelError, type ModelFinish, type ModelRequest } from '../../models/model.ts';
import { withAttachments } from '../../models/shown-attachments.ts';
import { linkedAbort } from '../linked-abort.ts';
import type { RunExecution, StepOutcome } from '../run-execution.ts';
import { chargeCall, stopAtBudget } from './charge-call.ts';
import { checkResult } from './check-result.ts';
import { closeAnswer } from './close-answer.ts';
import { createDeltaRecorder, type DeltaRecorder } from './delta-recorder.ts';
import { encryptInputs } from './encrypted-input.ts';
import { type ModelCall, prepareContext } from './prepare-context.ts';
import { answerStep } from './tool-step.ts';

/** The finish reason of an answer that this server cut off. */
const GATEWAY_LIMIT = 'gateway-limit';
/** Reasons for which this file aborts a model call. */
const answerIsCut = new Error('The answer has reached its limit.');
const runIsGone = new Error('The run is not executed here any more.');

export type ModelCallOutcome =
  | { kind: 'recorded'; step: StepOutcome }
  /** `hasOutput`: part of the answer arrived before the failure. */
  | { kind: 'failed'; failure: ModelError; hasOutput: boolean };

/** Assembles the context, calls the model, records its answer while it streams, and executes the first of its calls. */
export async function callModel(execution: RunExecution, call: ModelCall): Promise<ModelCallOutcome> {
  const { run, step, model } = call;
  const prepared = await prepareContext(execution, call);
  if (prepared.kind === 'stop') return { kind: 'recorded', step: prepared.step };
  const { record, tokens } = prepared.context;
  const loaded = await loadAttachments(execution, prepared.context.request);
  if (loaded.kind === 'failed') return loaded;
  const { request } = loaded;
  const inputTokens = record.estimatedTokens;
  const charge = await chargeCall(execution, { run, model, inputTokens, signal: call.signal });
  if (charge.kind === 'exceeded') return { kind: 'recorded', step: await stopAtBudget(execution, charge) };
  // The model is called while the context is recorded. Nothing of its answer is recorded before.
  const contextRecorded = execution.record([{ type: 'context', actor: 'SYSTEM', payload: record }]);
  const traceParent = execution.traceParent(execution.nextModelCall());
  const traced = traceParent === undefined ? request : { ...request, traceParent };
  const answer = await streamAnswer(execution, call, { request: traced, charge, inputTokens, contextRecorded });
  switch (answer.kind) {
    case 'gone':
      return { kind: 'recorded', step: { kind: 'stop', leaseReleased: false } };
    case 'failed':
      return answer;
    case 'answered': {
      const { finish, deltas, rest } = answer;
      if (finish.usage) {
        const measured = { estimated: tokens, counted: finish.usage.input };
        execution.dependencies.tokenMeter.observe(model.name, measured);
      }
      const text = deltas.text();
      const result = await checkResult(execution, { text, finish, request });
      // Making the text, and then its rows, takes milliseconds each.
      if (text.length > COMMIT_WORK) await nextTurn();
      const answered = { model, finish, text, bytes: deltas.bytes(), step, estimatedInput: inputTokens, result };
      const closing = await closeAnswer(execution, answered);
      const closed = {
        events: [...rest, ...closing.events],
        rows: [...closing.rows, ...encryptInputs(execution, closing.events)],
        settle: () => charge.settle(closing.usage),
      };
      return { kind: 'recorded', step: await answerStep(execution, closed, call.signal) };
    }
    default:
      return answer satisfies never;
  }
}

type Loaded = { kind: 'loaded'; request: ModelRequest } | { kind: 'failed'; failure: ModelError; hasOutput: false };

/** Reads what the model is shown of the attachments. */
async function loadAttachments(
  { dependencies, configuration, lease }: RunExecution,
  request: ModelRequest,
): Promise<Loaded> {
  const { owner } = configuration.session;
  try {
    const read = (attachment: AttachmentRef) => readAttachment(dependencies, owner, attachment);
    return { kind: 'loaded', request: await withAttachments(request, read) };
  } catch (error) {
    if (error instanceof StoreError) throw error;
    dependencies.logger.error({ err: error, runId: lease.runId }, 'an attachment could not be read');
    const message = 'An attachment could not be read from the store. The log of the server has the details.';
    return { kind: 'failed', failure: new ModelError('INTERNAL', message, { retryable: true }), hasOutput: false };
  }
}

type Answer =
  /** `rest`: the last events of the answer, which are recorded with its end. */
  | { kind: 'answered'; finish: ModelFinish; deltas: DeltaRecorder; rest: NewEvent[] }
  | { kind: 'failed'; failure: ModelError; hasOutput: boolean }
  | { kind: 'gone' };

interface CallInProgress {
  request: ModelRequest;
  charge: ChargedCall;
  /** Estimated tokens of the request. */
  inputTokens: number;
  contextRecorded: Promise<StepOutcome>;
}

/** Settles the charge unless the call is answered. */
async function streamAnswer(
  execution: RunExecution,
  { model, step, signal }: ModelCall,
  { request, charge, inputTokens, contextRecorded }: CallInProgress,
): Promise<Answer> {
  const call = linkedAbort(signal);
  let isGone = false;
  let storeFailure: unknown = null;
  const onStop = (error: unknown) => {
    isGone = true;
    storeFailure = error;
    call.abort(runIsGone);
  };
  const { answerBytes } = execution.dependencies.settings;
  const onCut = () => call.abort(answerIsCut);
  const ready = contextRecorded.then(({ kind }) => kind !== 'stop');
  const deltas = createDeltaRecorder({ step, answerBytes, ready, record: execution.record, onStop, onCut });
  ready.then((isReady) => isReady || onStop(null), onStop);
  try {
    const finish = await model.model.stream(withLimit(request, charge), deltas.sink, call.signal);
    const rest = await deltas.takeRest();
    await contextRecorded;
    // The answer is complete, but part of it could not be recorded: the step starts again.
    if (isGone) throw runIsGone;
    return { kind: 'answered', finish: deltas.isCut() ? cut(finish) : finish, deltas, rest };
  } catch (error) {
    // Whatever the failure is, the output before it is recorded.
    await deltas.finish();
    if (storeFailure !== null) throw storeFailure;
    if (error === answerIsCut) return { kind: 'answered', finish: cut(), deltas, rest: [] };
    const output = tokensOfBytes(deltas.bytes());
    // A provider that fails before its first output charges nothing.
    const isCharged = deltas.hasOutput() || !(error instanceof ModelError);
    await charge.settle(isCharged ? { input: inputTokens, output, cachedInput: null } : null);
    if (error === runIsGone) return { kind: 'gone' };
    await contextRecorded;
    if (error instanceof ModelError) {
      return { kind: 'failed', failure: error, hasOutput: deltas.hasOutput() };
    }
    throw error;
  } finally {
    call.unlink();
  }
}

function withLimit(request: ModelRequest, { maxOutputTokens }: ChargedCall): ModelRequest {
  return maxOutputTokens === null ? request : { ...request, maxOutputTokens };
}

/** The end of an answer that was cut off. `finish` is the provider's own end, if it came nevertheless. */
const cut = (finish?: ModelFinish): ModelFinish => ({
  reason: GATEWAY_LIMIT,
  calls: [],
  usage: finish?.usage ?? null,
  responseId: finish?.responseId ?? null,
});
